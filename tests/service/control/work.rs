//! Faults of a request's own work, as they look in spans, log lines and metrics.

use std::time::Duration;

use serde_json::json;

use super::{Faulty, SLOW, begin, count_of, send_to, spans, took};
use crate::support::collector::Collector;
use crate::support::{eventually, http};

#[test]
fn latency_is_in_a_span_of_the_work_and_goes_with_the_fault() {
    let collector = Collector::start();
    let faulty = Faulty::observed(&collector, &[]);
    let fault = json!({"kind": "latency", "ms": SLOW, "routes": ["/items/{item_id}"],
        "when": {"item_id": "42"}});
    faulty.put(json!([fault]));
    let (response, slow) = faulty.timed("/items/42");
    assert_eq!(response.status, 200);
    assert!(slow >= Duration::from_millis(SLOW), "{slow:?}");
    for quick in ["/items/41", "/"] {
        assert!(
            faulty.timed(quick).1 < Duration::from_millis(SLOW),
            "{quick}"
        );
    }
    // Both requests to the route have the span, so that they can be compared.
    let lookups = spans(&collector, 2, "items.lookup");
    let of = |id: &str| {
        let mut found = lookups.iter();
        let found = found.find(|span| span.attribute("item_id").as_deref() == Some(id));
        found.unwrap_or_else(|| panic!("a span of {id}")).clone()
    };
    assert!(took(&of("42")) >= Duration::from_millis(SLOW));
    assert!(took(&of("41")) < Duration::from_millis(SLOW));
    let servers = spans(&collector, 2, "GET /items/{item_id}");
    let parent = servers
        .iter()
        .find(|span| span.span_id() == of("42").parent_id());
    assert!(took(parent.expect("the server span")) >= took(&of("42")));
    let slow = "salvo_requests_duration_seconds_bucket{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\",le=\"0.25\"}";
    assert_eq!(faulty.app.metric(slow), 1.0);

    faulty.clear();
    assert!(faulty.timed("/items/42").1 < Duration::from_millis(SLOW));
    spans(&collector, 3, "GET /items/{item_id}");
    assert_eq!(count_of(&collector, "items.lookup"), 2);
}

#[test]
fn a_fault_can_concern_the_requests_with_a_member_of_the_baggage_a_query_or_a_header() {
    let faulty = Faulty::start("app", &[]);
    let error = |key: &str, value: &str| json!({"kind": "error", "when": {key: value}});
    let get = |target: &str, header: &str| {
        send_to(faulty.app.address, "GET", target, &[header], b"").status
    };
    for (key, value, target, header, other) in [
        (
            "baggage.tenant",
            "a c",
            "/",
            "baggage: x=1, tenant = a%20c;p=2",
            "baggage: tenant=ac",
        ),
        ("query.q", "a b", "/items/1?q=a%20b", "x: y", "x: z"),
        ("header.X-Canary", "1", "/", "x-canary: 1", "x-canary: 2"),
    ] {
        faulty.put(json!([error(key, value)]));
        assert_eq!(get(target, header), 500, "{key}");
        let target = target.split('?').next().expect("a path");
        assert_eq!(get(target, other), 200, "{key}");
    }
}

#[test]
fn an_error_is_in_the_span_the_log_and_the_counter_with_its_causes() {
    let collector = Collector::start();
    let faulty = Faulty::observed(&collector, &[]);
    for (number, (exception, kind)) in [
        ("query-timeout", "QueryTimeout"),
        ("connection-refused", "ConnectError"),
        ("decode", "DecodeError"),
        ("permission-denied", "StorageError"),
        ("disk-full", "StorageError"),
        ("name-resolution", "ResolveError"),
        ("certificate-expired", "TlsError"),
        ("panic", "panic"),
    ]
    .into_iter()
    .enumerate()
    {
        let message = format!("the shelf {number} is gone");
        let status = if exception == "panic" { 500 } else { 503 };
        faulty.put(
            json!([{"kind": "error", "exception": exception, "status": status,
            "message": message, "routes": ["/items/{item_id}"]}]),
        );
        let response = faulty.app.get("/items/1");
        assert_eq!(response.status, status, "{exception}");
        assert!(!response.body.contains(&message), "{}", response.body);
        let line = faulty.app.line_with(&message);
        assert!(line.contains(" ERROR "), "{line}");
        let span = &collector.wait_for(1, |span| {
            span.event_attribute("exception", "exception.message")
                .as_deref()
                == Some(&message)
        })[0];
        assert_eq!(span.span.name, "GET /items/{item_id}");
        let text = |key| span.event_attribute("exception", key).expect(key);
        let full = text("exception.type");
        assert!(
            full == kind || full.ends_with(&format!("::{kind}")),
            "{full}"
        );
        if kind != "panic" {
            let causes = text("exception.stacktrace").matches("caused by").count();
            assert!(causes >= 1, "{exception}");
        }
        let page = faulty.app.openmetrics();
        let counted = format!("exception_type=\"{full}\"");
        assert!(page.contains(&counted), "{exception}: {page}");
    }
    assert!(
        faulty
            .app
            .log()
            .iter()
            .any(|line| line.starts_with("  caused by: "))
    );
    faulty.clear();
    assert_eq!(faulty.app.get("/items/1").status, 200);
}

