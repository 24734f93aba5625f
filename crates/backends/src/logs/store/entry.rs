//! Pushed entries with the labels of their stream.

use super::labels::LabelSet;

/// The timestamp of an entry that came without one. Go's zero time, the year 1, is too early for
/// nanoseconds; every store refuses both as too old.
pub(crate) const NO_TIME: i64 = i64::MIN;

/// One log line to be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Unix nanoseconds.
    pub ts: i64,
    /// The line.
    pub line: String,
    /// Structured metadata: names and values in any order.
    pub metadata: Vec<(String, String)>,
}

impl Entry {
    /// An entry without structured metadata.
    #[must_use]
    pub fn new(ts: i64, line: impl Into<String>) -> Self {
        Self {
            ts,
            line: line.into(),
            metadata: Vec::new(),
        }
    }

    /// Bytes that the ingest rate counts: the line and the structured metadata.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.line.len() + self.metadata_bytes()
    }

    /// Bytes of the structured metadata.
    #[must_use]
    pub(crate) fn metadata_bytes(&self) -> usize {
        self.metadata.iter().map(|(n, v)| n.len() + v.len()).sum()
    }
}

/// Entries of one stream.
#[derive(Clone, Debug)]
pub struct StreamEntries {
    /// The labels that identify the stream.
    pub labels: LabelSet,
    /// The entries in the order in which they were sent.
    pub entries: Vec<Entry>,
}
