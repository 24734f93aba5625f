//! Requests for traces in OTLP/JSON.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

use crate::otlp::json::{Read, Reader, key_value, resource, scope};

/// Reads a request.
pub(super) fn request(reader: &mut Reader<'_>) -> Read<ExportTraceServiceRequest> {
    let mut read = ExportTraceServiceRequest::default();
    reader.object(|reader, name| match name {
        "resourceSpans" | "resource_spans" => reader.list(&mut read.resource_spans, resource_spans),
        _ => reader.skip(),
    })?;
    Ok(read)
}

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
