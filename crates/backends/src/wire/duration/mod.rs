//! Durations as text: [`go`] for the form of Go's `time` package, [`prometheus`] for the form of Prometheus' model.
//! Both count nanoseconds.

pub(crate) mod go;
pub(crate) mod prometheus;

/// Reads a text that may have either form. Prometheus' form is tried first.
#[must_use]
pub(crate) fn parse_any(text: &str) -> Option<i64> {
    prometheus::parse(text).or_else(|_| go::parse(text)).ok()
}

/// Units of both forms, in nanoseconds.
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
