//! Evaluation of queries over the store.

mod aggregation;
mod binary;
mod budget;
mod detect;
mod error;
mod fields;
mod filters;
mod hints;
mod ip;
mod json_path;
mod label_format;
mod log_query;
mod matching;
mod metric;
mod outcomes;
mod over_time;
mod parsers;
mod patterns;
mod pipeline;
mod range;
mod samples;
mod template;
mod value;

pub(crate) use budget::Budget;
pub(crate) use detect::line_fields;
pub use error::QueryError;
pub(crate) use fields::{Fields, Origin};
pub use log_query::{Direction, LogLine, LogQuery};
pub(crate) use log_query::{OutputLabel, output_labels};
pub use metric::{Steps, evaluate};
pub(crate) use patterns::patterns;
pub use pipeline::Pipeline;
pub use value::{Labels, Series, Value};
