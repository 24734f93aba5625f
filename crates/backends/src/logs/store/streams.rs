//! All streams of a store, indexed by labels and by age, with their total size.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::labels::LabelSet;
use super::stats::{Counter, Counters};
use super::stream::{Outcome, Stream};

/// Shortest time between two searches for expired chunks, in nanoseconds.
const SWEEP_EVERY: i64 = 1_000_000_000;

/// The streams by id, by labels and by the time of their oldest entry.
#[derive(Default)]
pub(crate) struct Streams {
    by_labels: HashMap<LabelSet, u64>,
    by_id: HashMap<u64, Stream>,
    by_age: BTreeSet<(i64, u64)>,
    bytes: usize,
    next_id: u64,
    last_sweep: Option<i64>,
}

impl Streams {
    /// Estimated memory of all streams.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.by_id.values()
    }

    /// The id of a stream. A new stream is created if there are fewer than `max_streams`.
    pub(crate) fn open(&mut self, labels: &LabelSet, max_streams: usize) -> Option<u64> {
        if let Some(id) = self.by_labels.get(labels) {
            return Some(*id);
        }
        if self.by_id.len() >= max_streams {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let stream = Stream::new(labels.clone());
        self.bytes += stream.bytes();
        self.by_labels.insert(labels.clone(), id);
        self.by_id.insert(id, stream);
        Some(id)
    }

    /// Runs `insert` on a stream, then updates the byte total and the age index. A stream that
    /// eviction removed during a push is created again under the same id.
    pub(crate) fn change(
        &mut self,
        id: u64,
        labels: &LabelSet,
        insert: impl FnOnce(&mut Stream) -> Outcome,
    ) -> Outcome {
        let stream = self.by_id.entry(id).or_insert_with(|| {
            let stream = Stream::new(labels.clone());
            self.bytes += stream.bytes();
            self.by_labels.insert(labels.clone(), id);
            stream
        });
        let (bytes, oldest) = (stream.bytes(), stream.oldest());
        let outcome = insert(stream);
        self.bytes = self.bytes + stream.bytes() - bytes;
        let now_oldest = stream.oldest();
        if oldest != now_oldest {
            if let Some(ts) = oldest {
                self.by_age.remove(&(ts, id));
            }
            if let Some(ts) = now_oldest {
                self.by_age.insert((ts, id));
            }
        }
        outcome
    }

    /// Drops the oldest chunks of all streams until the rest fits.
    pub(crate) fn drop_beyond(&mut self, max_bytes: usize, counters: &Counters) {
        while self.bytes > max_bytes
            && let Some((_, id)) = self.by_age.first().copied()
        {
            self.drop_oldest_chunk(id, &counters.evicted_by_bytes);
        }
    }

    /// Drops chunks whose entries are all older than `cutoff`.
    pub(crate) fn drop_older_than(&mut self, cutoff: i64, now: i64, counters: &Counters) {
        if self
            .last_sweep
            .is_some_and(|last| now >= last && now - last < SWEEP_EVERY)
        {
            return;
        }
        self.last_sweep = Some(now);
        let candidates: Vec<u64> = self
            .by_age
            .range(..(cutoff, 0))
            .map(|(_, id)| *id)
            .collect();
        for id in candidates {
            while self.oldest_chunk_ends_before(id, cutoff) {
                self.drop_oldest_chunk(id, &counters.evicted_by_age);
            }
        }
    }

    fn oldest_chunk_ends_before(&self, id: u64, cutoff: i64) -> bool {
        self.by_id
            .get(&id)
            .and_then(|stream| stream.chunks().front())
            .is_some_and(|chunk| chunk.max_ts() < cutoff)
    }

    /// Drops the oldest chunk of a stream, and the stream with its last chunk.
    ///
    /// # Panics
    /// The age index names a stream that does not exist: the indexes are inconsistent, and every
    /// count of the store would be wrong.
    #[expect(
        clippy::expect_used,
        reason = "a wrong count must not look like a right one"
    )]
    fn drop_oldest_chunk(&mut self, id: u64, evicted: &Counter) {
        let Entry::Occupied(mut held) = self.by_id.entry(id) else {
            panic!("the index by age names stream {id}, which does not exist");
        };
        let stream = held.get_mut();
        let before = stream.bytes();
        let oldest = stream.oldest().expect("a stream that is kept has a chunk");
        self.by_age.remove(&(oldest, id));
        let chunk = stream
            .drop_oldest()
            .expect("a stream that is kept has a chunk");
        evicted.add(chunk.len());
        match stream.oldest() {
            Some(ts) => {
                self.bytes = self.bytes + stream.bytes() - before;
                self.by_age.insert((ts, id));
            }
            None => {
                self.bytes -= before;
                let stream = held.remove();
                self.by_labels.remove(stream.labels());
            }
        }
    }
}
