//! Requests for logs in OTLP/JSON.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};

use crate::otlp::json::{Read, Reader, any_value, key_value, resource, scope};

/// Reads a request.
pub(super) fn request(reader: &mut Reader<'_>) -> Read<ExportLogsServiceRequest> {
    let mut read = ExportLogsServiceRequest::default();
    reader.object(|reader, name| match name {
        "resourceLogs" | "resource_logs" => reader.list(&mut read.resource_logs, resource_logs),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn resource_logs(reader: &mut Reader<'_>) -> Read<ResourceLogs> {
    let mut read = ResourceLogs::default();
    reader.object(|reader, name| match name {
        "resource" => resource(reader, read.resource.get_or_insert_default()),
        "scopeLogs" | "scope_logs" => reader.list(&mut read.scope_logs, scope_logs),
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn scope_logs(reader: &mut Reader<'_>) -> Read<ScopeLogs> {
    let mut read = ScopeLogs::default();
    reader.object(|reader, name| match name {
        "scope" => scope(reader, read.scope.get_or_insert_default()),
        "logRecords" | "log_records" => reader.list(&mut read.log_records, log_record),
        "schemaUrl" | "schema_url" => reader.set_text(&mut read.schema_url),
        _ => reader.skip(),
    })?;
    Ok(read)
}

fn log_record(reader: &mut Reader<'_>) -> Read<LogRecord> {
    let mut read = LogRecord::default();
    reader.object(|reader, name| match name {
        "timeUnixNano" | "time_unix_nano" => reader.set_unsigned(&mut read.time_unix_nano),
        "observedTimeUnixNano" | "observed_time_unix_nano" => {
            reader.set_unsigned(&mut read.observed_time_unix_nano)
        }
        "severityNumber" | "severity_number" => reader
            .set_enum(&mut read.severity_number, |name| {
                SeverityNumber::from_str_name(name).map(i32::from)
            }),
        "severityText" | "severity_text" => reader.set_text(&mut read.severity_text),
        "eventName" | "event_name" => reader.set_text(&mut read.event_name),
        "body" => any_value(reader, read.body.get_or_insert_default()),
        "attributes" => reader.list(&mut read.attributes, key_value),
        "droppedAttributesCount" | "dropped_attributes_count" => {
            reader.set_unsigned(&mut read.dropped_attributes_count)
        }
        "flags" => reader.set_unsigned(&mut read.flags),
        "traceId" | "trace_id" => reader.set_id(&mut read.trace_id, 16),
        "spanId" | "span_id" => reader.set_id(&mut read.span_id, 8),
        _ => reader.skip(),
    })?;
    Ok(read)
}
