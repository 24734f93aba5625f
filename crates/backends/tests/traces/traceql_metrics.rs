//! Metrics queries of TraceQL count spans over time as Tempo 2.10 does.

use crate::support::shop;
use serde_json::{Value, json};

/// Labels of a series as text, and its values that are not 0.
fn lines(answer: &Value) -> Vec<String> {
    let series = answer["series"].as_array().unwrap().iter();
    let line = |series: &Value| {
        let labels = series["labels"].as_array().unwrap().iter();
        let labels: Vec<String> = labels
            .map(|label| {
                let value = label["value"].as_object().unwrap().values().next().unwrap();
                format!("{}={value}", label["key"].as_str().unwrap())
            })
            .collect();
        let value = |sample: &Value| sample["value"].as_f64();
        let values: Vec<f64> = match series["samples"].as_array() {
            Some(samples) => samples.iter().filter_map(value).collect(),
            None => value(series).into_iter().collect(),
        };
        format!("{} {values:?}", labels.join(","))
    };
    series.map(line).collect()
}

#[tokio::test]
async fn spans_are_counted_over_time_as_tempo_counts_them() {
    let backend = shop::backend().await;
    let get = |path: &'static str, query: &'static str| {
        let backend = &backend;
        async move {
            let params = [
                ("q", query),
                ("start", "1795359990"),
                ("end", "1795360010"),
                ("step", "10s"),
            ];
            backend.json(path, &params).await
        }
    };
    let range = "/api/metrics/query_range";
    let answer = get(range, "{} | count_over_time()").await;
    let stamps = answer["series"][0]["samples"].as_array().unwrap().iter();
    let stamps: Vec<&str> = stamps.map(|s| s["timestampMs"].as_str().unwrap()).collect();
    // One interval comes before the range, and each is named by its end.
    assert_eq!(stamps, ["1795359990000", "1795360000000", "1795360010000"]);

    for (query, expected) in [
        // A span that starts at the end of an interval belongs to it.
        (
            "{} | count_over_time()",
            vec!["__name__=\"count_over_time\" [1.0, 5.0]"],
        ),
        ("{} | rate()", vec!["__name__=\"rate\" [0.1, 0.5]"]),
        (
            "{ status = error } | rate()",
            vec!["__name__=\"rate\" [0.1]"],
        ),
        ("{ false } | rate()", vec![]),
        ("{ false } | rate() by (name)", vec![]),
        (
            "{ } | count_over_time() by (resource.service.name)",
            vec![
                "resource.service.name=\"cart\" [1.0]",
                "resource.service.name=\"gateway\" [1.0, 2.0]",
                "resource.service.name=\"stock\" [1.0]",
                "resource.service.name=\"worker\" [1.0]",
            ],
        ),
        // What a span does not have is no label; a series without any says nil.
        (
            "{ } | count_over_time() by (span.server.address)",
            vec![
                "span.server.address=\"cart\" [1.0]",
                "span.server.address=\"nil\" [1.0, 3.0]",
                "span.server.address=\"stock\" [1.0]",
            ],
        ),
        (
            "{ kind = client } | count_over_time() by (.server.address, status)",
            vec![
                ".server.address=\"cart\",status=\"unset\" [1.0]",
                ".server.address=\"stock\",status=\"unset\" [1.0]",
            ],
        ),
        (
            "{ kind = server } | by(resource.service.name) | count_over_time() by (span.http.response.status_code)",
            vec![
                "span.http.response.status_code=\"500\" [1.0]",
                "span.http.response.status_code=\"503\" [1.0]",
                "span.http.response.status_code=\"nil\" [1.0]",
            ],
        ),
    ] {
        let mut found = lines(&get(range, query).await);
        found.sort();
        assert_eq!(found, expected, "{query}");
    }

    let instant = "/api/metrics/query";
    assert_eq!(
        lines(&get(instant, "{} | rate()").await),
        ["__name__=\"rate\" [0.30000000000000004]"]
    );
    let answer = get(range, "{ status = error } | rate() by (name)").await;
    let exemplar = &answer["series"][0]["exemplars"][0];
    assert_eq!(exemplar["value"], 0.1);
    assert_eq!(exemplar["timestampMs"], "1795360000300");
    let labels = exemplar["labels"].as_array().unwrap();
    let trace = json!({ "key": "trace:id", "value": { "stringValue": "a1" } });
    assert!(labels.contains(&trace), "{labels:?}");
    let quiet = get(range, "{} | rate() with (exemplars=false)").await;
    assert_eq!(quiet["series"][0]["exemplars"], Value::Null);
}

#[tokio::test]
async fn a_metrics_query_that_cannot_be_answered_is_refused_by_name() {
    let backend = shop::backend().await;
    let good = [
        ("q", "{} | rate()"),
        ("start", "1795359990"),
        ("end", "1795360010"),
    ];
    for (name, value, message) in [
        ("q", "{}", "not a metrics query"),
        ("q", "{} | rate(", "parse error at line 1, col 11"),
        (
            "q",
            "{} | compare({ status = error })",
            "compare() is not supported",
        ),
        (
            "step",
            "1ms",
            "step of 1ms is too small, minimum step for given range is 2ms",
        ),
        ("step", "0", "step of 0s is too small"),
        (
            "step",
            "often",
            "cannot parse \"often\" to a valid duration",
        ),
        ("start", "1795360020", "end must be greater than start"),
        ("start", "yesterday", "could not parse 'start' parameter"),
        (
            "start",
            "1795340000",
            "metrics query time range exceeds the maximum allowed duration of 3h0m0s",
        ),
    ] {
        let mut params: Vec<_> = good.into_iter().filter(|(n, _)| *n != name).collect();
        params.push((name, value));
        let answer = backend.get("/api/metrics/query_range", &params).await;
        assert_eq!(answer.status, 400, "{name}={value}: {}", answer.text());
        assert!(
            answer.text().contains(message),
            "{name}={value}: {}",
            answer.text()
        );
    }
}
