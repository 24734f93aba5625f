//! OTLP receivers (<https://opentelemetry.io/docs/specs/otlp/>) for traces, logs and metrics, over gRPC and HTTP.
//!
//! * [`Receivers`]: the signals that are taken, each with its store
//! * [`router`]: port 4318, [`serve_grpc_on`]: port 4317
//! * `signal`: what a store does for its signal; the stores have their own decoding and translation
//! * `gate`, `budget`, `intake`: bounds on memory on the way into a store
//! * `own_path`: the paths at which Loki and Prometheus themselves take OTLP
//! * `json`: OTLP/JSON, `measure`: the memory of protobuf messages, `value`: attribute values as text

pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod gate;
mod grpc;
mod http;
pub(crate) mod intake;
pub(crate) mod json;
pub(crate) mod measure;
mod metered;
pub(crate) mod own_path;
mod receivers;
pub(crate) mod response;
mod service;
pub(crate) mod signal;
pub(crate) mod status;
pub(crate) mod value;

pub use grpc::{serve_grpc, serve_grpc_on};
pub use http::router;
pub use receivers::Receivers;
