//! Limits of the store and of ingest.

use std::time::Duration;

/// Bounds of a [`Store`](crate::traces::Store) and of the receivers in front of it.
///
/// The defaults are the lab's for retention and Tempo's for ingest
/// (<https://grafana.com/docs/tempo/latest/configuration/#overrides>).
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time that a trace is kept after its first span arrived.
    pub max_age: Duration,
    /// Bytes that all spans and their indexes may take in memory.
    pub max_bytes: usize,
    /// Bytes of one trace as it came over the wire; further spans of it are refused.
    pub max_bytes_per_trace: usize,
    /// Bytes of an attribute's key or string value; what is longer is cut.
    pub max_attribute_bytes: usize,
    /// Bytes of spans a second that may come in on average.
    pub ingest_bytes_per_second: u64,
    /// Bytes of spans that may come in at once.
    pub ingest_burst_bytes: u64,
    /// Bytes of one OTLP/gRPC message, the collector's default.
    pub max_grpc_message_bytes: usize,
    /// Bytes of one OTLP/HTTP body, before and after decompression, the collector's default.
    pub max_http_body_bytes: usize,
    /// Bytes of memory that all messages together may take while they are decoded. One that would
    /// take more alone is refused.
    pub max_decoded_bytes: usize,
    /// Bytes that one search may hold on the way to its answer; also bytes of all answers together that
    /// clients have not read yet.
    pub max_query_bytes: usize,
    /// Time for one search.
    pub max_search_time: Duration,
}

const MIB: usize = 1 << 20;

/// Memory of the decoded spans of an export of 4 MiB, the largest that a collector sends over gRPC. Without
/// attributes they take most: 73,000 spans take 41 MiB.
const LARGEST_EXPORT: usize = 48 * MIB;

impl Limits {
    /// The defaults for a store of `max_bytes`. Requests being read, decompressed and decoded may take
    /// half as much in addition. With a small store they may take more, 63 MiB: clients send exports of
    /// 4 MiB, which take up to 41 MiB when they are decoded, and a refused export is not sent again.
    #[must_use]
    pub fn for_store_of(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            max_http_body_bytes: (max_bytes / 12).clamp(5 * MIB, 20 * MIB),
            max_decoded_bytes: (max_bytes / 4).clamp(LARGEST_EXPORT, 128 * MIB),
            max_query_bytes: (max_bytes / 8).clamp(16 * MIB, 64 * MIB),
            ..Self::default()
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(3600),
            max_bytes: 256 << 20,
            max_bytes_per_trace: 5_000_000,
            max_attribute_bytes: 2048,
            ingest_bytes_per_second: 15_000_000,
            ingest_burst_bytes: 20_000_000,
            max_grpc_message_bytes: 4 << 20,
            max_http_body_bytes: 20 << 20,
            max_decoded_bytes: 128 << 20,
            max_query_bytes: 64 << 20,
            max_search_time: Duration::from_secs(10),
        }
    }
}
