//! What can change about spans and log lines while the service runs. Without the feature `faults` nothing can, and
//! these are constants.

#[cfg(feature = "faults")]
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicUsize, Ordering::Relaxed};

use tracing::Level;

/// How the causes of an error are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Causes {
    /// On further lines of the entry, indented.
    Indented,
    /// Each as a line of its own with a date, outside the span.
    #[cfg(feature = "faults")]
    Dated,
    /// As [`Causes::Indented`], and the first line has no date.
    #[cfg(feature = "faults")]
    Undated,
}

#[cfg(feature = "faults")]
static CLOCK_OFFSET: AtomicI64 = AtomicI64::new(0);
#[cfg(feature = "faults")]
static MAX_WAITING: AtomicUsize = AtomicUsize::new(usize::MAX);
#[cfg(feature = "faults")]
static LOG_LEVEL: AtomicU8 = AtomicU8::new(rank(&Level::TRACE));
#[cfg(feature = "faults")]
static CAUSES: AtomicU8 = AtomicU8::new(0);

/// For [`set_log_level`]: lines of every level that the filter lets through.
#[cfg(feature = "faults")]
pub(crate) const EVERY_LEVEL: Option<Level> = Some(Level::TRACE);

/// Seconds by which the clock of spans and log lines is ahead.
#[inline]
pub(super) fn clock_offset() -> i64 {
    #[cfg(feature = "faults")]
    return CLOCK_OFFSET.load(Relaxed);
    #[cfg(not(feature = "faults"))]
    0
}

/// Spans that may wait for their export, when `set` may by the settings.
#[inline]
pub(super) fn max_waiting(set: usize) -> usize {
    #[cfg(feature = "faults")]
    return set.min(MAX_WAITING.load(Relaxed));
    #[cfg(not(feature = "faults"))]
    set
}

/// True if lines of this level are written.
#[inline]
pub(super) fn writes(level: &Level) -> bool {
    #[cfg(feature = "faults")]
    return rank(level) <= LOG_LEVEL.load(Relaxed);
    #[cfg(not(feature = "faults"))]
    {
        let _ = level;
        true
    }
}

/// How the causes of an error are written.
#[inline]
pub(super) fn causes() -> Causes {
    #[cfg(feature = "faults")]
    return match CAUSES.load(Relaxed) {
        0 => Causes::Indented,
        1 => Causes::Dated,
        _ => Causes::Undated,
    };
    #[cfg(not(feature = "faults"))]
    Causes::Indented
}

/// A number that grows as levels become less important.
#[cfg(feature = "faults")]
const fn rank(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

/// Sets the clock of spans and log lines ahead by `seconds`.
#[cfg(feature = "faults")]
pub(crate) fn set_clock_offset(seconds: i64) {
    CLOCK_OFFSET.store(seconds, Relaxed);
}

/// Sets how many spans may wait, below the setting; `None` for the setting.
#[cfg(feature = "faults")]
pub(crate) fn set_max_waiting(spans: Option<usize>) {
    MAX_WAITING.store(spans.unwrap_or(usize::MAX), Relaxed);
}

/// Sets the least important level that is written; `None` writes no line.
#[cfg(feature = "faults")]
pub(crate) fn set_log_level(level: Option<Level>) {
    LOG_LEVEL.store(level.as_ref().map_or(0, rank), Relaxed);
}

/// Sets how the causes of an error are written.
#[cfg(feature = "faults")]
pub(crate) fn set_causes(causes: Causes) {
    let number = match causes {
        Causes::Indented => 0,
        Causes::Dated => 1,
        Causes::Undated => 2,
    };
    CAUSES.store(number, Relaxed);
}
