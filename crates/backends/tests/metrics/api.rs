//! What the Prometheus API promises besides the values: health, shapes, refusals, bounds.

use std::process::Command;

use crate::support::metrics::{Embedded, now_ms, program, series};
use lab_backends::metrics::{Limits, QueryLimits};
use serde_json::json;

#[tokio::test]
async fn grafana_s_health_check_is_answered() {
    let embedded = Embedded::empty().await;
    let (status, json) = embedded
        .http
        .post("/api/v1/query", &[("query", "1+1"), ("time", "4")])
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        json,
        json!({"status": "success", "data": {"resultType": "scalar", "result": [4, "2"]}})
    );
    let (_, build) = embedded.http.get("/api/v1/status/buildinfo", &[]).await;
    assert!(build["data"]["version"].as_str().unwrap().starts_with("3."));
    for (path, text) in [
        ("/-/ready", "Prometheus Server is Ready.\n"),
        ("/-/healthy", "Prometheus Server is Healthy.\n"),
    ] {
        let (status, body) = embedded.http.try_get(path).await.unwrap();
        assert_eq!((status.as_u16(), body.as_ref()), (200, text.as_bytes()));
    }
    for (path, data) in [
        ("/api/v1/rules", json!({"groups": []})),
        ("/api/v1/alerts", json!({"alerts": []})),
    ] {
        assert_eq!(embedded.http.get(path, &[]).await.1["data"], data);
    }
    assert_eq!(
        embedded.http.get("/api/v1/status/runtimeinfo", &[]).await.0,
        200
    );
    assert_eq!(
        embedded.http.try_get("/metrics").await.unwrap().0,
        404,
        "/metrics is the lab's own"
    );
}

#[tokio::test]
async fn what_is_not_supported_is_named() {
    let embedded = Embedded::empty().await;
    for (query, named) in [
        ("mad_over_time(up[5m])", "mad_over_time"),
        ("limitk(1, up)", "limitk"),
        ("info(up)", "info"),
        (r#"up{a="b" or c="d"}"#, "or"),
    ] {
        let (status, json) = embedded
            .http
            .get("/api/v1/query", &[("query", query)])
            .await;
        assert_eq!(status, 400, "{query}");
        assert_eq!(json["status"], "error");
        assert_eq!(json["errorType"], "bad_data");
        let text = json["error"].as_str().unwrap();
        assert!(
            text.starts_with("invalid parameter \"query\":") && text.contains(named),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_bomb_of_parentheses_is_a_bad_query() {
    let embedded = Embedded::empty().await;
    for query in [
        format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        "(".repeat(20_000),
        "-".repeat(20_000) + "1",
        format!("1{}", "+1".repeat(20_000)),
        format!("1{}", "+1".repeat(200)),
        format!("{}up{}", "sum(".repeat(5_000), ")".repeat(5_000)),
        format!("up{}", "[1m:]".repeat(2_000)),
        format!("up{{a=~\"{}\"}}", "(".repeat(30_000)),
    ] {
        for (path, more) in [
            ("/api/v1/query", vec![]),
            (
                "/api/v1/query_range",
                vec![("start", "1"), ("end", "9"), ("step", "1")],
            ),
        ] {
            let params: Vec<(&str, &str)> = std::iter::once(("query", query.as_str()))
                .chain(more)
                .collect();
            let (status, json) = embedded.http.post(path, &params).await;
            assert_eq!(status, 400, "{query:.30} {json}");
            assert_eq!(json["errorType"], "bad_data");
        }
    }
    let deep = format!("1{}", "+1".repeat(98));
    assert_eq!(
        embedded
            .http
            .post("/api/v1/query", &[("query", &deep)])
            .await
            .0,
        200
    );
    let nested = format!("{}vector(1){}", "abs(".repeat(60), ")".repeat(60));
    assert_eq!(
        embedded
            .http
            .post("/api/v1/query", &[("query", &nested)])
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_query_that_costs_too_much_is_refused() {
    let limits = QueryLimits {
        max_samples: 1_000,
        max_points: 5_000,
        ..QueryLimits::default()
    };
    let embedded = Embedded::start_with("scrape_configs: []", Limits::default(), limits).await;
    let now = now_ms();
    for index in 0..20 {
        for step in 0..100 {
            embedded
                .store
                .append(&series("a", index), now - 100_000 + step * 1_000, 1.0, now)
                .unwrap();
        }
    }
    let (status, json) = embedded
        .http
        .get("/api/v1/query", &[("query", "sum(rate(a[2m]))")])
        .await;
    assert_eq!(
        (status.as_u16(), &json["errorType"]),
        (422, &json!("execution"))
    );
    assert!(json["error"].as_str().unwrap().contains("too many samples"));
    let window = [
        ("query", "vector(1)"),
        ("start", "0"),
        ("end", "6000"),
        ("step", "1"),
    ];
    assert_eq!(
        embedded.http.get("/api/v1/query_range", &window).await.0,
        422
    );
    let window = [
        ("query", "1"),
        ("start", "0"),
        ("end", "12000"),
        ("step", "1"),
    ];
    let (status, json) = embedded.http.get("/api/v1/query_range", &window).await;
    assert_eq!(status, 400);
    assert!(json["error"].as_str().unwrap().contains("11,000 points"));
    let (status, json) = embedded
        .http
        .get("/api/v1/query", &[("query", "a"), ("timeout", "0")])
        .await;
    assert_eq!(
        (status.as_u16(), &json["errorType"]),
        (503, &json!("timeout"))
    );
}

#[tokio::test]
async fn limit_cuts_the_list_and_says_so() {
    let embedded = Embedded::empty().await;
    let now = now_ms();
    for index in 0..5 {
        embedded
            .store
            .append(&series("a", index), now, index as f64, now)
            .unwrap();
    }
    for (path, params) in [
        ("/api/v1/query", vec![("query", "a")]),
        ("/api/v1/series", vec![("match[]", "a")]),
        ("/api/v1/label/i/values", vec![]),
    ] {
        let params: Vec<(&str, &str)> = params.into_iter().chain([("limit", "2")]).collect();
        let (status, json) = embedded.http.get(path, &params).await;
        assert_eq!(status, 200);
        let list = if path.ends_with("query") {
            &json["data"]["result"]
        } else {
            &json["data"]
        };
        assert_eq!(list.as_array().unwrap().len(), 2, "{path}");
        assert_eq!(json["warnings"], json!(["results truncated due to limit"]));
    }
}
#[test]
fn the_shipped_configuration_is_valid_for_the_real_server() {
    let Some(promtool) = program("promtool", "PROMTOOL_BIN") else {
        return;
    };
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../etc/prometheus/prometheus.yml"
    );
    let output = Command::new(promtool)
        .args(["check", "config", file])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
