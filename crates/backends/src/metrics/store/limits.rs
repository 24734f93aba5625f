//! What a store may hold, and what it counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bounds of one store.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Samples and exemplars older than this are dropped.
    pub max_age: Duration,
    /// Estimated bytes of samples, series, index and exemplars together. The oldest chunks go first.
    pub max_bytes: usize,
    /// Series that may exist at one time. A scrape that would exceed it is refused as a whole.
    pub max_series: usize,
    /// Samples that one scrape may bring when its job sets no `sample_limit` of its own.
    pub max_scrape_samples: usize,
    /// Bytes (after decompression) that one scrape or one remote write may bring; a job's
    /// `body_size_limit` may only lower it.
    pub max_body_bytes: usize,
    /// Bytes of memory that the messages of all remote writes together may take while they are
    /// decoded. A write that would take more alone is refused.
    pub max_decoded_bytes: usize,
    /// Exemplars kept, as `storage.exemplars.max_exemplars` of Prometheus.
    pub max_exemplars: usize,
}

const MIB: usize = 1 << 20;

impl Limits {
    /// The defaults for a store of `max_bytes`. What is on its way in takes half as much beside it,
    /// or 32 MiB if that is more: bodies that arrive, bodies that are unpacked, decoded messages.
    #[must_use]
    pub fn for_store_of(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            max_decoded_bytes: (max_bytes / 4).clamp(16 * MIB, 64 * MIB),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(3600),
            max_bytes: 256 << 20,
            max_series: 150_000,
            max_scrape_samples: 50_000,
            max_body_bytes: 16 << 20,
            max_decoded_bytes: 64 << 20,
            max_exemplars: 100_000,
        }
    }
}

/// A snapshot of the store's counters, cheap to take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Estimated bytes held now.
    pub bytes: u64,
    /// Series held now.
    pub series: u64,
    /// Exemplars held now.
    pub exemplars: u64,
    /// Samples stored since the start, staleness markers included.
    pub samples_ingested: u64,
    /// Exemplars stored since the start.
    pub exemplars_ingested: u64,
    /// Samples dropped because they were older than the retention.
    pub evicted_by_age: u64,
    /// Samples dropped to stay under the byte limit.
    pub evicted_by_bytes: u64,
    /// Samples refused: older than the newest of their series.
    pub refused_out_of_order: u64,
    /// Samples refused: another value for a timestamp that is already stored.
    pub refused_duplicate: u64,
    /// Samples refused: outside the retention or too far in the future.
    pub refused_out_of_bounds: u64,
    /// Series refused because `max_series` was reached.
    pub refused_series: u64,
    /// Exemplars refused: out of order, too long, or outside the retention.
    pub refused_exemplars: u64,
    /// Scrapes refused as a whole: too many samples, too large, or not parseable.
    pub refused_scrapes: u64,
    /// Remote writes refused as a whole: too large, or not readable.
    pub refused_requests: u64,
}

/// The running counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) samples_ingested: AtomicU64,
    pub(crate) exemplars_ingested: AtomicU64,
    pub(crate) evicted_by_age: AtomicU64,
    pub(crate) evicted_by_bytes: AtomicU64,
    pub(crate) refused_out_of_order: AtomicU64,
    pub(crate) refused_duplicate: AtomicU64,
    pub(crate) refused_out_of_bounds: AtomicU64,
    pub(crate) refused_series: AtomicU64,
    pub(crate) refused_exemplars: AtomicU64,
    pub(crate) refused_scrapes: AtomicU64,
    pub(crate) refused_requests: AtomicU64,
}

/// Adds to a counter; no other memory depends on the order.
pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Counters {
    /// Copies the counters; the sizes of now are the caller's to fill in.
    pub(crate) fn snapshot(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            samples_ingested: read(&self.samples_ingested),
            exemplars_ingested: read(&self.exemplars_ingested),
            evicted_by_age: read(&self.evicted_by_age),
            evicted_by_bytes: read(&self.evicted_by_bytes),
            refused_out_of_order: read(&self.refused_out_of_order),
            refused_duplicate: read(&self.refused_duplicate),
            refused_out_of_bounds: read(&self.refused_out_of_bounds),
            refused_series: read(&self.refused_series),
            refused_exemplars: read(&self.refused_exemplars),
            refused_scrapes: read(&self.refused_scrapes),
            refused_requests: read(&self.refused_requests),
            ..Stats::default()
        }
    }
}
