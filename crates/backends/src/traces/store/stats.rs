//! Counters of stored, evicted and refused spans and traces.

/// A reading of the counters of a [`Store`](crate::traces::Store).
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
