//! A reproducible laboratory for observability: one Salvo service that can be followed through
//! traces, metrics and logs.
//!
//! * [`app`]: the service
//! * [`telemetry`]: what makes it observable
//! * [`guard`]: keeps web pages of others from asking any of its servers
//! * `lab`: the laboratory around it
//! * `client`: the HTTP client of the lab's own requests
//! * `console`: what a browser shows of all this
//! * `routing`: what the lab's servers answer beside their routes

// A running service must not end on what can be handled; tests may.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]
// `pub` is what a binary, a test or a benchmark names; the rest is `pub(crate)` at most.
#![warn(unreachable_pub)]

pub mod app;
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
