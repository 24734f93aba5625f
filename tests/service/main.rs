//! The service, as it is on the wire: the binary `salvo-app` on a free port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

#[path = "../support/mod.rs"]
mod support;

mod configuration;
#[cfg(feature = "faults")]
mod control;
mod faults;
mod limits;
mod logs;
mod metrics;
mod panic;
mod propagation;
mod routes;
mod shutdown;
mod spool;
mod traces;
