//! Log records as entries of streams, as Loki's own OTLP endpoint makes them.

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use super::labels::{self, Metadata, ResourceLabels};
use crate::logs::store::{Entry, LabelSet, StreamEntries};
use crate::otlp::value;

/// Bytes of entries that are made before they are given to the store. Each entry carries the attributes of its
/// resource and scope, so that those of a whole request can take much more memory than the request.
const PORTION: usize = 1 << 20;

/// Memory of an entry or a label besides its text.
const OVERHEAD: usize = 64;

/// Records that cannot become entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unusable {
    pub(super) records: usize,
    /// Reason for the first one.
    pub(super) message: String,
}

impl Unusable {
    fn add(&mut self, records: usize, message: String) {
        if self.records == 0 {
            self.message = message;
        }
        self.records += records;
    }
}

/// Turns the records of a request into entries and gives them to `store`, a portion at a time. `now` is the time of
/// records that have none.
pub(super) fn in_portions(
    request: &ExportLogsServiceRequest,
    now: i64,
    mut store: impl FnMut(Vec<StreamEntries>),
) -> Unusable {
    let mut unusable = Unusable::default();
    let mut portion = Portion::default();
    for resource_logs in &request.resource_logs {
        let attributes = resource_logs.resource.as_ref().map(|it| &*it.attributes);
        let resource = match labels::of_resource(attributes.unwrap_or_default()) {
            Ok(resource) => resource,
            Err(message) => {
                let records = resource_logs
                    .scope_logs
                    .iter()
                    .map(|it| it.log_records.len());
                unusable.add(records.sum(), message);
                continue;
            }
        };
        for scope_logs in &resource_logs.scope_logs {
            let scope = match of_scope(scope_logs.scope.as_ref()) {
                Ok(scope) => scope,
                Err(message) => {
                    unusable.add(scope_logs.log_records.len(), message);
                    continue;
                }
            };
            for record in &scope_logs.log_records {
                match entry(record, &resource, &scope, now) {
                    Ok(entry) => portion.add(&resource.stream, entry),
                    Err(message) => unusable.add(1, message),
                }
                if portion.bytes >= PORTION {
                    store(std::mem::take(&mut portion).streams);
                }
            }
        }
    }
    if !portion.streams.is_empty() {
        store(portion.streams);
    }
    unusable
}

/// Entries that are stored together, by stream.
#[derive(Default)]
struct Portion {
    streams: Vec<StreamEntries>,
    /// Positions in `streams`.
    by_labels: HashMap<LabelSet, usize>,
    bytes: usize,
}

impl Portion {
    fn add(&mut self, labels: &LabelSet, entry: Entry) {
        self.bytes += entry.bytes() + OVERHEAD * (1 + entry.metadata.len());
        let at = *self.by_labels.entry(labels.clone()).or_insert_with(|| {
            self.streams.push(StreamEntries {
                labels: labels.clone(),
                entries: Vec::new(),
            });
            self.streams.len() - 1
        });
        if let Some(stream) = self.streams.get_mut(at) {
            stream.entries.push(entry);
        }
    }
}

fn of_scope(scope: Option<&InstrumentationScope>) -> Result<Metadata, String> {
    let mut metadata = Vec::new();
    let Some(scope) = scope else {
        return Ok(metadata);
    };
    labels::add(&scope.attributes, &mut metadata)?;
    let mut add = |name: &str, value: String| metadata.push((name.to_owned(), value));
    if !scope.name.is_empty() {
        add("scope_name", scope.name.clone());
    }
    if !scope.version.is_empty() {
        add("scope_version", scope.version.clone());
    }
    if scope.dropped_attributes_count != 0 {
        let dropped = scope.dropped_attributes_count.to_string();
        add("scope_dropped_attributes_count", dropped);
    }
    Ok(metadata)
}

fn entry(
    record: &LogRecord,
    resource: &ResourceLabels,
    scope: &Metadata,
    now: i64,
) -> Result<Entry, String> {
    let own = record.attributes.len() + 7;
    let mut metadata = Vec::with_capacity(own + resource.metadata.len() + scope.len());
    labels::add(&record.attributes, &mut metadata)?;
    let mut add = |name: &str, value: String| metadata.push((name.to_owned(), value));
    // Times beyond the year 2262 wrap around in Loki, and are refused as too old.
    let observed = record.observed_time_unix_nano.cast_signed();
    if record.time_unix_nano != 0 && observed != 0 {
        add("observed_timestamp", observed.to_string());
    }
    if record.severity_number != 0 {
        add("severity_number", record.severity_number.to_string());
    }
    if !record.severity_text.is_empty() {
        add("severity_text", record.severity_text.clone());
    }
    if record.dropped_attributes_count != 0 {
        let dropped = record.dropped_attributes_count.to_string();
        add("dropped_attributes_count", dropped);
    }
    if record.flags != 0 {
        add("flags", record.flags.to_string());
    }
    for (name, id) in [("trace_id", &record.trace_id), ("span_id", &record.span_id)] {
        if id.iter().any(|byte| *byte != 0) {
            add(name, value::hexadecimal(id));
        }
    }
    metadata.extend_from_slice(&resource.metadata);
    metadata.extend_from_slice(scope);
    Ok(Entry {
        ts: match (record.time_unix_nano, observed) {
            (0, 0) => now,
            (0, observed) => observed,
            (time, _) => time.cast_signed(),
        },
        line: value::text(record.body.as_ref()),
        metadata,
    })
}
