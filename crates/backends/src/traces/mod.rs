//! Spans: a store in memory, OTLP ingest (gRPC and HTTP) and the Tempo API over them.
//!
//! * [`ingest`]: the OTLP receivers, ports 4317 and 4318 of a real Tempo
//! * [`Store`]: spans by trace id, bounded by age and bytes
//! * [`lang`]: TraceQL, parsed and checked
//! * [`engine`]: which traces, tags and tag values answer a request
//! * [`api`]: Tempo's HTTP API, port 3200
//!
//! The shapes, limits and error texts follow Tempo 2.10
//! (<https://grafana.com/docs/tempo/latest/api_docs/>).

pub mod api;
pub mod engine;
pub mod ingest;
pub mod lang;
mod store;

pub use store::{Limits, Refusal, Stats, Store, Taken};
