//! Spans from OTLP: the requests of the [receivers](crate::otlp) for traces are decoded and stored, and given to the
//! [generator](crate::generator).

mod json;
mod measure;

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::store::has_impossible_id;
use super::{Refusal, Store};
use crate::generator::Generator;
use crate::otlp::body::Encoding;
use crate::otlp::budget::Budget;
use crate::otlp::signal::{Kind, Partial, Rejected, Signal};
use crate::otlp::status::Failure;

/// Takes spans into a store.
pub(crate) struct Spans {
    store: Arc<Store>,
    generator: Option<Arc<Generator>>,
}

impl Spans {
    pub(crate) fn new(store: Arc<Store>, generator: Option<Arc<Generator>>) -> Self {
        Self { store, generator }
    }
}

static KIND: Kind = Kind {
    path: "v1/traces",
    method: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    elements: "spans",
    rejected: "rejectedSpans",
    shape: &measure::REQUEST,
    largest: size_of::<Span>(),
};

impl Signal for Spans {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn store(&self, body: &[u8], encoding: Encoding, budget: Budget) -> Result<Partial, Rejected> {
        let request: ExportTraceServiceRequest = encoding.decode(body, budget, json::request)?;
        let (batches, now) = (request.resource_spans, SystemTime::now());
        let taken = match &self.generator {
            None => self.store.push(batches, now),
            Some(generator) => self.store.push_seen(batches, now, |batches, bytes| {
                generator.observe(batches, bytes, has_impossible_id, now);
            }),
        };
        let taken = taken.map_err(Failure::from)?;
        Ok(Partial {
            rejected: taken.rejected,
            message: taken.message,
        })
    }

    fn count_malformed(&self) {
        self.store.count_malformed();
    }

    fn count_too_large(&self) {
        self.store.count_too_large();
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Invalid(_) => Self::invalid(message),
            Refusal::RateLimited { retry_after, .. } => Self::exhausted(message, retry_after),
        }
    }
}
