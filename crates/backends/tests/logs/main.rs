//! The embedded Loki, over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

mod support;

mod golden;
mod inputs;
mod logql;
mod logql_limits;
mod logql_metrics;
mod logql_refused;
mod logql_syntax;
mod logql_templates;
mod otlp;
mod push;
mod push_entries;
mod retention;
mod series;
mod shipper;
mod tail;
