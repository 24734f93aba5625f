//! OTLP/JSON: protobuf's JSON mapping (<https://protobuf.dev/programming-guides/json/>) with the
//! differences that OTLP makes of it: ids are hexadecimal.
//!
//! All that the mapping allows is read: `null` is the default, numbers may be strings and have an
//! exponent, enums have a name or a number, names are in lowerCamelCase or snake_case, unknown
//! names are passed over. Beyond that it takes what the collector takes: of two values for one
//! name the last one counts, and lists are joined.

mod reader;
mod scalar;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

use crate::traces::store::budget::{Budget, Spent};
use reader::{Problem, Reader};

/// Reasons why a body is no request.
pub(super) enum Failure {
    /// It is not JSON, or not this message.
    Malformed(String),
    /// The message takes more memory than is allowed.
    TooLarge(Spent),
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Malformed(reason) => Self::Malformed(reason),
            Problem::Spent(spent) => Self::TooLarge(spent),
        }
    }
}

/// Reads a whole body. Elements are counted before they are built.
pub(super) fn read(body: &[u8], budget: Budget) -> Result<ExportTraceServiceRequest, Failure> {
    let mut reader = Reader::new(body, budget);
    let mut request = ExportTraceServiceRequest::default();
    reader.object(|reader, name| match name {
        "resourceSpans" | "resource_spans" => {
            reader.list(&mut request.resource_spans, resource_spans)
        }
        _ => reader.skip(),
    })?;
    reader.end()?;
    Ok(request)
}

type Read<T> = Result<T, Problem>;

fn resource_spans(reader: &mut Reader<'_>) -> Read<ResourceSpans> {
    let mut read = ResourceSpans::default();
    let mut deprecated = Vec::new();
    reader.object(|reader, name| match name {
        "resource" => resource(reader, read.resource.get_or_insert_default()),
        "scopeSpans" | "scope_spans" => reader.list(&mut read.scope_spans, scope_spans),
        // The same before OTLP 0.15.
        "deprecatedScopeSpans" | "deprecated_scope_spans" => {
            reader.list(&mut deprecated, scope_spans)
        }
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        _ => reader.skip(),
    })?;
    if read.scope_spans.is_empty() {
        read.scope_spans = deprecated;
    }
    Ok(read)
}

fn resource(reader: &mut Reader<'_>, read: &mut Resource) -> Read<()> {
    reader.object(|reader, name| match name {
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        "entityRefs" | "entity_refs" => reader.list(&mut read.entity_refs, entity_ref),
        _ => reader.skip(),
    })
}

