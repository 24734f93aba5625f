//! Times on the command line.

use std::time::Duration;

/// A time such as `60`, `60s`, `500ms` or `2m`.
///
/// # Errors
/// Text of the error.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time; expected one like 60, 60s, 500ms or 2m");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let millis = match &text[digits.len()..] {
        "" | "s" => number.checked_mul(1000),
        "ms" => Some(number),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    match millis {
        // At most a day, so that no sum of times overflows.
        Some(millis @ 1..=86_400_000) => Ok(Duration::from_millis(millis)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_units() {
        for (text, millis) in [("60", 60_000), ("60s", 60_000), ("5ms", 5), ("2m", 120_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for wrong in [
            "",
            "s",
            "-1",
            "0",
            "1h",
            "1 s",
            "1.5s",
            "99999999999999999999",
        ] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
