//! Counters of spans and series.

/// A reading of the counters of a [`Generator`](super::Generator).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Spans that came in.
    pub spans_received: u64,
    /// Bytes of the requests that brought them.
    pub bytes_received: u64,
    /// Spans left out: they ended too long before, or after, they came in.
    pub spans_outside_slack: u64,
    /// Series that are written now.
    pub active_series: u64,
    /// Series that may be.
    pub max_active_series: u64,
    /// Series that became active since the start.
    pub series_added: u64,
    /// Series that are no longer active.
    pub series_removed: u64,
    /// Series that found no room.
    pub series_limited: u64,
    /// Requests between services of which a span came in.
    pub edges: u64,
    /// Those of which the other span did not come in time.
    pub edges_expired: u64,
    /// Spans without room to wait for their other one.
    pub spans_dropped_by_edges: u64,
    /// Times that series were written.
    pub collections: u64,
    /// Those of which the store did not take everything.
    pub collections_failed: u64,
}
