//! Log queries of LogQL beyond the recorded answers; expectations come from Loki's documentation of the language.

use crate::support::logql::{LINES, backend};
use crate::support::logs::{NOW, SECOND};
use serde_json::{Value, json};

#[tokio::test]
async fn pipelines_return_the_documented_lines() {
    let backend = backend().await;
    // Query, and which of the lines it returns.
    let cases: Vec<(String, Vec<usize>)> =
        serde_json::from_str(include_str!("../cases/logql_pipelines.json")).unwrap();
    for (query, expected) in &cases {
        let expected: Vec<&str> = expected.iter().map(|at| LINES[*at]).collect();
        assert_eq!(backend.lines(query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn parsed_labels_never_hide_labels_of_the_stream() {
    let backend = backend().await;
    let query = r#"{app="a"} |= "words" | regexp "(?P<app>plain) (?P<other>\\w+)""#;
    let answer = backend.range(query, &[]).await.json();
    let labels = &answer["data"]["result"][0]["stream"];
    assert_eq!(labels["app"], "a");
    assert_eq!(labels["app_extracted"], "plain");
    assert_eq!(labels["other"], "words");
}

#[tokio::test]
async fn numbers_of_json_keep_their_form() {
    let backend = backend().await;
    let answer = backend.range(r#"{app="a"} | json | ok="true""#, &[]).await;
    assert_eq!(answer.json()["data"]["result"][0]["stream"]["n"], "1.50");
}

#[tokio::test]
async fn categorised_answers_tell_labels_from_metadata_and_parsed_fields() {
    let backend = backend().await;
    let path = "/loki/api/v1/query_range?query=%7Bapp%3D%22a%22%7D%7C%3D%22HTTP%22%7Cregexp%22%28%3FP%3Cv%3EGET%29%22&since=1h";
    let flags = [("X-Loki-Response-Encoding-Flags", "categorize-labels")];
    let answer = backend.request("GET", path, &flags, "").await;
    // Grafana reads as it goes: how the result is to be read must come before it.
    let text = &answer.text;
    let [flags, result] = ["\"encodingFlags\"", "\"result\""].map(|it| text.find(it));
    assert!(flags < result, "{text}");
    let answer = answer.json();
    assert_eq!(
        answer["data"]["encodingFlags"],
        json!(["categorize-labels"])
    );
    let stream = &answer["data"]["result"][0];
    assert_eq!(stream["stream"], json!({"app": "a", "env": "test"}));
    assert_eq!(
        stream["values"][0][2],
        json!({"structuredMetadata": {"trace_id": "abc"}, "parsed": {"v": "GET"}})
    );
}

#[tokio::test]
async fn limit_direction_and_interval_choose_lines() {
    let backend = backend().await;
    let lines = |answer: Value| -> Vec<String> {
        let values = answer["data"]["result"][0]["values"]
            .as_array()
            .unwrap()
            .clone();
        values
            .iter()
            .map(|v| v[1].as_str().unwrap()[..5].to_owned())
            .collect()
    };
    let query = r#"{app="a"} |~ "level=""#;
    let answer = backend
        .range(query, &[("limit", "2"), ("direction", "forward")])
        .await;
    assert_eq!(lines(answer.json()).len(), 2);
    let newest = backend.range(query, &[("limit", "1")]).await.json();
    assert_eq!(newest["data"]["result"][0]["values"][0][1], LINES[2]);
    let spread = backend
        .range(query, &[("interval", "15s"), ("direction", "forward")])
        .await;
    assert_eq!(lines(spread.json()).len(), 2);
}

#[tokio::test]
async fn parameters_are_read_as_loki_reads_them() {
    let backend = backend().await;
    let query = ("query", r#"{app="b"}"#);
    let found = async |params: &[(&str, &str)]| {
        let params = [&[query], params].concat();
        let answer = backend.get("/loki/api/v1/query_range", &params).await;
        let found = answer.status == 200 && answer.text.contains("from=b");
        (answer.status, found)
    };
    let seconds = (NOW / SECOND).to_string();
    let fraction = format!("{seconds}.5");
    assert_eq!(found(&[]).await, (200, true));
    assert_eq!(found(&[("since", "1s")]).await, (200, false));
    assert_eq!(found(&[("start", &seconds)]).await, (200, false));
    assert_eq!(
        found(&[("end", &fraction), ("since", "10s")]).await,
        (200, true)
    );
    assert_eq!(
        found(&[("start", "2026-11-22T15:15:00Z")]).await,
        (200, true)
    );
    assert_eq!(found(&[("end", "1"), ("start", "2")]).await, (400, false));
    for (name, value) in [
        ("limit", "0"),
        ("limit", "-1"),
        ("direction", "up"),
        ("since", "x"),
        ("step", "0"),
        ("step", "x"),
        ("interval", "-1"),
    ] {
        assert_eq!(found(&[(name, value)]).await.0, 400, "{name}={value}");
    }
}
