//! Small stores to ask: the same at every run.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use lab_backends::logs::store::{Entry, LabelSet, StreamEntries};
use lab_backends::metrics::Labels;
use lab_backends::{logs, metrics, traces};

use super::server::Server;

/// The time of all stores, Unix nanoseconds: a whole minute.
pub(super) const NOW: i64 = 1_795_360_560_000_000_000;

/// A second in nanoseconds.
pub(super) const SECOND: i64 = 1_000_000_000;

/// Values that the label `l` has in all three stores.
const VALUES: [&str; 12] = [
    "a", "A", "ab", "aab", "b1", "1", "k", "\u{212a}", "é", "x\ny", "{", "a b",
];

const LINES: [&str; 7] = [
    r#"level=info method=GET path=/a status=200 took=12ms size=1KB"#,
    r#"level=warn method=POST path=/b status=404 took=1.5s size=2MB"#,
    r#"level=error msg="it \"failed\"" status=500 took=2m size=10B"#,
    r#"{"level":"info","req":{"method":"GET","tags":["x","y"]},"n":1.50,"ok":true,"none":null,"a b":"c"}"#,
    r#"127.0.0.1 - - [now] "GET /api HTTP/1.1" 204 17"#,
    r#"{"_entry":"inner","app":"packed"}"#,
    "plain wörds \u{1b}[31mred\u{1b}[0m\nover two lines",
];

/// Loki with a few lines.
pub(super) static LOKI: LazyLock<Server> = LazyLock::new(|| {
    let limits = logs::Limits {
        query_timeout: Duration::from_secs(5),
        ..logs::Limits::for_store_of(64 << 20)
    };
    let store = logs::Store::with_clock(limits, logs::Clock::from_fn(|| NOW));
    let stream = |pairs: &[(&str, &str)], entries| StreamEntries {
        labels: LabelSet::new(pairs.iter().copied()).expect("labels"),
        entries,
    };
    let mut entries: Vec<_> = LINES
        .iter()
        .zip(1..)
        .map(|(line, at)| Entry::new(NOW - (60 - at * 7) * SECOND, *line))
        .collect();
    entries[4].metadata.push(("trace_id".into(), "abc".into()));
    let other = vec![Entry::new(NOW - 5 * SECOND, "level=info status=1 from=b")];
    let mut streams = vec![
        stream(&[("app", "a"), ("env", "test")], entries),
        stream(&[("app", "b"), ("env", "test")], other),
    ];
    for value in VALUES {
        let entry = Entry::new(NOW - SECOND, "value");
        streams.push(stream(&[("app", "values"), ("l", value)], vec![entry]));
    }
    store.push(streams).expect("lines");
    Server::new(logs::router(Arc::new(store)))
});

/// Prometheus with a few series of a quarter of an hour.
pub(super) static PROMETHEUS: LazyLock<Server> = LazyLock::new(|| {
    let store = metrics::Store::new(metrics::Limits::default());
    let now = NOW / 1_000_000;
    let series = |pairs: &[(&str, &str)], value: &dyn Fn(f64) -> f64| {
        let labels = Labels::from_pairs(pairs.iter().copied());
        for step in 0..60 {
            let time = now - (60 - step) * 15_000;
            let value = value(step as f64);
            store.append(&labels, time, value, now).expect("room");
        }
    };
    for (app, speed) in [("a", 1.0), ("b", 2.5)] {
        let own = |name| [("__name__", name), ("app", app), ("job", "fuzz")];
        // It starts anew in the middle.
        series(&own("requests_total"), &|step| (step % 40.0) * speed);
        series(&own("temperature"), &|step| (step * speed).sin() * 10.0);
        for (le, share) in [("0.1", 0.2), ("1", 0.7), ("+Inf", 1.0)] {
            let bucket = [("__name__", "latency_bucket"), ("app", app), ("le", le)];
            series(&bucket, &|step| (step * speed * share * 10.0).floor());
        }
        series(&own("build_info"), &|_| 1.0);
    }
    series(&[("__name__", "odd")], &|step| match step as u32 % 4 {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -0.0,
        _ => f64::NEG_INFINITY,
    });
    for value in VALUES {
        series(&[("__name__", "values"), ("l", value)], &|_| 1.0);
    }
    let limits = metrics::QueryLimits {
        timeout: Duration::from_secs(5),
        max_samples: 2_000_000,
        ..metrics::QueryLimits::for_store_of(16 << 20)
    };
    Server::new(metrics::router(
        Arc::new(store),
        Arc::default(),
        Arc::default(),
        limits,
    ))
});

/// Tempo with a few traces.
pub(super) static TEMPO: LazyLock<Server> = LazyLock::new(|| {
    let store = Arc::new(traces::Store::new(traces::Limits {
        max_age: Duration::from_secs(365 * 24 * 3600),
        max_search_time: Duration::from_secs(5),
        ..traces::Limits::for_store_of(64 << 20)
    }));
    let text = |key: &str, value: &str| serde_json::json!({ "key": key, "value": { "stringValue": value } });
    let span = |trace: usize, id: usize, parent: usize, attributes: Vec<serde_json::Value>| {
        let start = NOW - 60 * SECOND + id as i64 * 3_000_000;
        serde_json::json!({
            "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"),
            "parentSpanId": if parent == 0 { String::new() } else { format!("{parent:016x}") },
            "name": format!("GET /{}", id % 3), "kind": id % 6,
            "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + (100 - id as i64) * 1_000_000).to_string(),
            "attributes": attributes, "status": { "code": id % 3, "message": "said" },
            "events": [{ "name": "exception", "timeUnixNano": start.to_string(),
                         "attributes": [text("exception.type", "Odd")] }],
            "links": [{ "traceId": format!("{:032x}", 1), "spanId": format!("{:016x}", 1) }],
        })
    };
    let mixed = vec![
        text("http.route", "/shop"),
        serde_json::json!({ "key": "http.status_code", "value": { "intValue": "500" } }),
        serde_json::json!({ "key": "ratio", "value": { "doubleValue": 0.25 } }),
        serde_json::json!({ "key": "cached", "value": { "boolValue": false } }),
        serde_json::json!({ "key": "tags", "value": { "arrayValue": { "values": [
            { "stringValue": "red" }, { "intValue": "2" }] } } }),
        text("odd key", "here"),
    ];
    let mut spans = vec![
        span(1, 1, 0, mixed.clone()),
        span(1, 2, 1, mixed),
        span(1, 3, 1, Vec::new()),
        span(1, 4, 3, vec![text("http.route", "/cart")]),
        span(2, 5, 0, Vec::new()),
        // Its root never came.
        span(3, 6, 99, Vec::new()),
    ];
    for (value, number) in VALUES.iter().zip(10..) {
        spans.push(span(number, number, 0, vec![text("l", value)]));
    }
    let body = serde_json::json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", "shop"), text("region", "eu")] },
        "scopeSpans": [{ "scope": { "name": "http", "version": "1" }, "spans": spans }],
    }] });
    let receiver = Server::new(traces::ingest::router(Arc::clone(&store)));
    let taken = receiver.post(
        "/v1/traces",
        "application/json",
        body.to_string().as_bytes(),
    );
    assert!(taken.is_ok(), "{taken:?}");
    Server::new(traces::api::router(store))
});
