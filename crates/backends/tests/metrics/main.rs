//! The embedded Prometheus, over HTTP.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

mod support;

mod api;
mod generator;
mod native_histograms;
mod otlp;
mod pages;
mod promql;
mod promql_durations;
mod promql_live;
mod remote_write;
mod rules;
mod scrape;
mod status;
mod store;
mod syntax;
