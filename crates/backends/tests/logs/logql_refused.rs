//! Queries of LogQL that are refused, in the words of Loki.

use crate::support::logql::{backend, pairs};
use crate::support::logs::encode;
use serde_json::json;

#[tokio::test]
async fn bad_queries_are_refused_with_place_and_reason() {
    let backend = backend().await;
    let cases = pairs(include_str!("../cases/logql_refused.json"));
    for (query, expected) in &cases {
        let answer = backend.range(query, &[]).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        assert_eq!(
            answer.content_type.as_deref(),
            Some("text/plain; charset=utf-8")
        );
        assert!(
            answer.text.starts_with(expected),
            "{query}: {}",
            answer.text
        );
    }
}

#[tokio::test]
async fn what_loki_refuses_is_refused_in_its_words() {
    let backend = backend().await;
    for (query, expected) in pairs(include_str!("../cases/logql_refused_in_full.json")) {
        let answer = backend.range(&query, &[]).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (400, expected.as_str()),
            "{query}"
        );
    }
    let path = "/loki/api/v1/query_range?query=%7Bk%3D~%22%A0%A1%22%7D";
    let answer = backend.request("GET", path, &[], "").await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.text,
        "parse error at line 1, col 5: invalid UTF-8 encoding"
    );
    let formatted = [(
        r#"sum(count_over_time({k="x"}[5m])) or 1"#,
        "parse error : unexpected literal for right leg of logical/set binary operation (or): 1.000000",
    )];
    for (query, expected) in formatted {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = encode(&[("query", query)]);
        let path = "/loki/api/v1/format_query";
        let answer = backend.request("POST", path, &headers, body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.json(),
            json!({"status": "invalid-query", "error": expected})
        );
    }
}

#[tokio::test]
async fn bombs_are_refused() {
    let backend = backend().await;
    let deep = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let deep_filter = format!("{{a=\"b\"}} | {}x=1", "(".repeat(50_000));
    let deep_sum = format!("{}vector(1){}", "sum(".repeat(9000), ")".repeat(9000));
    let deep_log = format!("count_over_time({}{{a=\"b\"}}[1m]", "(".repeat(50_000));
    let deep_template = format!(
        "{{a=\"b\"}} | line_format \"{{{{ {} }}}}\"",
        "(".repeat(9000)
    );
    let chain = format!("1{}", " + 1".repeat(20_000));
    let powers = format!("1{}", " ^ 1".repeat(20_000));
    let long = format!("{{a=\"{}\"}}", "x".repeat(200_000));
    let regex = r#"{app="a"} |~ "(((a{1000}){1000}){1000})""#.to_owned();
    let nested_regex = format!("{{app=\"a\"}} |~ \"{}\"", "(".repeat(10_000));
    let points = r#"vector(1)"#;
    for query in [
        deep,
        deep_filter,
        deep_sum,
        deep_log,
        deep_template,
        chain,
        powers,
        long,
        regex,
        nested_regex,
    ] {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let body = encode(&[("query", &query)]);
        let answer = backend
            .request("POST", "/loki/api/v1/query_range", &headers, body)
            .await;
        assert_eq!(answer.status, 400, "{:.60}: {}", query, answer.text);
    }
    let more = [("start", "1"), ("end", "1795360560"), ("step", "1")];
    let answer = backend.range(points, &more).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("exceeded maximum resolution of 11,000 points")
    );
    assert_eq!(backend.instant("vector(1)").await.status, 200);
}
