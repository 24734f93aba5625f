//! Log streams: a store and the Loki API over it.
//!
//! * [`shipper`]: what Promtail does with the raw output of a process
//! * [`ingest`]: the bodies of Loki's push API
//! * [`store`]: streams of time-ordered chunks, ingest rules, retention
//! * [`lang`]: LogQL as a grammar, a tree and a formatter
//! * [`engine`]: evaluation of that tree over the store
//! * [`lossy`]: what becomes of bytes that are no UTF-8
//! * [`api`]: the HTTP API of Loki, as far as the lab asks it

pub mod api;
pub mod engine;
pub mod ingest;
pub mod lang;
pub mod lossy;
pub mod shipper;
pub mod store;

pub use api::router;
pub use store::{Clock, Limits, LogStore, Stats};
