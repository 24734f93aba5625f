//! Log streams: a store and the Loki API over it.
//!
//! * [`store`]: streams of time-ordered chunks, ingest rules, retention
//! * [`logql`]: the query language as a grammar, a tree and a formatter
//! * [`engine`]: evaluation of that tree over the store
//! * [`lossy`]: what becomes of bytes that are no UTF-8
//! * [`api`]: the HTTP API of Loki, as far as the lab asks it
//! * [`pipeline`]: what Promtail does with the raw output of a process

pub mod api;
pub mod engine;
pub mod logql;
pub mod lossy;
pub mod pipeline;
pub mod store;

pub use api::router;
pub use store::{Clock, Limits, LogStore, Stats};
