//! Spans: a store in memory, OTLP ingest (gRPC and HTTP) and the Tempo API over them.
//!
//! * [`Store`]: spans by trace id, bounded by age and bytes
//! * [`otlp`]: the receivers that fill it, ports 4317 and 4318 of a real Tempo
//! * [`traceql`]: the query language, parsed, checked and evaluated
//! * [`search`]: which traces, tags and tag values answer a request
//! * [`api`]: Tempo's HTTP API, port 3200
//!
//! The shapes, limits and error texts follow Tempo 2.10
//! (<https://grafana.com/docs/tempo/latest/api_docs/>).

pub mod api;
mod budget;
mod limits;
pub mod otlp;
pub mod search;
mod store;
pub mod traceql;

pub use limits::{Limits, Stats};
pub use store::{Refusal, Store, Taken};
