//! Limits of ingest, retention and queries; the defaults are Loki's where it has one.

use std::time::Duration;

use crate::wire::CONCURRENT;

/// The label that names the service of a stream.
pub(crate) const SERVICE_NAME: &str = "service_name";

/// The service of a stream that nothing names.
pub(crate) const UNKNOWN_SERVICE: &str = "unknown_service";

/// Labels whose value names the service of a stream in Loki (the default of `discover_service_name`).
pub const SERVICE_NAMES: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// Limits of the store. A limit that Loki's `limits_config` has keeps Loki's default; where the lab
/// needs another default, the field says why.
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
    /// Largest age of an entry at ingest (`reject_old_samples_max_age`). Default one week.
    pub reject_older_than: Duration,
    /// Largest distance of an entry into the future (`creation_grace_period`). Default ten minutes.
    pub creation_grace: Duration,
    /// Largest distance of an entry behind the newest of its stream (half of `max_chunk_age`).
    /// Default one hour.
    pub out_of_order_window: Duration,
    /// Bytes a second of lines and structured metadata. Loki's 4 MiB is below what the lab promises
    /// (20,000 lines a second), so the default is 64 MiB.
    pub ingest_bytes_per_second: usize,
    /// Burst of the ingest rate in bytes. Default 128 MiB.
    pub ingest_burst_bytes: usize,
    /// Bytes of one push as sent. Loki takes 100 MiB; the default here is 32 MiB.
    pub max_push_bytes: usize,
    /// Bytes of one push after decompression. Default 64 MiB.
    pub max_decompressed_bytes: usize,
    /// Detect the level of each line at ingest and keep it as structured metadata `detected_level`
    /// (`discover_log_levels`). Default true, as in Loki 3.
    pub discover_log_levels: bool,
    /// Labels whose value becomes the label `service_name` of a stream without one: the first of them that the stream
    /// has, else `unknown_service` (`discover_service_name`). Loki's default is [`SERVICE_NAMES`]; here it is none, which
    /// turns it off. The lab sets it, as `etc/loki/loki.yaml` does.
    pub discover_service_name: &'static [&'static str],
    /// Move entries of one push and stream with equal times but different lines apart, by one
    /// nanosecond each (`increment_duplicate_timestamp`). Default false, as in Loki; the lab sets
    /// it, as `etc/loki/loki.yaml` does.
    pub increment_duplicate_timestamp: bool,
    /// Longest time range of a query (`max_query_length`). Default 721 hours.
    pub max_query_length: Duration,
    /// Entries that a query may ask for (`max_entries_limit_per_query`). Default 5000.
    pub max_entries_per_query: usize,
    /// Series that a metric query may return (`max_query_series`). Default 500.
    pub max_query_series: usize,
    /// Bytes that one query may hold on the way to its answer, and bytes of the answer; also bytes of all
    /// answers together that clients have not read yet. Default 128 MiB.
    pub max_query_bytes: usize,
    /// Time that a query may take. Default 20 s.
    pub query_timeout: Duration,
    /// Queries that run at a time; more of them wait. Default [`CONCURRENT`].
    pub max_concurrent_queries: usize,
    /// Tail connections at a time (`max_concurrent_tail_requests`). Default 10.
    pub max_tails: usize,
}

const MIB: usize = 1 << 20;

impl Limits {
    /// The defaults for a store of `max_bytes`. Requests being read, decompressed and decoded may
    /// take half as much in addition, or 32 MiB if that is more.
    #[must_use]
    pub fn for_store_of(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            max_push_bytes: (max_bytes / 16).clamp(4 * MIB, 32 * MIB),
            max_decompressed_bytes: (max_bytes / 8).clamp(8 * MIB, 64 * MIB),
            max_query_bytes: (max_bytes / 8).clamp(8 * MIB, 128 * MIB),
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
            discover_service_name: &[],
            increment_duplicate_timestamp: false,
            max_query_length: Duration::from_secs(721 * 3600),
            max_entries_per_query: 5000,
            max_query_series: 500,
            max_query_bytes: 128 << 20,
            query_timeout: Duration::from_secs(20),
            max_concurrent_queries: CONCURRENT,
            max_tails: 10,
        }
    }
}

/// A duration in nanoseconds, as timestamps count.
#[must_use]
pub fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
