//! OTLP messages in Tempo's JSON: ids in base64, 64-bit numbers as strings, enums by name, and
//! nothing that has its default.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use serde_json::{Map, Value, json};

/// A JSON object that leaves out what has its default.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn with(mut self, name: &str, value: Value) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    fn text(self, name: &str, text: &str) -> Self {
        self.given(name, !text.is_empty(), || text.into())
    }

    fn bytes(self, name: &str, bytes: &[u8]) -> Self {
        self.given(name, !bytes.is_empty(), || STANDARD.encode(bytes).into())
    }

    fn long(self, name: &str, number: u64) -> Self {
        self.given(name, number != 0, || number.to_string().into())
    }

    fn number(self, name: &str, number: u32) -> Self {
        self.given(name, number != 0, || number.into())
    }

    fn list<T>(self, name: &str, items: &[T], item: impl Fn(&T) -> Value) -> Self {
        self.given(name, !items.is_empty(), || items.iter().map(item).collect())
    }

    fn given(self, name: &str, given: bool, value: impl FnOnce() -> Value) -> Self {
        if given {
            self.with(name, value())
        } else {
            self
        }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// The spans of a trace, grouped by resource.
pub(super) fn resource_spans(batches: &[ResourceSpans]) -> Value {
    let batch = |batch: &ResourceSpans| {
        let resource = batch.resource.clone().unwrap_or_default();
        let resource = Object::default()
            .list("attributes", &resource.attributes, attribute)
            .number("droppedAttributesCount", resource.dropped_attributes_count)
            .done();
        Object::default()
            .with("resource", resource)
            .list("scopeSpans", &batch.scope_spans, scope_spans)
            .text("schemaUrl", &batch.schema_url)
            .done()
    };
    batches.iter().map(batch).collect()
}

fn scope_spans(batch: &ScopeSpans) -> Value {
    let none = InstrumentationScope::default();
    let scope = batch.scope.as_ref().unwrap_or(&none);
    let scope = Object::default()
        .text("name", &scope.name)
        .text("version", &scope.version)
        .list("attributes", &scope.attributes, attribute)
        .number("droppedAttributesCount", scope.dropped_attributes_count)
        .done();
    Object::default()
        .with("scope", scope)
        .list("spans", &batch.spans, span)
        .text("schemaUrl", &batch.schema_url)
        .done()
}

fn span(span: &Span) -> Value {
    let status = span.status.clone().unwrap_or_default();
    let status_code = match status.code {
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "",
    };
    let kind = match span.kind {
        1 => "SPAN_KIND_INTERNAL",
        2 => "SPAN_KIND_SERVER",
        3 => "SPAN_KIND_CLIENT",
        4 => "SPAN_KIND_PRODUCER",
        5 => "SPAN_KIND_CONSUMER",
        _ => "",
    };
    let status = Object::default()
        .text("message", &status.message)
        .text("code", status_code);
    Object::default()
        .bytes("traceId", &span.trace_id)
        .bytes("spanId", &span.span_id)
        .bytes("parentSpanId", &span.parent_span_id)
        .text("traceState", &span.trace_state)
        .number("flags", span.flags)
        .text("name", &span.name)
        .text("kind", kind)
        .long("startTimeUnixNano", span.start_time_unix_nano)
        .long("endTimeUnixNano", span.end_time_unix_nano)
        .list("attributes", &span.attributes, attribute)
        .number("droppedAttributesCount", span.dropped_attributes_count)
        .list("events", &span.events, event)
        .number("droppedEventsCount", span.dropped_events_count)
        .list("links", &span.links, link)
        .number("droppedLinksCount", span.dropped_links_count)
        .with("status", status.done())
        .done()
}

fn event(event: &span::Event) -> Value {
    Object::default()
        .long("timeUnixNano", event.time_unix_nano)
        .text("name", &event.name)
        .list("attributes", &event.attributes, attribute)
        .number("droppedAttributesCount", event.dropped_attributes_count)
        .done()
}

fn link(link: &span::Link) -> Value {
    Object::default()
        .bytes("traceId", &link.trace_id)
        .bytes("spanId", &link.span_id)
        .text("traceState", &link.trace_state)
        .list("attributes", &link.attributes, attribute)
        .number("droppedAttributesCount", link.dropped_attributes_count)
        .number("flags", link.flags)
        .done()
}

/// A key and its value.
pub(super) fn attribute(pair: &KeyValue) -> Value {
    let none = AnyValue::default();
    key_value(&pair.key, pair.value.as_ref().unwrap_or(&none))
}

/// A key and its value.
pub(super) fn key_value(key: &str, any: &AnyValue) -> Value {
    json!({ "key": key, "value": value(any) })
}

fn value(any: &AnyValue) -> Value {
    use any_value::Value as Wire;
    match &any.value {
        None | Some(Wire::StringValueStrindex(_)) => json!({}),
        Some(Wire::StringValue(text)) => json!({ "stringValue": text }),
        Some(Wire::BoolValue(b)) => json!({ "boolValue": b }),
        Some(Wire::IntValue(n)) => json!({ "intValue": n.to_string() }),
        Some(Wire::DoubleValue(n)) if n.is_nan() => json!({ "doubleValue": "NaN" }),
        Some(Wire::DoubleValue(n)) if n.is_infinite() => {
            let text = if *n > 0.0 { "Infinity" } else { "-Infinity" };
            json!({ "doubleValue": text })
        }
        Some(Wire::DoubleValue(n)) => json!({ "doubleValue": n }),
        Some(Wire::ArrayValue(array)) => {
            let values: Vec<Value> = array.values.iter().map(value).collect();
            json!({ "arrayValue": { "values": values } })
        }
        Some(Wire::KvlistValue(list)) => {
            let values: Vec<Value> = list.values.iter().map(attribute).collect();
            json!({ "kvlistValue": { "values": values } })
        }
        Some(Wire::BytesValue(bytes)) => json!({ "bytesValue": STANDARD.encode(bytes) }),
    }
}
