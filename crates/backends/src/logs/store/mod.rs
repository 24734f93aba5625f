//! The store: streams of chunks in the order of time, with ingest limits and retention.

mod chunk;
mod clock;
mod entry;
mod error;
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
pub(crate) use error::{go_time, rfc3339};
pub(crate) use labels::Label;
pub use labels::{LabelSet, Quoted};
pub(crate) use level::LEVEL_LABEL;
pub use limits::{Limits, nanos};
pub use matcher::LabelMatcher;
pub(crate) use matcher::{compile_alternatives, compile_anchored};
pub use stats::Stats;
pub use tail::{Dropped, Tail, TailBatch};
pub(crate) use validate::is_label_name;

pub(crate) use crate::wire::Comparison;
use crate::wire::{Queries, TokenBucket, Unread};
use stats::Counters;
use stream::{ChunkShape, Outcome};
use streams::Streams;
use tail::TailHub;

/// Entries that an out-of-order error lists (`max_returned_stream_errors`).
const LISTED_ERRORS: usize = 10;

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

    /// Stores entries. Valid entries are kept even when an error is returned, except with
    /// [`PushError::RateLimited`].
    ///
    /// # Errors
    /// The first limit that was exceeded, in Loki's words.
    pub fn push(&self, streams: Vec<StreamEntries>) -> Result<(), PushError> {
        let now = self.now();
        let mut refusals = Refusals::default();
        let mut valid = Vec::with_capacity(streams.len());
        for mut stream in streams {
            // As in Loki the labels of a stream without entries do not matter.
            if stream.entries.is_empty() {
                continue;
            }
            if let Err(refusal) = validate::check_labels(&stream.labels, &self.limits) {
                validate::count(&refusal, stream.entries.len(), &self.counters);
                refusals.add(refusal);
                continue;
            }
            stream.entries.retain(|entry| {
                let checked = validate::check_entry(&stream.labels, entry, &self.limits, now);
                if let Err(refusal) = checked {
                    validate::count(&refusal, 1, &self.counters);
                    refusals.add(refusal);
                    return false;
                }
                true
            });
            if !stream.entries.is_empty() {
                valid.push(stream);
            }
        }
        self.check_rate(&valid, now)?;
        let mut stored = Ok(());
        for stream in valid {
            stored = stored.and(self.store(stream, now));
        }
        stored?;
        refusals.into_result()
    }

    fn check_rate(&self, streams: &[StreamEntries], now: i64) -> Result<(), PushError> {
        let lines = streams.iter().map(|s| s.entries.len()).sum();
        let bytes = streams
            .iter()
            .flat_map(|s| &s.entries)
            .map(Entry::bytes)
            .sum();
        if self.rate.lock().take(bytes, now).is_ok() {
            return Ok(());
        }
        self.counters.refused_rate.add(lines);
        Err(PushError::RateLimited {
            limit: self.limits.ingest_bytes_per_second,
            lines,
            bytes,
        })
    }

    /// Stores the valid entries of one stream.
    fn store(&self, mut stream: StreamEntries, now: i64) -> Result<(), PushError> {
        for entry in &mut stream.entries {
            self.complete_metadata(&stream.labels, entry);
        }
        if self.limits.increment_duplicate_timestamp {
            move_apart(&mut stream.entries);
        }
        let total = stream.entries.len();
        let window = nanos(self.limits.out_of_order_window);
        let (mut added, mut bytes, mut duplicates) = (0, 0, 0);
        let mut behind = Vec::new();
        let mut accepted = Vec::with_capacity(if self.tails.is_idle() { 0 } else { total });
        {
            let mut streams = self.streams.write();
            streams.drop_older_than(
                now.saturating_sub(nanos(self.limits.max_age)),
                now,
                &self.counters,
            );
            let Some(id) = streams.open(&stream.labels, self.limits.max_streams) else {
                self.counters.refused_streams.add(total);
                return Err(PushError::TooManyStreams(stream.labels));
            };
            for entry in stream.entries {
                let outcome = streams.change(id, &stream.labels, |stored| {
                    let metadata: Vec<(&str, &str)> = entry
                        .metadata
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str()))
                        .collect();
                    stored.insert(entry.ts, &entry.line, &metadata, window, self.shape)
                });
                match outcome {
                    Outcome::Added => {
                        added += 1;
                        bytes += entry.line.len();
                        streams.drop_beyond(self.limits.max_bytes, &self.counters);
                        if accepted.capacity() > 0 {
                            accepted.push(entry);
                        }
                    }
                    Outcome::Duplicate => duplicates += 1,
                    Outcome::TooFarBehind(oldest) => behind.push((entry.ts, oldest)),
                }
            }
        }
        self.counters.ingested_entries.add(added);
        self.counters.ingested_bytes.add(bytes);
        self.counters.duplicates.add(duplicates);
        self.counters.refused_out_of_order.add(behind.len());
        if !accepted.is_empty() {
            let lost = &self.counters.tail_dropped;
            self.tails.publish(&stream.labels, &accepted.into(), lost);
        }
        too_far_behind(&stream.labels, &behind, total)
    }

    /// Normalises the metadata and adds the detected level; the result is sorted by name.
    fn complete_metadata(&self, labels: &LabelSet, entry: &mut Entry) {
        metadata_names::normalise(entry);
        let named = entry.metadata.iter().any(|(name, _)| name == LEVEL_LABEL);
        if self.limits.discover_log_levels && !named {
            let level = level::detect(labels, &entry.metadata, &entry.line).to_owned();
            let label = (LEVEL_LABEL.to_owned(), level);
            let at = entry.metadata.partition_point(|other| *other < label);
            entry.metadata.insert(at, label);
        }
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

/// Moves entries of one time with different lines apart by a nanosecond each, as Loki's distributor
/// does with `increment_duplicate_timestamp`. Equal lines of one time stay duplicates.
fn move_apart(entries: &mut [Entry]) {
    let Some(first) = entries.first() else {
        return;
    };
    let mut sent = first.ts;
    for at in 1..entries.len() {
        let [before, entry] = &mut entries[at - 1..=at] else {
            continue;
        };
        let collides = entry.ts == sent || entry.ts == before.ts;
        if before.line != entry.line && collides {
            entry.ts = before.ts.saturating_add(1);
        } else {
            sent = entry.ts;
        }
    }
}

/// The first refusal of each kind with the number of refusals of that kind.
#[derive(Default)]
struct Refusals(Vec<(Refusal, usize)>);

impl Refusals {
    fn add(&mut self, refusal: Refusal) {
        let kind = std::mem::discriminant(&refusal);
        let known = |(first, _): &&mut (Refusal, usize)| std::mem::discriminant(first) == kind;
        match self.0.iter_mut().find(known) {
            Some((_, count)) => *count += 1,
            None => self.0.push((refusal, 1)),
        }
    }

    fn into_result(self) -> Result<(), PushError> {
        let text = match self.0.as_slice() {
            [] => return Ok(()),
            [(refusal, 1)] => refusal.to_string(),
            several => several
                .iter()
                .map(|(refusal, count)| format!("{count} errors like: {refusal}"))
                .collect::<Vec<_>>()
                .join("; "),
        };
        Err(PushError::Invalid(text))
    }
}

fn too_far_behind(labels: &LabelSet, behind: &[(i64, i64)], total: usize) -> Result<(), PushError> {
    if behind.is_empty() {
        return Ok(());
    }
    let mut text: String = behind
        .iter()
        .take(LISTED_ERRORS)
        .map(|(ts, oldest)| {
            format!(
                "entry with timestamp {} ignored, reason: 'entry too far behind, entry timestamp is: {}, oldest acceptable timestamp is: {}',\n",
                go_time(*ts),
                rfc3339(*ts),
                rfc3339(*oldest)
            )
        })
        .collect();
    text.push_str(&format!(
        "user 'fake', total ignored: {} out of {total} for stream: {labels}",
        behind.len()
    ));
    Err(PushError::OutOfOrder(text))
}
