//! Finished spans that wait for their export, in the bytes in which they are sent.

use std::collections::VecDeque;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::batch::BatchSettings;
use super::live;
use super::span_encoding::{self, USUAL_BYTES};

/// Spans of one export.
#[derive(Default)]
pub(super) struct Batch {
    /// Number of spans.
    pub(super) spans: usize,
    /// The spans by their scope. Nearly always there is one.
    pub(super) scopes: Vec<ScopeSpans>,
}

/// Encoded spans of one instrumentation scope.
pub(super) struct ScopeSpans {
    scope: InstrumentationScope,
    /// The fields of the message `ScopeSpans`.
    pub(super) bytes: Vec<u8>,
}

impl Batch {
    fn push(&mut self, scope: &InstrumentationScope, span: &[u8]) {
        self.spans += 1;
        match self.scopes.iter_mut().find(|it| it.scope == *scope) {
            Some(same) => same.bytes.extend_from_slice(span),
            None => {
                let mut bytes = span_encoding::scope(scope);
                bytes.extend_from_slice(span);
                self.scopes.push(ScopeSpans {
                    scope: scope.clone(),
                    bytes,
                });
            }
        }
    }
}

/// The queue between requests and the export thread, which is woken when a batch is full, not for
/// every span: under load that would cost more than the span.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    batch_is_full: Notify,
    max_spans: usize,
    max_batch: usize,
}

#[derive(Default)]
struct Waiting {
    full: VecDeque<Batch>,
    /// Takes the next span.
    filling: Batch,
    /// Spans of all batches.
    spans: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn new(settings: BatchSettings) -> Self {
        Self {
            waiting: Mutex::default(),
            batch_is_full: Notify::new(),
            max_spans: settings.max_queue_size,
            max_batch: settings.max_export_batch_size,
        }
    }

    /// True if there was room for the span.
    pub(super) fn put(&self, span: &SpanData) -> bool {
        // Before the lock, which all requests share.
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        span_encoding::push_span(&mut bytes, span);
        let mut waiting = self.waiting.lock();
        if waiting.closed || waiting.spans >= live::max_waiting(self.max_spans) {
            return false;
        }
        waiting.spans += 1;
        waiting.filling.push(&span.instrumentation_scope, &bytes);
        if waiting.filling.spans >= self.max_batch {
            let full = std::mem::take(&mut waiting.filling);
            waiting.full.push_back(full);
            drop(waiting);
            self.batch_is_full.notify_one();
        }
        true
    }

    /// Waits until a batch is full.
    pub(super) async fn batch_is_full(&self) {
        self.batch_is_full.notified().await;
    }

    /// The oldest full batch. When there is none, and `any` is true, the spans of the one that fills.
    pub(super) fn take(&self, any: bool) -> Option<Batch> {
        let mut waiting = self.waiting.lock();
        let batch = match waiting.full.pop_front() {
            Some(full) => full,
            None if any && waiting.filling.spans > 0 => std::mem::take(&mut waiting.filling),
            None => return None,
        };
        waiting.spans -= batch.spans;
        Some(batch)
    }

    /// Puts a batch back that was taken and cannot be sent. It is the next to be taken. Spans that came meanwhile
    /// have used its room, so that there may be more by this batch than the bound says.
    pub(super) fn put_back(&self, batch: Batch) {
        let mut waiting = self.waiting.lock();
        waiting.spans += batch.spans;
        waiting.full.push_front(batch);
    }

    /// Number of spans that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.lock().spans
    }

    /// Takes no further spans.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
    }

    /// Throws away what waits, and gives the number of spans.
    pub(super) fn clear(&self) -> usize {
        let mut waiting = self.waiting.lock();
        waiting.full.clear();
        waiting.filling = Batch::default();
        std::mem::take(&mut waiting.spans)
    }
}
