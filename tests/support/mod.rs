//! What the tests share: the real binary on a free port, raw HTTP to it, and an OTLP collector.
#![allow(dead_code, reason = "each test file uses its own part of this")]

#[cfg(feature = "lab")]
pub mod alloy;
pub mod collector;
#[cfg(feature = "lab")]
pub mod etc;
#[cfg(feature = "lab")]
pub mod grpc;
pub mod http;
#[cfg(feature = "lab")]
pub mod lab;
#[cfg(feature = "lab")]
#[path = "../../crates/backends/tests/metrics/support/metrics.rs"]
pub mod metrics;
#[cfg(feature = "lab")]
pub mod player;
#[cfg(feature = "lab")]
pub mod sent;
pub mod service;
#[cfg(feature = "lab")]
pub mod shipper;
#[cfg(feature = "lab")]
pub mod up;
#[cfg(feature = "lab")]
pub mod verdict;
#[cfg(feature = "lab")]
pub mod web_socket;

use std::time::{Duration, Instant};

/// Longest wait for something that must happen; far beyond what it takes even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` gives a value.
///
/// # Panics
/// When it has given none within [`PATIENCE`].
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
