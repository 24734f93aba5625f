//! Durations of PromQL that are computed: `temperature[1m + 1m]`.

use std::collections::BTreeMap;

use crate::support::promql_recorded::recorded;
use serde_json::Value;

/// A group of `tests/cases/promql_durations.json`: the query, and the query that is the same or the error.
fn cases(group: &str) -> Vec<[String; 2]> {
    let cases = include_str!("../cases/promql_durations.json");
    let mut groups: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(cases).unwrap();
    groups.remove(group).unwrap()
}

/// Which of the forms is refused, and how, was seen on a Prometheus 3.14.
#[tokio::test(flavor = "multi_thread")]
async fn arithmetic_with_durations_gives_what_the_plain_duration_gives() {
    let (answers, embedded) = recorded().await;
    let time = answers.iter().find_map(|it| it["end"].as_i64()).unwrap();
    let (now, start) = (time.to_string(), (time - 600).to_string());
    let instant = async |query: &str| {
        let params = [("query", query), ("time", &now)];
        embedded.http.post("/api/v1/query", &params).await
    };
    for [query, plain] in cases("same as") {
        let (status, ours) = instant(&query).await;
        let (_, wanted) = instant(&plain).await;
        assert_eq!(status, 200, "{query}: {ours}");
        assert_ne!(
            wanted["data"]["result"],
            Value::Array(Vec::new()),
            "{plain}"
        );
        assert_eq!(ours["data"], wanted["data"], "{query}");
    }
    for [query, problem] in cases("refused") {
        let (status, ours) = instant(&query).await;
        assert_eq!(status, 400, "{query}: {ours}");
        let error = ours["error"].as_str().unwrap();
        assert!(error.ends_with(&problem), "{query}: {error}");
    }
    let range = async |query: &str| {
        let params = [
            ("query", query),
            ("start", &start),
            ("end", &now),
            ("step", "30"),
        ];
        embedded.http.post("/api/v1/query_range", &params).await
    };
    for [query, plain] in cases("same over a range") {
        let (status, ours) = range(&query).await;
        assert_eq!(status, 200, "{query}: {ours}");
        assert_eq!(ours["data"], range(&plain).await.1["data"], "{query}");
    }
}