fn entity_ref(reader: &mut Reader<'_>) -> Read<EntityRef> {
    let mut read = EntityRef::default();
    reader.object(|reader, name| match name {
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        "type" => reader.set_text(&mut read.r#type),
        "idKeys" | "id_keys" => reader.list(&mut read.id_keys, Reader::text),
        "descriptionKeys" | "description_keys" => {
            reader.list(&mut read.description_keys, Reader::text)
        }
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn scope_spans(reader: &mut Reader<'_>) -> Read<ScopeSpans> {
    let mut read = ScopeSpans::default();
    reader.object(|reader, name| match name {
        "scope" => scope(reader, read.scope.get_or_insert_default()),
        "spans" => reader.list(&mut read.spans, span),
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn scope(reader: &mut Reader<'_>, read: &mut InstrumentationScope) -> Read<()> {
    reader.object(|reader, name| match name {
        "name" => reader.set_text(&mut read.name),
        "version" => reader.set_text(&mut read.version),
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        _ => reader.skip(),
    })
}

fn span(reader: &mut Reader<'_>) -> Read<Span> {
    let mut read = Span::default();
    reader.object(|reader, name| match name {
        "traceId" | "trace_id" => reader.set_id(&mut read.trace_id, 16),
        "spanId" | "span_id" => reader.set_id(&mut read.span_id, 8),
        "traceState" | "trace_state" => reader.set_text(&mut read.trace_state),
        "parentSpanId" | "parent_span_id" => reader.set_id(&mut read.parent_span_id, 8),
        "flags" => reader.set_unsigned(&mut read.flags),
        "name" => reader.set_text(&mut read.name),
        "kind" => reader.set_enum(&mut read.kind, |name| {
            span::SpanKind::from_str_name(name).map(i32::from)
        }),
        "startTimeUnixNano" | "start_time_unix_nano" => {
            reader.set_unsigned(&mut read.start_time_unix_nano)
        }
        "endTimeUnixNano" | "end_time_unix_nano" => {
            reader.set_unsigned(&mut read.end_time_unix_nano)
        }
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        "events" => reader.list(&mut read.events, event),
        "droppedEventsCount" | "dropped_events_count" => {
            reader.set_unsigned(&mut read.dropped_events_count)
        }
        "links" => reader.list(&mut read.links, link),
        "droppedLinksCount" | "dropped_links_count" => {
            reader.set_unsigned(&mut read.dropped_links_count)
        }
        "status" => status(reader, read.status.get_or_insert_default()),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn status(reader: &mut Reader<'_>, read: &mut Status) -> Read<()> {
    use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
    reader.object(|reader, name| match name {
        "message" => reader.set_text(&mut read.message),
        "code" => reader.set_enum(&mut read.code, |name| {
            StatusCode::from_str_name(name).map(i32::from)
        }),
        _ => reader.skip(),
    })
}

fn event(reader: &mut Reader<'_>) -> Read<span::Event> {
    let mut read = span::Event::default();
    reader.object(|reader, name| match name {
        "timeUnixNano" | "time_unix_nano" => reader.set_unsigned(&mut read.time_unix_nano),
        "name" => reader.set_text(&mut read.name),
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn link(reader: &mut Reader<'_>) -> Read<span::Link> {
    let mut read = span::Link::default();
    reader.object(|reader, name| match name {
        "traceId" | "trace_id" => reader.set_id(&mut read.trace_id, 16),
        "spanId" | "span_id" => reader.set_id(&mut read.span_id, 8),
        "traceState" | "trace_state" => reader.set_text(&mut read.trace_state),
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        "flags" => reader.set_unsigned(&mut read.flags),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn key_value(reader: &mut Reader<'_>) -> Read<KeyValue> {
    let mut read = KeyValue::default();
    reader.object(|reader, name| match name {
        "key" => reader.set_text(&mut read.key),
        "value" => any_value(reader, read.value.get_or_insert_default()),
        _ => reader.skip(),
    })?;
    // As the collector writes it: an empty value, not none.
    read.value.get_or_insert_default();
    Ok(read)
}

fn any_value(reader: &mut Reader<'_>, read: &mut AnyValue) -> Read<()> {
    use any_value::Value;
    reader.object(|reader, name| {
        // Null is an empty text or list for the collector; of the others it leaves no choice made.
        let empty = matches!(
            name,
            "stringValue"
                | "string_value"
                | "arrayValue"
                | "array_value"
                | "kvlistValue"
                | "kvlist_value"
        );
        if !empty && reader.null() {
            return Ok(());
        }
        let value = match name {
            "stringValue" | "string_value" => Value::StringValue(reader.text()?),
            "boolValue" | "bool_value" => Value::BoolValue(reader.boolean()?),
            "intValue" | "int_value" => Value::IntValue(reader.signed()?),
            "doubleValue" | "double_value" => Value::DoubleValue(reader.float()?),
            "bytesValue" | "bytes_value" => Value::BytesValue(reader.bytes()?),
            "arrayValue" | "array_value" => {
                let mut array = ArrayValue::default();
                reader.nested(|reader| {
                    reader.object(|reader, name| match name {
                        "values" => reader.list(&mut array.values, |reader| {
                            let mut value = AnyValue::default();
                            any_value(reader, &mut value)?;
                            Ok(value)
                        }),
                        _ => reader.skip(),
                    })
                })?;
                Value::ArrayValue(array)
            }
            "kvlistValue" | "kvlist_value" => {
                let mut list = KeyValueList::default();
                reader.nested(|reader| {
                    reader.object(|reader, name| match name {
                        "values" => reader.list(&mut list.values, key_value),
                        _ => reader.skip(),
                    })
                })?;
                Value::KvlistValue(list)
            }
            _ => return reader.skip(),
        };
        read.value = Some(value);
        Ok(())
    })
}
