//! Spans that come in become metrics: the service graph and the span metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::etc::{text, yaml};
use crate::support::eventually;
use crate::support::up::Lab;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Sends the first span of a trace, which ended so many seconds ago.
fn send(lab: &Lab, service: &str, age: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let end = u64::try_from(now.as_nanos()).unwrap() - age * 1_000_000_000;
    let span = json!({
        "traceId": TRACE, "spanId": "b7ad6b7169203331", "name": "checkout", "kind": 2,
        "startTimeUnixNano": (end - 20_000_000).to_string(), "endTimeUnixNano": end.to_string(),
    });
    let name = json!({"key": "service.name", "value": {"stringValue": service}});
    let body = json!({"resourceSpans": [
        {"resource": {"attributes": [name]}, "scopeSpans": [{"spans": [span]}]}]});
    let header = "Content-Type: application/json";
    let answer = lab.post(
        "otlp_http",
        "/v1/traces",
        &[header],
        body.to_string().as_bytes(),
    );
    assert_eq!(answer.status, 200);
}

fn query(lab: &Lab, query: &str) -> Vec<Value> {
    let answer = lab.json("prometheus", "/api/v1/query", &[("query", query)]);
    answer["data"]["result"].as_array().unwrap().clone()
}

#[test]
fn spans_become_metrics_set_up_as_the_stack_sets_up_tempo() {
    let tempo = yaml(&text("tempo/tempo.yaml"));
    assert_eq!(
        tempo["metrics_generator"]["metrics_ingestion_time_range_slack"],
        "2m"
    );
    let lab = Lab::start(&["--no-apps"]);
    send(&lab, "late", 130);
    send(&lab, "shop", 110);
    let request = r#"traces_service_graph_request_total{client="user",server="shop"}"#;
    let found = eventually("an edge", || query(&lab, request).pop());
    assert_eq!(found["value"][1], "1");
    let latency = r#"traces_spanmetrics_latency_bucket{le="0.032"}"#;
    let all = query(&lab, latency);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0]["metric"]["service"], "shop");

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (start, end) = (
        (now.as_secs() - 60).to_string(),
        (now.as_secs() + 60).to_string(),
    );
    let params = [
        ("query", latency),
        ("start", start.as_str()),
        ("end", end.as_str()),
    ];
    let found = lab.json("prometheus", "/api/v1/query_exemplars", &params);
    let defaults = &tempo["overrides"]["defaults"]["metrics_generator"];
    let label = defaults["trace_id_label_name"].as_str().unwrap();
    let labels = &found["data"][0]["exemplars"][0]["labels"];
    // Tempo writes ids without zeros in front.
    assert_eq!(labels, &json!({label: TRACE.trim_start_matches('0')}));

    let own = |name: &str| lab.metric(&format!("tempo_metrics_generator_{name}"));
    assert_eq!(own(r#"spans_received_total{tenant="single-tenant"}"#), 2.0);
    let discarded = r#"spans_discarded_total{processor="all",reason="outside_metrics_ingestion_slack",tenant="single-tenant"}"#;
    assert_eq!(own(discarded), 1.0);
}

#[test]
fn without_the_generator_spans_are_kept_and_not_counted() {
    let lab = Lab::start(&["--no-apps", "--no-generator"]);
    send(&lab, "shop", 0);
    assert_eq!(lab.spans(TRACE).len(), 1);
    let page = lab.get("console", "/metrics").body;
    assert!(page.contains("lab_store_items"));
    assert!(!page.contains("tempo_metrics_generator"));
}
