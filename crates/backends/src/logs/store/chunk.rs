//! A chunk: entries of one stream in the order of time; one buffer holds all lines.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use super::metadata::MetadataTable;

/// From this many entries of one timestamp on, duplicates are found by hash instead of comparison.
const COMPARE_AT_MOST: usize = 64;

/// An entry: its time, and the place of its line in the buffer.
#[derive(Clone, Copy, Debug)]
struct Slot {
    ts: i64,
    offset: u32,
    len: u32,
    metadata: u32,
}

/// An entry of a chunk.
#[derive(Clone, Copy, Debug)]
pub struct EntryRef<'c> {
    /// Unix nanoseconds.
    pub ts: i64,
    /// The line.
    pub line: &'c str,
    /// Structured metadata, sorted by name.
    pub metadata: &'c [super::labels::Label],
    /// Number of the metadata set within the chunk; equal numbers mean equal sets.
    pub metadata_id: u32,
}

/// Entries of one stream, sorted by time; equal times keep the order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    text: String,
    slots: Vec<Slot>,
    metadata: MetadataTable,
    /// Hashes of time and line, kept only when many entries share a timestamp.
    seen: Option<HashSet<u64>>,
    hasher: RandomState,
}

impl Chunk {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// True if there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Time of the oldest entry, Unix nanoseconds.
    #[must_use]
    pub fn min_ts(&self) -> i64 {
        self.slots.first().map_or(i64::MAX, |slot| slot.ts)
    }

    /// Time of the newest entry, Unix nanoseconds.
    #[must_use]
    pub fn max_ts(&self) -> i64 {
        self.slots.last().map_or(i64::MIN, |slot| slot.ts)
    }

    /// Bytes of all lines.
    #[must_use]
    pub(crate) fn text_bytes(&self) -> usize {
        self.text.len()
    }

    /// All lines, one directly after the other, in the order of arrival.
    #[must_use]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Estimated memory in bytes, by allocated capacity.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + 32
            + self.text.capacity()
            + self.slots.capacity() * size_of::<Slot>()
            + self.metadata.bytes()
            + self.seen.as_ref().map_or(0, |seen| seen.capacity() * 10)
    }

    /// Loki's uncompressed size of the entries in `[start, end)`: the lines, eight bytes for each
    /// metadata label of each entry, and each distinct name or value once.
    #[must_use]
    pub(crate) fn uncompressed_bytes(&self, start: i64, end: i64) -> usize {
        let (from, to) = self.range(start, end);
        let slots = self.slots.get(from..to).unwrap_or_default();
        if slots.is_empty() {
            return 0;
        }
        let lines: usize = slots
            .iter()
            .map(|slot| slot.len as usize + 8 * self.metadata.get(slot.metadata).len())
            .sum();
        lines + self.metadata.symbol_bytes()
    }

    /// Bytes of all lines, and eight for each metadata label of each entry.
    #[must_use]
    pub(crate) fn entry_bytes(&self) -> usize {
        let labels = |slot: &Slot| 8 * self.metadata.get(slot.metadata).len();
        self.text.len() + self.slots.iter().map(labels).sum::<usize>()
    }

    /// All distinct names and values of structured metadata.
    pub(crate) fn symbols(&self) -> impl Iterator<Item = &str> {
        self.metadata.symbols()
    }

    /// Indexes of the entries in `[start, end)`.
    #[must_use]
    pub fn range(&self, start: i64, end: i64) -> (usize, usize) {
        let from = self.slots.partition_point(|slot| slot.ts < start);
        let to = self.slots.partition_point(|slot| slot.ts < end);
        (from, to.max(from))
    }

    /// The entry at an index.
    #[must_use]
    pub fn entry(&self, at: usize) -> Option<EntryRef<'_>> {
        let slot = self.slots.get(at)?;
        let from = slot.offset as usize;
        Some(EntryRef {
            ts: slot.ts,
            line: self.text.get(from..from + slot.len as usize)?,
            metadata: self.metadata.get(slot.metadata),
            metadata_id: slot.metadata,
        })
    }

    /// Tests for an entry with this time and line.
    pub(crate) fn contains(&self, ts: i64, line: &str) -> bool {
        if let Some(seen) = &self.seen {
            return seen.contains(&self.hasher.hash_one((ts, line)));
        }
        let from = self.slots.partition_point(|slot| slot.ts < ts);
        (from..self.slots.len())
            .map_while(|at| self.entry(at).filter(|entry| entry.ts == ts))
            .any(|entry| entry.line == line)
    }

    /// Inserts an entry in the order of time. A buffer that grows beyond half of `full` bytes grows to `full`,
    /// where the caller closes the chunk: all closed chunks have buffers of one size, which an allocator
    /// packs without gaps. The caller has excluded duplicates, and splits chunks so that the buffer stays
    /// below 4 GiB.
    ///
    /// # Panics
    /// The buffer reaches 4 GiB: offsets would overflow.
    #[expect(
        clippy::expect_used,
        reason = "an offset that does not fit would name another line"
    )]
    pub(crate) fn insert(&mut self, ts: i64, line: &str, metadata: &[(&str, &str)], full: usize) {
        let slot = Slot {
            ts,
            offset: u32::try_from(self.text.len()).expect("a chunk is split long before 4 GiB"),
            len: u32::try_from(line.len()).expect("a line is shorter than 4 GiB"),
            metadata: self.metadata.intern(metadata),
        };
        let length = self.text.len() + line.len();
        if length > self.text.capacity() && length > full / 2 {
            self.text.reserve_exact(length.max(full) - self.text.len());
        }
        self.text.push_str(line);
        let at = if self.max_ts() <= ts {
            self.slots.len()
        } else {
            self.slots.partition_point(|slot| slot.ts <= ts)
        };
        self.slots.insert(at, slot);
        if let Some(seen) = &mut self.seen {
            seen.insert(self.hasher.hash_one((ts, line)));
        } else if at >= COMPARE_AT_MOST
            && self.slots.get(at - COMPARE_AT_MOST).map(|slot| slot.ts) == Some(ts)
        {
            self.remember_hashes();
        }
    }

    fn remember_hashes(&mut self) {
        let seen = (0..self.slots.len())
            .filter_map(|at| self.entry(at))
            .map(|entry| self.hasher.hash_one((entry.ts, entry.line)))
            .collect();
        self.seen = Some(seen);
    }

    /// Frees spare capacity. Called when no further entry is expected. The buffers are copied: an allocator
    /// may keep the whole of a block that is asked to shrink, which would be memory that nobody counts.
    pub(crate) fn seal(&mut self) {
        if self.text.len() < self.text.capacity() / 4 * 3 {
            self.text = self.text.as_str().to_owned();
        }
        self.slots = self.slots.as_slice().to_vec();
    }

    /// Splits the chunk into two halves of about the same number of entries.
    pub(crate) fn split(&self, full: usize) -> (Self, Self) {
        let middle = self.slots.len() / 2;
        let part = |from: usize, to: usize| {
            let mut part = Self::default();
            for entry in (from..to).filter_map(|at| self.entry(at)) {
                let metadata: Vec<(&str, &str)> =
                    entry.metadata.iter().map(|(n, v)| (&**n, &**v)).collect();
                part.insert(entry.ts, entry.line, &metadata, full);
            }
            part
        };
        (part(0, middle), part(middle, self.slots.len()))
    }
}
