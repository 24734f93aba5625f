//! Log records from OTLP: the requests of the [receivers](crate::otlp), and of Loki's own path.

mod entries;
mod json;
mod labels;
mod measure;
mod route;

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::LogRecord;

use crate::logs::store::{PushError, Store};
use crate::otlp::body::{Encoding, Unreadable};
use crate::otlp::budget::Budget;
use crate::otlp::signal::{Kind, Partial, Rejected, Signal};
use crate::otlp::status::Failure;
use entries::Unusable;
pub(crate) use route::OtlpPush;

/// Takes log records into a store.
pub(crate) struct LogRecords {
    store: Arc<Store>,
}

impl LogRecords {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

static KIND: Kind = Kind {
    path: "v1/logs",
    method: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    elements: "log records",
    rejected: "rejectedLogRecords",
    shape: &measure::REQUEST,
    largest: size_of::<LogRecord>(),
};

impl Signal for LogRecords {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn store(&self, body: &[u8], encoding: Encoding, budget: Budget) -> Result<Partial, Rejected> {
        let request = decode(body, encoding, budget)?;
        let total = records(&request).count();
        let stored = store(&self.store, &request);
        drop(request);
        let Stored {
            unusable,
            refused,
            problem,
        } = stored;
        if let Some(PushError::RateLimited { retry_after, .. }) = problem {
            let message = problem.map(|it| it.to_string()).unwrap_or_default();
            return Err(Failure::exhausted(message, retry_after).into());
        }
        let rejected = unusable.records + refused;
        let message = match (unusable.records, problem) {
            (0, None) => String::new(),
            (0, Some(problem)) => problem.to_string(),
            _ => unusable.message,
        };
        if total > 0 && rejected == total {
            return Err(Failure::invalid(message).into());
        }
        Ok(Partial {
            rejected: rejected as u64,
            message,
        })
    }

    fn count_malformed(&self) {
        self.store.count_unreadable_push();
    }

    fn count_too_large(&self) {
        self.store.count_unreadable_push();
    }
}

/// Outcome of a request that could be read.
struct Stored {
    /// Records that cannot become entries.
    unusable: Unusable,
    /// Entries that the store refused.
    refused: usize,
    /// Its first reason.
    problem: Option<PushError>,
}

/// Stores the records of a request, but none beyond the ingest rate.
fn store(store: &Store, request: &ExportLogsServiceRequest) -> Stored {
    let mut refused = 0;
    let lines = records(request).count();
    let mut problem = store.charge(lines, bytes(request)).err();
    if problem.is_some() {
        return Stored {
            unusable: Unusable::default(),
            refused: lines,
            problem,
        };
    }
    let unusable = entries::in_portions(request, store.now(), |streams| {
        let taken = store.take_charged(streams);
        refused += taken.refused;
        if problem.is_none() {
            problem = taken.problem;
        }
    });
    store.count_unusable(unusable.records);
    Stored {
        unusable,
        refused,
        problem,
    }
}

fn records(request: &ExportLogsServiceRequest) -> impl Iterator<Item = &LogRecord> {
    let scopes = request.resource_logs.iter().flat_map(|it| &it.scope_logs);
    scopes.flat_map(|it| &it.log_records)
}

/// Bytes that the ingest rate counts: lines, and the attributes that each entry carries.
fn bytes(request: &ExportLogsServiceRequest) -> usize {
    use prost::Message as _;
    let mut sum = 0;
    for resource_logs in &request.resource_logs {
        let resource = resource_logs.resource.as_ref();
        let resource = resource.map_or(0, |it| it.encoded_len());
        for scope_logs in &resource_logs.scope_logs {
            let scope = scope_logs.scope.as_ref().map_or(0, |it| it.encoded_len());
            for record in &scope_logs.log_records {
                sum += record.encoded_len() + resource + scope;
            }
        }
    }
    sum
}

/// Reads a request. Ids have their length or are missing.
fn decode(
    body: &[u8],
    encoding: Encoding,
    budget: Budget,
) -> Result<ExportLogsServiceRequest, Unreadable> {
    let request: ExportLogsServiceRequest = encoding.decode(body, budget, json::request)?;
    for record in records(&request) {
        for (name, id, length) in [
            ("TraceID", &record.trace_id, 16),
            ("SpanID", &record.span_id, 8),
        ] {
            if !id.is_empty() && id.len() != length {
                return Err(Unreadable::Malformed(format!("invalid length for {name}")));
            }
        }
    }
    Ok(request)
}
