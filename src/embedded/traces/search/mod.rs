//! What the store answers to a search: traces, names of tags, values of tags.

mod tags;
mod traces;
mod walk;
mod wanted;

use thiserror::Error;

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
}
