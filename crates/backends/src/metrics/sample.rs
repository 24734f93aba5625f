//! Sample values that mean something besides their number.

use std::time::{SystemTime, UNIX_EPOCH};

/// Bit pattern of the marker that ends a series, written when a scrape no longer sees it
/// (Prometheus `model/value`). It is a signalling NaN: no arithmetic gives it by accident.
pub(crate) const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The marker that ends a series.
pub(crate) fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// True if a value is the marker that ends a series, and not just any NaN.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// The system's time in milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_millis() as i64)
}
