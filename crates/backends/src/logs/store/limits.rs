//! Limits of ingest, retention and queries; the defaults are Loki's where it has one.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the store takes the present from, in Unix nanoseconds. Tests give a fixed one.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| i64::try_from(since.as_nanos()).ok())
                .unwrap_or(0)
        }))
    }

    /// A clock that asks `now` for Unix nanoseconds.
    pub fn from_fn(now: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Unix nanoseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// What the store keeps and what it refuses. Where Loki's `limits_config` has the limit the
/// default is its own; where the lab needs another the field says why.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Entries older than this are dropped. Default one hour.
    pub max_age: Duration,
    /// Bytes of memory that entries, labels and indexes may take. Default 256 MiB.
    pub max_bytes: usize,
    /// Streams at a time (`max_global_streams_per_user`). Default 5000.
    pub max_streams: usize,
    /// Labels of one stream (`max_label_names_per_series`). Default 15.
    pub max_label_names: usize,
    /// Bytes of a label name (`max_label_name_length`). Default 1024.
    pub max_label_name_bytes: usize,
    /// Bytes of a label value (`max_label_value_length`). Default 2048.
    pub max_label_value_bytes: usize,
    /// Bytes of one line (`max_line_size`). Default 256 KiB.
    pub max_line_bytes: usize,
    /// Bytes of one entry's structured metadata (`max_structured_metadata_size`). Default 64 KiB.
    pub max_metadata_bytes: usize,
    /// Labels of one entry's structured metadata (`max_structured_metadata_entries_count`). Default 128.
    pub max_metadata_labels: usize,
    /// How old an entry may be at ingest (`reject_old_samples_max_age`). Default one week.
    pub reject_older_than: Duration,
    /// How far in the future an entry may be (`creation_grace_period`). Default ten minutes.
    pub creation_grace: Duration,
    /// How far behind the newest entry of its stream an entry may be (half of `max_chunk_age`). Default one hour.
    pub out_of_order_window: Duration,
    /// Bytes a second of lines and structured metadata. Loki's 4 MiB is below what the lab promises
    /// (20,000 lines a second), so the default is 64 MiB.
    pub ingest_bytes_per_second: usize,
    /// Bytes that may come at once. Default 128 MiB.
    pub ingest_burst_bytes: usize,
    /// Bytes of one push as sent. Loki takes 100 MiB; the default here is 32 MiB.
    pub max_push_bytes: usize,
    /// Bytes of one push after decompression. Default 64 MiB.
    pub max_decompressed_bytes: usize,
    /// Whether the level of a line is guessed at ingest and kept as structured metadata
    /// `detected_level` (`discover_log_levels`). Default true, as in Loki 3.
    pub discover_log_levels: bool,
    /// Whether entries of one push and stream that have one time but different lines are moved
    /// apart by a nanosecond each (`increment_duplicate_timestamp`). Default false, as in Loki;
    /// the lab sets it, as `etc/loki/loki.yaml` does.
    pub increment_duplicate_timestamp: bool,
    /// Entries that a query may ask for (`max_entries_limit_per_query`). Default 5000.
    pub max_entries_per_query: usize,
    /// Series that a metric query may return (`max_query_series`). Default 500.
    pub max_query_series: usize,
    /// Bytes that one query may hold on the way to its answer, and bytes of the answer. Default 128 MiB.
    pub max_query_bytes: usize,
    /// Time that a query may take. Default 20 s.
    pub query_timeout: Duration,
    /// Queries that run at a time; more of them wait. Default one for each processor, 2 to 8: each
    /// may hold some hundred megabytes.
    pub max_concurrent_queries: usize,
    /// Tail connections at a time (`max_concurrent_tail_requests`). Default 10.
    pub max_tails: usize,
}

const MIB: usize = 1 << 20;

impl Limits {
    /// The defaults for a store of `max_bytes`. What is on its way in takes half as much beside it,
    /// or 32 MiB if that is more: bodies that arrive, bodies that are unpacked, decoded messages.
    #[must_use]
    pub fn for_store_of(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            max_push_bytes: (max_bytes / 16).clamp(4 * MIB, 32 * MIB),
            max_decompressed_bytes: (max_bytes / 8).clamp(8 * MIB, 64 * MIB),
            max_query_bytes: (max_bytes / 8).clamp(16 * MIB, 128 * MIB),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(3600),
            max_bytes: 256 << 20,
            max_streams: 5000,
            max_label_names: 15,
            max_label_name_bytes: 1024,
            max_label_value_bytes: 2048,
            max_line_bytes: 256 << 10,
            max_metadata_bytes: 64 << 10,
            max_metadata_labels: 128,
            reject_older_than: Duration::from_secs(7 * 24 * 3600),
            creation_grace: Duration::from_secs(600),
            out_of_order_window: Duration::from_secs(3600),
            ingest_bytes_per_second: 64 << 20,
            ingest_burst_bytes: 128 << 20,
            max_push_bytes: 32 << 20,
            max_decompressed_bytes: 64 << 20,
            discover_log_levels: true,
            increment_duplicate_timestamp: false,
            max_entries_per_query: 5000,
            max_query_series: 500,
            max_query_bytes: 128 << 20,
            query_timeout: Duration::from_secs(20),
            max_concurrent_queries: std::thread::available_parallelism()
                .map_or(2, |processors| processors.get().clamp(2, 8)),
            max_tails: 10,
        }
    }
}

/// A duration in nanoseconds, as timestamps count.
#[must_use]
pub fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
