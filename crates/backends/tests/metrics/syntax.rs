//! What `/format_query` and `/parse_query` make of a query is what the real Prometheus made of it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::metrics::Embedded;

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_formatted_and_parsed_as_by_prometheus() {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/prometheus_syntax.json")).unwrap();
    let embedded = Embedded::empty().await;
    let mut wrong = Vec::new();
    for wanted in golden["answers"].as_array().unwrap() {
        let query = wanted["query"].as_str().unwrap();
        for (path, field) in [("format_query", "formatted"), ("parse_query", "tree")] {
            let path = format!("/api/v1/{path}");
            let (status, answer) = embedded.http.get(&path, &[("query", query)]).await;
            let same = match wanted["error"].is_null() {
                true => status == 200 && answer["data"] == wanted[field],
                false => status.as_u16() == wanted["status"] && answer["error"] == wanted["error"],
            };
            if !same {
                let wanted = &wanted[if status == 200 { field } else { "error" }];
                wrong.push(format!("{path} {query}\n  {answer}\n  {wanted}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_formatted_reads_as_the_same_query() {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/prometheus_syntax.json")).unwrap();
    let embedded = Embedded::empty().await;
    for wanted in golden["answers"].as_array().unwrap() {
        let Some(formatted) = wanted["formatted"].as_str() else {
            continue;
        };
        let params = [("query", formatted)];
        let (_, again) = embedded.http.post("/api/v1/format_query", &params).await;
        assert_eq!(again["data"], formatted);
    }
}

/// Ten times as deep takes about as long, and not ten times: no level copies what is inside of it.
#[tokio::test(flavor = "multi_thread")]
async fn deep_queries_take_no_longer_than_long_ones() {
    let embedded = Embedded::empty().await;
    let inner = format!(r#"label_join(a,"b","c"{})"#, r#","""#.repeat(15_000));
    for path in ["/api/v1/format_query", "/api/v1/parse_query"] {
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..3 {
            for (depth, fastest) in [1, 90].into_iter().zip(&mut fastest) {
                let query = format!("{}{inner}{}", "floor(".repeat(depth), ")".repeat(depth));
                let began = Instant::now();
                let (status, _) = embedded.http.post(path, &[("query", &query)]).await;
                assert_eq!(status, 200);
                *fastest = began.elapsed().min(*fastest);
            }
        }
        let [shallow, deep] = fastest;
        assert!(deep < 10 * shallow, "{path}: {shallow:?}, {deep:?}");
    }
}
