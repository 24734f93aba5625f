//! Destinations of entries.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::stats::{PipelineCounters, PipelineStats, add};
use crate::logs::store::{Entry, LabelSet, PushError, Store, StreamEntries};

/// Takes the entries of pipelines.
pub trait Sink: Send + Sync {
    /// Takes entries of one stream. The pipeline reads no further until this is done.
    fn send<'a>(&'a self, labels: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()>;

    /// Counters of delivered, dropped and retried entries.
    fn stats(&self) -> PipelineStats;
}

/// Attempts while the store refuses because of its ingest rate.
const ATTEMPTS: usize = 100;

/// Pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Puts entries into the embedded store.
pub struct StoreSink {
    store: Arc<Store>,
    counters: PipelineCounters,
}

impl StoreSink {
    /// A sink in front of a store.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            counters: PipelineCounters::default(),
        }
    }

    async fn push(&self, labels: &LabelSet, entries: Vec<Entry>) {
        let count = entries.len();
        for _ in 0..ATTEMPTS {
            let pushed = self.store.push(vec![StreamEntries {
                labels: labels.clone(),
                entries: entries.clone(),
            }]);
            match pushed {
                Ok(()) => return add(&self.counters.delivered, count),
                Err(PushError::RateLimited { .. }) => {
                    add(&self.counters.retries, 1);
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    // The store may have kept some of the entries, and counts those that it
                    // refused.
                    tracing::debug!(%error, "the log store refused entries");
                    return add(&self.counters.dropped, count);
                }
            }
        }
        add(&self.counters.dropped, count);
    }
}

impl Sink for StoreSink {
    fn send<'a>(&'a self, labels: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()> {
        Box::pin(self.push(labels, entries))
    }

    fn stats(&self) -> PipelineStats {
        self.counters.read()
    }
}
