//! The signals that the OTLP ports take, each with its store.

use std::sync::Arc;

use super::gate::Gate;
use super::signal::Signal;
use crate::generator::Generator;
use crate::logs::ingest::LogRecords;
use crate::metrics::ingest::otlp::DataPoints;
use crate::traces::ingest::Spans;
use crate::{logs, metrics, traces};

/// What the two ports take. All signals share the bounds on memory, so that a second signal takes no more of it.
#[derive(Clone)]
pub struct Receivers {
    gate: Gate,
    max_grpc_message_bytes: usize,
    signals: Vec<Arc<dyn Signal>>,
}

impl Receivers {
    /// Takes traces, within the bounds of their store's limits.
    #[must_use]
    pub fn of_traces(store: Arc<traces::Store>) -> Self {
        Self::of(store, None)
    }

    /// Takes traces, and makes metrics of their spans.
    #[must_use]
    pub fn of_traces_and_generator(store: Arc<traces::Store>, generator: Arc<Generator>) -> Self {
        Self::of(store, Some(generator))
    }

    fn of(store: Arc<traces::Store>, generator: Option<Arc<Generator>>) -> Self {
        Self {
            gate: store.gate().clone(),
            max_grpc_message_bytes: store.limits().max_grpc_message_bytes,
            signals: vec![Arc::new(Spans::new(store, generator))],
        }
    }

    /// Takes logs too.
    #[must_use]
    pub fn and_logs(mut self, store: Arc<logs::Store>) -> Self {
        self.signals.push(Arc::new(LogRecords::new(store)));
        self
    }

    /// Takes metrics too.
    #[must_use]
    pub fn and_metrics(mut self, store: Arc<metrics::Store>) -> Self {
        self.signals.push(Arc::new(DataPoints::new(store)));
        self
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn max_grpc_message_bytes(&self) -> usize {
        self.max_grpc_message_bytes
    }

    pub(super) fn signals(&self) -> &[Arc<dyn Signal>] {
        &self.signals
    }

    /// The signal that a method of gRPC exports.
    pub(super) fn of_method(&self, path: &str) -> Option<&Arc<dyn Signal>> {
        let mut signals = self.signals.iter();
        signals.find(|signal| signal.kind().method == path)
    }
}