#[test]
fn work_that_blocks_its_thread_makes_other_routes_slow_too() {
    let collector = Collector::start();
    let faulty = Faulty::observed(&collector, &[]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let ms = 1000;
    faulty.put(json!([{"kind": "blocking", "ms": ms, "routes": ["/items/{item_id}"]}]));
    // One for each thread of the service, and some that wait.
    let mut requests: Vec<_> = (0..threads * 2)
        .map(|_| begin(faulty.app.address, "/items/1"))
        .collect();
    let (_, slow) = faulty.timed("/");
    assert!(slow >= Duration::from_millis(ms / 4), "{slow:?}");
    // The control port answers all the while, and ends it.
    faulty.clear();
    for request in &mut requests {
        assert_eq!(http::read(request).expect("a response").status, 200);
    }
    let (_, quick) = faulty.timed("/");
    assert!(quick < Duration::from_millis(ms / 4), "{quick:?}");
    let lookups = spans(&collector, threads, "items.lookup");
    assert!(
        lookups
            .iter()
            .any(|span| took(span) >= Duration::from_millis(ms / 4))
    );
}

#[test]
fn a_leak_grows_to_its_bound_and_is_given_back() {
    let faulty = Faulty::start("app", &[]);
    for _ in 0..20 {
        faulty.app.get("/items/1");
    }
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let before = mib(faulty.app.memory());
    let grown = || mib(faulty.app.memory()) - before;
    faulty.put(
        json!([{"kind": "leak", "bytes_per_request": 4 << 20, "max_mib": 100,
        "routes": ["/items/{item_id}"]}]),
    );
    for _ in 0..10 {
        faulty.app.get("/items/1");
    }
    assert!((39.0..60.0).contains(&grown()), "{} MiB", grown());
    faulty.app.get("/");
    for _ in 0..40 {
        faulty.app.get("/items/1");
    }
    assert!((99.0..120.0).contains(&grown()), "{} MiB", grown());
    faulty.clear();
    eventually("the memory is given back", || {
        (grown() < 20.0).then_some(())
    });
}

#[test]
fn a_deadlock_hangs_its_route_while_the_service_says_that_it_is_ready() {
    let collector = Collector::start();
    let faulty = Faulty::observed(&collector, &[("REQUEST_TIMEOUT", "700")]);
    faulty.put(json!([{"kind": "deadlock", "routes": ["/items/{item_id}"]}]));
    // The service's own bound ends it.
    let (late, slow) = faulty.timed("/items/1");
    assert_eq!(late.status, 504);
    assert!(slow >= Duration::from_millis(700), "{slow:?}");
    let lookup = &spans(&collector, 1, "items.lookup")[0];
    assert!(took(lookup) >= Duration::from_millis(600));
    let mut hanging: Vec<_> = (0..3)
        .map(|_| begin(faulty.app.address, "/items/1"))
        .collect();
    let in_progress =
        "salvo_requests_in_progress{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\"}";
    eventually("requests in progress", || {
        (faulty.app.metric(in_progress) == 3.0).then_some(())
    });
    for fine in ["/readyz", "/livez", "/"] {
        assert_eq!(faulty.app.get(fine).status, 200, "{fine}");
    }
    faulty.clear();
    for request in &mut hanging {
        assert_eq!(http::read(request).expect("a response").status, 200);
    }
    assert_eq!(faulty.app.metric(in_progress), 0.0);
    assert_eq!(spans(&collector, 1, "GET /").len(), 1);
}

#[test]
fn a_service_with_hanging_requests_stops_at_once() {
    let mut faulty = Faulty::start("app", &[]);
    faulty.put(json!([{"kind": "deadlock"}]));
    let mut hanging = begin(faulty.app.address, "/");
    eventually("a request in progress", || {
        let series = "salvo_requests_in_progress{app_name=\"app\",method=\"GET\",path=\"/\"}";
        (faulty.app.metric(series) == 1.0).then_some(())
    });
    let began = std::time::Instant::now();
    faulty.app.signal("TERM");
    assert_eq!(http::read(&mut hanging).expect("a response").status, 200);
    assert!(faulty.app.wait().success());
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
}
