//! What the store answers to a search: traces, names of tags, values of tags, spans over time.

mod exemplars;
mod grid;
mod metrics;
mod tags;
mod traces;
mod walk;
mod wanted;

use thiserror::Error;

pub use exemplars::Exemplar;
pub use grid::Grid;
pub use metrics::TimeSeries;
pub(crate) use metrics::time_series;
pub(crate) use tags::values_of;
pub use tags::{TagScope, TagValue, tag_names};
pub use traces::{ServiceStats, SpanHit, SpansetHit, TraceHit, search};
pub use wanted::{Request, Wanted};

/// Why a search was given up.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SearchError {
    /// It ran longer than [`Limits::max_search_time`](super::Limits::max_search_time).
    #[error("search took longer than {0} s; narrow the time range or the query")]
    TooLong(u64),
    /// A metrics query would have more samples than an answer may have.
    #[error(
        "metrics query makes more than {0} samples; use a larger step, a shorter time range or \
         fewer labels"
    )]
    TooManySamples(usize),
}
