//! Tails: each subscriber gets the accepted entries of its streams through a bounded queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::entry::Entry;
use super::labels::LabelSet;
use super::matcher::LabelMatcher;
use super::stats::Counter;

/// Batches that may wait for a slow reader; further ones are dropped.
const QUEUE: usize = 1024;

/// Bytes that may wait for a slow reader; further batches are dropped.
const QUEUE_BYTES: usize = 8 << 20;

/// Dropped entries that are reported to the reader; further ones are only counted.
const NAMED_DROPS: usize = 10;

/// Entries of one stream as they were accepted.
#[derive(Clone, Debug)]
pub struct TailBatch {
    /// The labels that identify the stream.
    pub labels: LabelSet,
    /// The entries with their structured metadata as stored.
    pub entries: Arc<[Entry]>,
    /// When they were accepted.
    pub at: Instant,
}

impl TailBatch {
    fn bytes(&self) -> usize {
        self.entries.iter().map(Entry::bytes).sum()
    }
}

/// An entry that was dropped because the reader was too slow.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// The labels that identify the stream.
    pub labels: LabelSet,
    /// Unix nanoseconds.
    pub ts: i64,
}

struct Follower {
    id: u64,
    matchers: Vec<LabelMatcher>,
    queue: mpsc::Sender<TailBatch>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<Mutex<Vec<Dropped>>>,
}

/// All followers of a store.
#[derive(Default)]
pub(crate) struct TailHub {
    followers: Mutex<Vec<Follower>>,
    count: AtomicU64,
    next: AtomicU64,
}

impl TailHub {
    /// True if there are no followers: no batch needs to be copied.
    pub(crate) fn is_idle(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Sends a batch to every follower of its stream.
    pub(crate) fn publish(&self, labels: &LabelSet, entries: &Arc<[Entry]>, lost: &Counter) {
        for follower in self.followers.lock().iter() {
            if !follower.matchers.iter().all(|m| m.accepts(labels)) {
                continue;
            }
            let batch = TailBatch {
                labels: labels.clone(),
                entries: Arc::clone(entries),
                at: Instant::now(),
            };
            let bytes = batch.bytes();
            let waiting = follower.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
            // A single batch may be larger than the queue when nothing else waits.
            let fits = waiting <= QUEUE_BYTES.max(bytes);
            if !fits || follower.queue.try_send(batch).is_err() {
                follower.waiting.fetch_sub(bytes, Ordering::Relaxed);
                lost.add(entries.len());
                let mut dropped = follower.dropped.lock();
                let room = NAMED_DROPS.saturating_sub(dropped.len());
                dropped.extend(entries.iter().take(room).map(|entry| Dropped {
                    labels: labels.clone(),
                    ts: entry.ts,
                }));
            }
        }
    }

    /// Adds a follower unless there are `limit` already.
    pub(crate) fn follow(
        self: &Arc<Self>,
        matchers: Vec<LabelMatcher>,
        limit: usize,
    ) -> Option<Tail> {
        let mut followers = self.followers.lock();
        if followers.len() >= limit {
            return None;
        }
        let (queue, batches) = mpsc::channel(QUEUE);
        let dropped = Arc::default();
        let waiting = Arc::default();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        followers.push(Follower {
            id,
            matchers,
            queue,
            waiting: Arc::clone(&waiting),
            dropped: Arc::clone(&dropped),
        });
        self.count.fetch_add(1, Ordering::Relaxed);
        Some(Tail {
            id,
            batches,
            waiting,
            dropped,
            hub: Arc::clone(self),
        })
    }
}

/// The receiving end of a subscription. Dropping it ends the subscription.
pub struct Tail {
    id: u64,
    batches: mpsc::Receiver<TailBatch>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<Mutex<Vec<Dropped>>>,
    hub: Arc<TailHub>,
}

impl Tail {
    /// The next batch.
    pub async fn next(&mut self) -> Option<TailBatch> {
        let batch = self.batches.recv().await;
        self.taken(batch)
    }

    fn taken(&self, batch: Option<TailBatch>) -> Option<TailBatch> {
        batch.inspect(|batch| {
            self.waiting.fetch_sub(batch.bytes(), Ordering::Relaxed);
        })
    }

    /// The next batch, if it has arrived already.
    pub fn ready(&mut self) -> Option<TailBatch> {
        let batch = self.batches.try_recv().ok();
        self.taken(batch)
    }

    /// Entries dropped since the last call.
    #[must_use]
    pub fn take_dropped(&self) -> Vec<Dropped> {
        std::mem::take(&mut *self.dropped.lock())
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.hub.followers.lock().retain(|f| f.id != self.id);
        self.hub.count.fetch_sub(1, Ordering::Relaxed);
    }
}
