//! Evaluates TraceQL, trace by trace, and answers searches with it.
//!
//! * [`required`]: the index filter, which says which traces need not be visited at all
//! * [`fetch`]: the spans and values that a query is evaluated over
//! * [`eval`], [`relation`], [`pipeline`]: what a query makes of the spans of one trace
//! * [`compared`]: the attributes of a span that `compare` is about
//! * [`shown`]: the attributes that a search shows of a matching span
//! * [`work`]: the budget of one query
//! * [`search`]: traces, tags, tag values and spans over time

mod compared;
mod eval;
mod fetch;
mod pipeline;
mod relation;
mod required;
pub mod search;
mod shown;
mod value;
mod work;

pub(crate) use compared::{Compared, Named};
pub(crate) use eval::{Grouping, Patterns, Plan, Reader, Subject};
pub(crate) use pipeline::Spanset;
pub(crate) use required::Required;
pub(crate) use shown::{ShownFields, ShownPlan};
pub(crate) use value::{Computed, Key};
pub(crate) use work::{Over, Work};
