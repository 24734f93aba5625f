//! Times in parameters, in the forms that Tempo takes.

use crate::wire::{integer, rfc3339};

/// A time in nanoseconds since the Unix epoch: seconds (up to ten digits), nanoseconds, seconds
/// with a fraction, or RFC 3339.
pub(super) fn stamp(text: &str) -> Option<u64> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        // To the millisecond, as Tempo rounds.
        let millis = (seconds * 1e3).round();
        return (0.0..9.2e15)
            .contains(&millis)
            .then_some(millis as u64 * 1_000_000);
    }
    if let Ok(number) = text.parse::<u64>() {
        return match text.len() {
            ..=10 => number.checked_mul(1_000_000_000),
            _ => Some(number),
        };
    }
    let time = rfc3339::parse(text)?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// A time in one of these forms, or before the epoch, in whole seconds of 32 bits, as Tempo keeps those of its
/// requests for tags.
///
/// # Errors
/// Go's message for a text that is no number.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    const SECOND: i64 = 1_000_000_000;
    let seconds = match stamp(text) {
        Some(nanos) => i64::try_from(nanos).unwrap_or(i64::MAX) / SECOND,
        None => match integer::parse::<i64>("ParseInt", text)? {
            number if text.len() <= 10 => number,
            nanos => nanos.div_euclid(SECOND),
        },
    };
    Ok(seconds as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_forms() {
        for (text, nanos) in [
            ("1795644000", 1_795_644_000_000_000_000),
            ("1795644000000000000", 1_795_644_000_000_000_000),
            ("1795644000.25", 1_795_644_000_250_000_000),
            ("2026-11-26T00:00:00Z", 1_795_651_200_000_000_000),
        ] {
            assert_eq!(stamp(text), Some(nanos), "{text}");
        }
        for text in ["", "now", "-5", "1e9", "NaN"] {
            assert_eq!(stamp(text), None, "{text}");
        }
    }
}
