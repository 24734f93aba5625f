//! The store: streams of chunks in the order of time, with ingest limits and retention.

mod chunk;
mod clock;
mod entry;
mod error;
mod intake;
mod labels;
mod level;
mod limits;
mod matcher;
mod metadata;
mod metadata_names;
mod stats;
mod stream;
mod streams;
mod tail;
mod validate;

use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

pub use chunk::{Chunk, EntryRef};
pub use clock::Clock;
pub(crate) use entry::NO_TIME;
pub use entry::{Entry, StreamEntries};
pub use error::{PushError, Refusal};
pub(crate) use labels::Label;
pub use labels::{LabelSet, Quoted};
pub use limits::{Limits, SERVICE_NAMES, nanos};
pub(crate) use limits::{SERVICE_NAME, UNKNOWN_SERVICE};
pub use matcher::LabelMatcher;
pub(crate) use matcher::{compile_alternatives, compile_anchored};
pub(crate) use metadata_names::label_name;
pub use stats::Stats;
pub use tail::{Dropped, Tail, TailBatch};
pub(crate) use validate::is_label_name;

pub(crate) use crate::wire::Comparison;
use crate::wire::{Queries, TokenBucket, Unread};
use stats::Counters;
use stream::ChunkShape;
use streams::Streams;
use tail::TailHub;

/// A snapshot of a stream for a query; the chunks are shared with the store.
#[derive(Clone, Debug)]
pub struct StreamView {
    /// The labels that identify the stream.
    pub labels: LabelSet,
    /// Chunks in the order of time.
    pub chunks: Vec<Arc<Chunk>>,
}

/// Log streams in memory, bounded by age and bytes.
pub struct Store {
    limits: Limits,
    clock: Clock,
    shape: ChunkShape,
    streams: RwLock<Streams>,
    rate: Mutex<TokenBucket>,
    tails: Arc<TailHub>,
    counters: Counters,
    queries: Queries,
    index_queries: Queries,
    unread: Unread,
}

impl Store {
    /// An empty store on the clock of the machine.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_clock(limits, Clock::system())
    }

    /// An empty store on a clock of the caller.
    #[must_use]
    pub fn with_clock(limits: Limits, clock: Clock) -> Self {
        let shape = ChunkShape {
            // A chunk is small compared with the limit, so that evicting one frees about as much as
            // is needed.
            bytes: (limits.max_bytes / 256).clamp(2 << 10, 64 << 10),
            span: (nanos(limits.max_age) / 12).max(1),
        };
        Self {
            rate: Mutex::new(TokenBucket::new(
                limits.ingest_bytes_per_second as u64,
                limits.ingest_burst_bytes as u64,
            )),
            queries: Queries::new(limits.max_concurrent_queries),
            index_queries: Queries::new(limits.max_concurrent_queries),
            unread: Unread::new(limits.max_query_bytes),
            streams: RwLock::default(),
            tails: Arc::default(),
            counters: Counters::default(),
            limits,
            clock,
            shape,
        }
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The present in Unix nanoseconds by the store's clock.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// The queue of queries that read lines.
    #[must_use]
    pub fn queries(&self) -> &Queries {
        &self.queries
    }

    /// The queue of requests for labels and sizes. It is separate so that they do not wait behind
    /// long queries.
    #[must_use]
    pub(crate) fn index_queries(&self) -> &Queries {
        &self.index_queries
    }

    /// The memory of responses that clients have not read yet.
    #[must_use]
    pub fn unread(&self) -> &Unread {
        &self.unread
    }

    /// Counts a push that could not be read.
    pub(crate) fn count_unreadable_push(&self) {
        self.counters.refused_requests.add(1);
    }

    /// Drops chunks that are older than `max_age`. Ingest does this too; call it every few seconds
    /// to free memory when nothing is ingested.
    pub fn evict_expired(&self) {
        let now = self.now();
        let cutoff = now.saturating_sub(nanos(self.limits.max_age));
        self.streams
            .write()
            .drop_older_than(cutoff, now, &self.counters);
    }

    /// The streams that pass all matchers and have chunks that touch `[start, end)`.
    #[must_use]
    pub fn select(&self, matchers: &[LabelMatcher], start: i64, end: i64) -> Vec<StreamView> {
        let streams = self.streams.read();
        let touching = |chunk: &&Arc<Chunk>| chunk.max_ts() >= start && chunk.min_ts() < end;
        let mut views: Vec<StreamView> = streams
            .iter()
            .filter(|stream| matchers.iter().all(|m| m.accepts(stream.labels())))
            .map(|stream| StreamView {
                labels: stream.labels().clone(),
                chunks: stream.chunks().iter().filter(touching).cloned().collect(),
            })
            .filter(|view| !view.chunks.is_empty())
            .collect();
        drop(streams);
        views.sort_by(|a, b| a.labels.cmp(&b.labels));
        views
    }

    /// The oldest timestamp that queries return. Older entries may still exist until their whole
    /// chunk is dropped.
    #[must_use]
    pub(crate) fn oldest_visible(&self) -> i64 {
        self.now().saturating_sub(nanos(self.limits.max_age))
    }

    /// Subscribes to accepted entries of the streams that pass all matchers. `None` if there are
    /// too many followers already.
    #[must_use]
    pub fn follow(&self, matchers: Vec<LabelMatcher>) -> Option<Tail> {
        self.tails.follow(matchers, self.limits.max_tails)
    }

    /// Reads all counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (mut streams, mut chunks, mut entries) = (0, 0, 0);
        let stored = self.streams.read();
        for stream in stored.iter() {
            streams += 1;
            chunks += stream.chunks().len() as u64;
            entries += stream.chunks().iter().map(|c| c.len() as u64).sum::<u64>();
        }
        Stats {
            bytes: stored.bytes() as u64,
            streams,
            chunks,
            entries,
            ..self.counters.read()
        }
    }
}
