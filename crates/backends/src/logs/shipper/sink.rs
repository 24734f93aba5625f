//! Where entries go.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::stats::{PipelineCounters, PipelineStats, add};
use crate::logs::store::{Entry, LabelSet, LogStore, PushError, StreamEntries};

/// Takes the entries of pipelines.
pub trait Sink: Send + Sync {
    /// Takes entries of one stream. Waiting holds the source back.
    fn send<'a>(&'a self, labels: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()>;

    /// What became of the entries.
    fn stats(&self) -> PipelineStats;
}

/// How often a store that refuses because of its ingest rate is asked again.
const ATTEMPTS: usize = 100;

/// How long it is left alone in between.
const PAUSE: Duration = Duration::from_millis(50);

/// Puts entries into the embedded store.
pub struct StoreSink {
    store: Arc<LogStore>,
    counters: PipelineCounters,
}

impl StoreSink {
    /// A sink in front of a store.
    #[must_use]
    pub fn new(store: Arc<LogStore>) -> Self {
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
                    // Part of it may be kept; the store counts what it refused.
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
