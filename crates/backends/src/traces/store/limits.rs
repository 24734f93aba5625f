//! What a store may hold and accept, and what it has counted so far.

use std::time::Duration;

/// Bounds of a [`Store`](crate::traces::Store) and of the receivers in front of it.
///
/// The defaults are the lab's for retention and Tempo's for ingest
/// (<https://grafana.com/docs/tempo/latest/configuration/#overrides>).
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a trace is kept after its first span arrived.
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
    /// Bytes that one search may hold on the way to its answer.
    pub max_query_bytes: usize,
    /// How long one search may run.
    pub max_search_time: Duration,
}

const MIB: usize = 1 << 20;

impl Limits {
    /// The defaults for a store of `max_bytes`. What is on its way in takes half as much beside it,
    /// or 32 MiB if that is more: bodies that arrive, bodies that are unpacked, decoded messages.
    #[must_use]
    pub fn for_store_of(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            max_http_body_bytes: (max_bytes / 12).clamp(5 * MIB, 20 * MIB),
            max_decoded_bytes: (max_bytes / 4).clamp(16 * MIB, 128 * MIB),
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

/// What a [`Store`](crate::traces::Store) holds now and has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes that spans and indexes take, estimated.
    pub bytes: u64,
    /// Traces held now.
    pub traces: u64,
    /// Spans held now.
    pub spans: u64,
    /// Spans taken in, duplicates not included.
    pub spans_ingested: u64,
    /// Spans that were there already (same trace, id and kind).
    pub spans_duplicate: u64,
    /// Traces thrown away because they were too old.
    pub traces_evicted_by_age: u64,
    /// Traces thrown away to make room.
    pub traces_evicted_by_bytes: u64,
    /// Spans thrown away with traces that were too old.
    pub spans_evicted_by_age: u64,
    /// Spans thrown away with traces to make room.
    pub spans_evicted_by_bytes: u64,
    /// Spans refused because the ingest rate was exceeded.
    pub spans_refused_rate: u64,
    /// Spans refused because a trace id or span id was impossible.
    pub spans_refused_invalid: u64,
    /// Spans refused because their trace was too large.
    pub spans_refused_trace_too_large: u64,
    /// Requests refused because they could not be decoded.
    pub requests_refused_malformed: u64,
    /// Requests refused because they were too large.
    pub requests_refused_too_large: u64,
    /// Attribute keys and values that were cut.
    pub attributes_truncated: u64,
}
