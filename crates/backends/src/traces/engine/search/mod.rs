//! Searches over the store: traces, names of tags, values of tags, spans over time.

mod metrics;
mod tags;
mod traces;
mod walk;
mod wanted;

use thiserror::Error;

use crate::traces::engine::Over;
use crate::wire::Stopped;

pub use metrics::Exemplar;
pub(crate) use metrics::{Answer, Grid, Most, TimeSeries, time_series};
pub use tags::{TagScope, tag_names};
pub(crate) use tags::{TagValue, values_of};
pub use traces::{ServiceStats, SpanHit, SpansetHit, TraceHit, search};
pub use wanted::{Request, Wanted};

/// Reasons to give a search up.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SearchError {
    /// It ran longer than it may, or nobody waits for it any more.
    #[error("search was ended: {0}; narrow the time range or the query")]
    Stopped(#[from] Stopped),
    /// Its results take too much memory.
    #[error("search finds more than {0} bytes; ask for fewer traces or spans (limit, spss)")]
    TooMuch(usize),
    /// A metrics query would have more samples than an answer may have.
    #[error(
        "metrics query makes more than {0} samples; use a larger step, a shorter time range or \
         fewer labels"
    )]
    TooManySamples(usize),
}

impl From<Over> for SearchError {
    fn from(over: Over) -> Self {
        match over {
            Over::Stopped(stopped) => Self::Stopped(stopped),
            Over::Bytes(most) => Self::TooMuch(most),
        }
    }
}
