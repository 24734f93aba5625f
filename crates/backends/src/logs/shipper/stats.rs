//! Counters of a pipeline and of its sink.

use std::sync::atomic::{AtomicU64, Ordering};

/// A reading of a pipeline's or a remote server's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PipelineStats {
    /// Lines that were read.
    pub lines: u64,
    /// Entries sent to the sink, each of one or more lines.
    pub entries: u64,
    /// Lines and blocks that were cut because they were too long.
    pub truncated: u64,
    /// Lines that were no valid UTF-8.
    pub invalid_utf8: u64,
    /// Entries that the store or server accepted.
    pub delivered: u64,
    /// Entries that were dropped: refused, or beyond the buffer.
    pub dropped: u64,
    /// Repeated attempts.
    pub retries: u64,
}

/// The counters behind [`PipelineStats`].
#[derive(Debug, Default)]
pub(crate) struct PipelineCounters {
    pub(crate) lines: AtomicU64,
    pub(crate) entries: AtomicU64,
    pub(crate) truncated: AtomicU64,
    pub(crate) invalid_utf8: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) retries: AtomicU64,
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
}

impl PipelineCounters {
    pub(crate) fn read(&self) -> PipelineStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PipelineStats {
            lines: get(&self.lines),
            entries: get(&self.entries),
            truncated: get(&self.truncated),
            invalid_utf8: get(&self.invalid_utf8),
            delivered: get(&self.delivered),
            dropped: get(&self.dropped),
            retries: get(&self.retries),
        }
    }
}
