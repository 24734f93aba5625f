//! Evaluates TraceQL, trace by trace, and answers searches with it.
//!
//! * [`conditions`]: the index filter, which says which traces need not be visited at all
//! * [`fetch`]: the spans and values that a query is evaluated over
//! * [`eval`], [`relation`], [`pipeline`]: what a query makes of the spans of one trace
//! * [`work`]: the budget of one query
//! * [`search`]: traces, tags, tag values and spans over time

mod conditions;
mod eval;
mod fetch;
mod pipeline;
mod relation;
pub mod search;
mod value;
mod work;

pub(crate) use conditions::{Required, ShownFields, ShownPlan};
pub(crate) use eval::{Grouping, Patterns, Plan, Reader, Subject};
pub(crate) use pipeline::Spanset;
pub(crate) use value::{Computed, Key};
pub(crate) use work::{Over, Work};
