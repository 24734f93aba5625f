//! Spans of the lab's instances, as the service makes them: what the load of the soak test and the scale program send.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

pub const APPS: [&str; 3] = ["app-a", "app-b", "app-c"];
pub const SPANS_PER_TRACE: u64 = 8;

/// An id without visible order, as real ones are.
pub fn trace_id(number: u64) -> u128 {
    u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// Span `number`, which starts at a time in Unix nanoseconds. Eight in a row are a trace.
fn span(number: u64, start: u64) -> Span {
    let place = number % SPANS_PER_TRACE;
    let failed = number % 100 == 8;
    Span {
        trace_id: trace_id(number / SPANS_PER_TRACE).to_be_bytes().to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        parent_span_id: match place {
            0 => Vec::new(),
            _ => (number + 1 - place).to_be_bytes().to_vec(),
        },
        name: "GET /items/{item_id}".to_owned(),
        kind: if place == 0 { 2 } else { 3 },
        start_time_unix_nano: start,
        end_time_unix_nano: start + (1 + number % 50) * 1_000_000,
        attributes: vec![
            text("http.request.method", "GET"),
            text("http.route", "/items/{item_id}"),
            text("url.path", format!("/items/{}", number % 10_000)),
            text("url.scheme", "http"),
            attribute(
                "http.response.status_code",
                Value::IntValue(if failed { 500 } else { 200 }),
            ),
            text("server.address", "127.0.0.1"),
            attribute("server.port", Value::IntValue(8000)),
        ],
        status: Some(Status {
            code: if failed { 2 } else { 0 },
            ..Status::default()
        }),
        ..Span::default()
    }
}

/// An export of one instance: the spans of these numbers, each with its start.
pub fn export(
    app: &str,
    numbers: std::ops::Range<u64>,
    start: impl Fn(u64) -> u64,
) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", app),
                    text("service.version", env!("CARGO_PKG_VERSION")),
                    text("service.instance.id", format!("{app}-1")),
                    text("compose_service", app),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: numbers.map(|number| span(number, start(number))).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}
