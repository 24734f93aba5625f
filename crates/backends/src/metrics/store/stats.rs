//! Counters of stored, evicted and refused samples, series and exemplars.

use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Remote writes and requests of OTLP refused as a whole: too large, or not readable.
    pub refused_requests: u64,
    /// Requests of OTLP refused: beyond the ingest rate.
    pub refused_rate: u64,
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
    pub(crate) refused_rate: AtomicU64,
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
            refused_rate: read(&self.refused_rate),
            ..Stats::default()
        }
    }
}
