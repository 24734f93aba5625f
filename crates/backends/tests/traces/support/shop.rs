//! A small world to ask TraceQL about.

use lab_backends::traces::Limits;
use serde_json::{Value, json};

use super::traces::Backend;

/// Two traces. `shop`: gateway (server, root) calls cart (client, server) and stock (client,
/// server); stock fails with an exception event. `job`: a worker's internal span with a link.
pub fn traces() -> Value {
    let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
    let int =
        |key: &str, value: i64| json!({ "key": key, "value": { "intValue": value.to_string() } });
    let span = |trace: u8, id: u8, parent: u8, name: &str, kind: u8, from: u64, to: u64| {
        let base = 1_795_360_000_000_000_000u64;
        let mut span = json!({
            "traceId": format!("{trace:032x}"),
            "spanId": format!("{id:016x}"),
            "name": name,
            "kind": kind,
            "startTimeUnixNano": (base + from * 1_000_000).to_string(),
            "endTimeUnixNano": (base + to * 1_000_000).to_string(),
        });
        if parent > 0 {
            span["parentSpanId"] = json!(format!("{parent:016x}"));
        }
        span
    };
    let with = |mut span: Value, more: Value| {
        for (key, value) in more.as_object().unwrap() {
            span[key] = value.clone();
        }
        span
    };
    let batch = |service: &str, library: &str, spans: Vec<Value>| {
        json!({
            "resource": { "attributes": [
                text("service.name", service), text("region", "eu"), int("replica", 3),
            ] },
            "scopeSpans": [{ "scope": { "name": library, "version": "1.2" }, "spans": spans }],
        })
    };
    let tags = json!({ "arrayValue": { "values": [
        { "stringValue": "red" }, { "stringValue": "blue" },
    ] } });
    let exception = json!([{
        "name": "exception", "timeUnixNano": "1795360000450000000",
        "attributes": [text("exception.type", "OutOfStock"), text("exception.message", "none left")],
    }]);
    let gateway = vec![
        with(
            span(0xa1, 1, 0, "GET /shop", 2, 0, 1500),
            json!({ "attributes": [
                text("http.route", "/shop"), int("http.response.status_code", 500),
                json!({ "key": "cached", "value": { "boolValue": false } }),
                json!({ "key": "ratio", "value": { "doubleValue": 0.25 } }),
                text("odd key", "here"), text("back\\slash", "there"),
            ] }),
        ),
        with(
            span(0xa1, 2, 1, "GET", 3, 10, 100),
            json!({ "attributes": [text("server.address", "cart"), json!({ "key": "tags", "value": tags })] }),
        ),
        with(
            span(0xa1, 3, 1, "GET", 3, 200, 1400),
            json!({ "attributes": [text("server.address", "stock")] }),
        ),
    ];
    let cart = vec![span(0xa1, 4, 2, "GET /cart", 2, 20, 90)];
    let stock = vec![with(
        span(0xa1, 5, 3, "GET /stock", 2, 300, 1300),
        json!({ "status": { "code": 2, "message": "sold out" }, "events": exception,
                "attributes": [int("http.response.status_code", 503)] }),
    )];
    let worker = vec![with(
        span(0xb2, 6, 0, "run job", 1, 5000, 5040),
        json!({ "status": { "code": 1 }, "links": [{
            "traceId": format!("{:032x}", 0xa1), "spanId": format!("{:016x}", 5),
            "attributes": [text("why", "retry")],
        }] }),
    )];
    json!({ "resourceSpans": [
        batch("gateway", "http", gateway), batch("cart", "http", cart),
        batch("stock", "http", stock), batch("worker", "queue", worker),
    ] })
}

/// A backend with these traces.
pub async fn backend() -> Backend {
    let backend = Backend::start(Limits::default()).await;
    backend.ingest(&traces()).await;
    backend
}
