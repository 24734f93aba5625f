//! The embedded Tempo, over OTLP and HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

mod support;

mod golden;
mod otlp_ingest;
mod otlp_json;
mod otlp_python;
mod requests;
mod retention;
mod search;
mod traceql;
mod traceql_metrics;
mod traceql_parser;
