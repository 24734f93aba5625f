//! A stream: one label set and its chunks in the order of time.

use std::collections::VecDeque;
use std::sync::Arc;

use super::chunk::Chunk;
use super::labels::LabelSet;

/// Memory of a stream besides its labels and chunks: map entries, the queue, the age index.
const STREAM_OVERHEAD: usize = 400;

/// Size and time span at which a chunk is closed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkShape {
    /// Most bytes of text of a chunk with more than one entry, and bytes of entries after which it is closed.
    pub(crate) bytes: usize,
    /// Nanoseconds between the first and the last entry of a chunk.
    pub(crate) span: i64,
}

/// Outcome of an insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Added,
    Duplicate,
    /// The oldest timestamp that would have been accepted.
    TooFarBehind(i64),
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    labels: LabelSet,
    chunks: VecDeque<Arc<Chunk>>,
    newest: i64,
    bytes: usize,
}

impl Stream {
    pub(crate) fn new(labels: LabelSet) -> Self {
        let bytes = STREAM_OVERHEAD + labels.bytes();
        Self {
            labels,
            chunks: VecDeque::new(),
            newest: i64::MIN,
            bytes,
        }
    }

    pub(crate) fn labels(&self) -> &LabelSet {
        &self.labels
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn chunks(&self) -> &VecDeque<Arc<Chunk>> {
        &self.chunks
    }

    /// Time of the oldest entry, or none when the stream is empty.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.chunks.front().map(|chunk| chunk.min_ts())
    }

    /// Adds an entry unless it is a duplicate or more than `window` nanoseconds behind the newest.
    pub(crate) fn insert(
        &mut self,
        ts: i64,
        line: &str,
        metadata: &[(&str, &str)],
        window: i64,
        shape: ChunkShape,
    ) -> Outcome {
        if self.newest > i64::MIN {
            let cutoff = self.newest.saturating_sub(window);
            if ts < cutoff {
                return Outcome::TooFarBehind(cutoff);
            }
        }
        // The last chunk that starts at or before the entry.
        let at = self
            .chunks
            .partition_point(|chunk| chunk.min_ts() <= ts)
            .checked_sub(1);
        if let Some(at) = at {
            let duplicate = (0..=at)
                .rev()
                .map_while(|at| self.chunks.get(at).filter(|chunk| chunk.max_ts() >= ts))
                .any(|chunk| chunk.contains(ts, line));
            if duplicate {
                return Outcome::Duplicate;
            }
        }
        let at = self.place(at, ts, line, shape);
        let chunk = self.chunk_mut(at);
        // The size is read first: if a query still reads the chunk, `make_mut` copies it without
        // its spare capacity.
        let before = chunk.bytes();
        let chunk = Arc::make_mut(chunk);
        chunk.insert(ts, line, metadata, shape.bytes);
        let after = chunk.bytes();
        let halves = (chunk.text_bytes() > 2 * shape.bytes && chunk.len() > 1)
            .then(|| chunk.split(shape.bytes));
        self.bytes = self.bytes + after - before;
        if let Some((first, second)) = halves {
            let before = after;
            self.bytes = self.bytes + first.bytes() + second.bytes() - before;
            *self.chunk_mut(at) = Arc::new(first);
            self.chunks.insert(at + 1, Arc::new(second));
        }
        self.newest = self.newest.max(ts);
        Outcome::Added
    }

    /// # Panics
    /// There is no such chunk: [`Self::place`] returned a wrong index, and the entry would be lost.
    #[expect(clippy::expect_used, reason = "an entry must not get lost in silence")]
    fn chunk_mut(&mut self, at: usize) -> &mut Arc<Chunk> {
        self.chunks.get_mut(at).expect("a chunk that was placed")
    }

    /// Index of the chunk that takes an entry of time `ts`; a new chunk is opened if necessary.
    fn place(&mut self, at: Option<usize>, ts: i64, line: &str, shape: ChunkShape) -> usize {
        let Some(at) = at else {
            let near = self
                .chunks
                .front()
                .is_some_and(|chunk| chunk.max_ts().saturating_sub(ts) <= shape.span);
            if !near {
                self.open(0);
            }
            return 0;
        };
        let chunk = self.chunk_mut(at);
        let behind_the_end = ts >= chunk.max_ts();
        let full = chunk.text_bytes() + line.len() > shape.bytes || chunk.len() * 24 >= shape.bytes;
        let long = ts.saturating_sub(chunk.min_ts()) > shape.span;
        if !(behind_the_end && (full || long)) {
            return at;
        }
        let before = chunk.bytes();
        // A chunk that a query reads is not shrunk: copying it would cost more than it frees.
        if let Some(chunk) = Arc::get_mut(chunk) {
            chunk.seal();
            let after = chunk.bytes();
            self.bytes = self.bytes + after - before;
        }
        self.open(at + 1);
        at + 1
    }

    fn open(&mut self, at: usize) {
        let chunk = Chunk::default();
        self.bytes += chunk.bytes();
        self.chunks.insert(at, Arc::new(chunk));
    }

    /// Removes the oldest chunk.
    pub(crate) fn drop_oldest(&mut self) -> Option<Arc<Chunk>> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.bytes();
        Some(chunk)
    }
}
