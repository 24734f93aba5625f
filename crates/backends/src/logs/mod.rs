//! Log streams: a store and the Loki API over it.
//!
//! * [`ingest`]: Loki's push API
//! * [`store`]: streams of chunks in the order of time, ingest limits, retention
//! * [`lang`]: LogQL, parsed to a tree, checked and formatted
//! * [`engine`]: evaluation of that tree over the store
//! * [`api`]: Loki's HTTP API, as far as the lab uses it
//! * [`lines`]: the formats of log lines: JSON, logfmt, patterns, bytes that are not UTF-8
//! * [`shipper`]: Promtail's part: reads the output of a process and pushes its lines

mod api;
pub mod engine;
pub mod ingest;
pub mod lang;
mod lines;
pub mod shipper;
pub mod store;

pub use api::router;
pub use store::{Clock, Limits, SERVICE_NAMES, Stats, Store};
