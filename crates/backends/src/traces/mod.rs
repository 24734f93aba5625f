//! Spans: a store in memory, which the [OTLP receivers](crate::otlp) fill, and the Tempo API over it.
//!
//! * [`Store`]: spans by trace id, bounded by age and bytes
//! * [`lang`]: TraceQL, parsed and checked
//! * [`engine`]: which traces, tags and tag values answer a request
//! * [`api`]: Tempo's HTTP API, port 3200
//!
//! The shapes, limits and error texts follow Tempo 2.10
//! (<https://grafana.com/docs/tempo/latest/api_docs/>).

pub mod api;
pub mod engine;
pub(crate) mod ingest;
pub mod lang;
mod store;

pub use store::{Limits, Refusal, Stats, Store, Taken};
