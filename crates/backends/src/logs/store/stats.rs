//! Counters of ingested, stored, evicted and refused entries.

use std::sync::atomic::{AtomicU64, Ordering};

/// A reading of the store's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Estimated memory of the store in bytes.
    pub bytes: u64,
    /// Streams in the store.
    pub streams: u64,
    /// Chunks in the store.
    pub chunks: u64,
    /// Entries in the store.
    pub entries: u64,
    /// Entries accepted since the start.
    pub ingested_entries: u64,
    /// Bytes of the accepted lines since the start.
    pub ingested_bytes: u64,
    /// Duplicate entries: same stream, time and line as a stored one.
    pub duplicates: u64,
    /// Entries dropped because of their age.
    pub evicted_by_age: u64,
    /// Entries dropped to stay under the limit of bytes.
    pub evicted_by_bytes: u64,
    /// Entries refused: invalid or too many labels.
    pub refused_labels: u64,
    /// Entries refused: line or structured metadata too long.
    pub refused_too_long: u64,
    /// Entries refused: older than a week.
    pub refused_too_old: u64,
    /// Entries refused: in the future.
    pub refused_too_new: u64,
    /// Entries refused: too far behind the newest of their stream.
    pub refused_out_of_order: u64,
    /// Entries refused: beyond the ingest rate.
    pub refused_rate: u64,
    /// Entries refused: one stream too many.
    pub refused_streams: u64,
    /// Push requests that could not be read.
    pub refused_requests: u64,
    /// Entries that a tail connection was too slow to take.
    pub tail_dropped: u64,
}

macro_rules! counters {
    ($($name:ident),+ $(,)?) => {
        /// The monotonic counters behind [`Stats`].
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)+
        }

        impl Counters {
            /// Copies every counter into a reading.
            pub(crate) fn read(&self) -> Stats {
                Stats { $($name: self.$name.get(),)+ ..Stats::default() }
            }
        }
    };
}

counters!(
    ingested_entries,
    ingested_bytes,
    duplicates,
    evicted_by_age,
    evicted_by_bytes,
    refused_labels,
    refused_too_long,
    refused_too_old,
    refused_too_new,
    refused_out_of_order,
    refused_rate,
    refused_streams,
    refused_requests,
    tail_dropped,
);

/// A monotonic counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: usize) {
        self.0
            .fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
