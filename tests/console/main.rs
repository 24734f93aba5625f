//! The console on port 3000, as a browser asks it.

#![cfg(feature = "lab")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod pages;
mod proxy;
mod traffic;
