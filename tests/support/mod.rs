//! What the tests share: the real binary on a free port, raw HTTP to it, and an OTLP collector.
#![allow(dead_code, reason = "each test file uses its own part of this")]

pub mod collector;
pub mod http;
pub mod service;

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
