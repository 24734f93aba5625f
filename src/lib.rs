//! A reproducible laboratory for observability: one Salvo service that can be followed through
//! traces, metrics and logs.
//!
//! * [`app`]: the service
//! * [`telemetry`]: spans, log lines and metrics of the service
//! * [`guard`]: refuses requests of other web pages and for foreign host names
//! * [`mod@faults`]: what can be made wrong with the service
//! * `lab`: the laboratory around it
//! * `client`: the HTTP client of the lab's own requests
//! * `console`: serves the web console and forwards its queries
//! * `unique`: JSON in which no object names a field twice
//! * `routing`: HEAD and unmatched requests, as servers written in Go answer them

// A running service must not panic on an error that it can handle; tests may.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]
// `pub` is what a binary, a test or a benchmark names; the rest is `pub(crate)` at most.
#![warn(unreachable_pub)]

pub mod app;
#[cfg(feature = "faults")]
pub mod faults;
#[cfg(not(feature = "faults"))]
#[path = "faults/absent.rs"]
mod faults;
mod guard;
pub mod telemetry;

#[cfg(feature = "lab")]
mod client;
#[cfg(feature = "lab")]
pub mod console;
#[cfg(feature = "lab")]
pub mod lab;
#[cfg(feature = "lab")]
mod routing;
#[cfg(feature = "faults")]
mod unique;
