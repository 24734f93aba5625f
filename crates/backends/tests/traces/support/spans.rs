//! Spans to send, and the way to get them back.

#![allow(dead_code)]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, TracesData};
use prost::Message;

use super::traces::{Backend, send};

pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

pub fn text(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.into())),
        }),
        ..KeyValue::default()
    }
}

pub fn span(trace: u128, id: u64) -> Span {
    Span {
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        name: format!("span {id}"),
        kind: 2,
        start_time_unix_nano: 1_795_360_000_000_000_000 + id,
        end_time_unix_nano: 1_795_360_000_010_000_000 + id,
        attributes: vec![text("http.route", "/items/{item_id}")],
        status: Some(Status::default()),
        ..Span::default()
    }
}

pub fn batch(service: &str, spans: Vec<Span>) -> Vec<ResourceSpans> {
    vec![ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", service)],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "test".to_owned(),
                ..InstrumentationScope::default()
            }),
            spans,
            schema_url: String::new(),
        }],
        schema_url: "https://opentelemetry.io/schemas/1.30.0".to_owned(),
    }]
}

pub fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest {
        resource_spans: batch("app-a", spans),
    }
}

/// All spans of a trace as the API gives them in protobuf.
pub async fn spans_of(backend: &Backend, trace: u128) -> Vec<Span> {
    let uri = format!("http://{}/api/traces/{trace:032x}", backend.api);
    let request = http::Request::get(uri).header("accept", "application/protobuf");
    let answer = send(request.body(http_body_util::Full::default()).unwrap()).await;
    if answer.status == 404 {
        return Vec::new();
    }
    assert_eq!(answer.content_type(), Some("application/protobuf"));
    let trace = TracesData::decode(answer.body).unwrap();
    let scopes = trace.resource_spans.into_iter().flat_map(|b| b.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}
