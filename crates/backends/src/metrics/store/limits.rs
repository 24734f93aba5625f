//! Limits of the store and of ingest.

use std::time::Duration;

/// Limits of one store and of the receivers in front of it.
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
    /// Bytes of OTLP a second on average, as sent and decompressed.
    pub ingest_bytes_per_second: u64,
    /// Bytes of OTLP at once.
    pub ingest_burst_bytes: u64,
    /// Exemplars kept, as `storage.exemplars.max_exemplars` of Prometheus.
    pub max_exemplars: usize,
}

const MIB: usize = 1 << 20;

impl Limits {
    /// The defaults for a store of `max_bytes`. Requests being read,
    /// decompressed and decoded may take half as much in addition, or 32 MiB if that is more.
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
            ingest_bytes_per_second: 64 << 20,
            ingest_burst_bytes: 128 << 20,
            max_exemplars: 100_000,
        }
    }
}
