//! Times as Unix nanoseconds.

use std::time::{SystemTime, UNIX_EPOCH};

/// A time in Unix nanoseconds; 0 for times before 1970 and beyond 2262.
#[must_use]
pub(crate) fn unix_nanos(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}
