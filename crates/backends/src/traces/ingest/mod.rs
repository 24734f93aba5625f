//! OTLP receivers for traces (<https://opentelemetry.io/docs/specs/otlp/>): gRPC and HTTP, both into
//! the same store. Metrics and logs are not taken: UNIMPLEMENTED and 404.

mod body;
mod counted;
mod grpc;
mod http;
mod intake;
mod json;
mod measure;
mod metered;
mod service;
mod status;

pub use grpc::{serve_grpc, serve_grpc_on};
pub use http::router;
