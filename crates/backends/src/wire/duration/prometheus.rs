//! Prometheus' `model.Duration`: `1h30m`, `15s`, `100ms`. Whole numbers, from the longest unit to the shortest, each
//! unit at most once.

use crate::wire::quote::quoted;

use super::{DAY, HOUR, MILLISECOND, MINUTE, SECOND};

/// Units from the longest to the shortest, in nanoseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * DAY),
    ("w", 7 * DAY),
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
];

/// Reads a parameter of a request as nanoseconds: seconds as a number, or a duration. Loki has this from Prometheus.
///
/// # Errors
/// The message of both.
pub(crate) fn seconds_or_duration(text: &str) -> Result<i64, String> {
    let problem = || {
        format!(
            "cannot parse {} to a valid duration",
            quoted(text.as_bytes())
        )
    };
    // A number that no float holds is none for Go; an infinity by name is one.
    let number = text.parse::<f64>().ok();
    let number =
        number.filter(|it| !it.is_infinite() || !text.contains(|c: char| c.is_ascii_digit()));
    match number.map(|seconds| seconds * 1e9) {
        Some(nanos) if nanos.abs() <= i64::MAX as f64 => Ok(nanos as i64),
        // What Go's conversion makes of it; callers refuse what is below zero.
        Some(nanos) if nanos.is_nan() => Ok(i64::MIN),
        Some(_) => Err(format!("{}. It overflows int64", problem())),
        None => parse(text).map_err(|_| problem()),
    }
}

/// Reads a duration as nanoseconds.
///
/// # Errors
/// The message of Prometheus.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let invalid = || format!("not a valid duration string: {text:?}");
    let too_large = || "duration out of range".to_owned();
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut units = UNITS.as_slice();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit());
        let (number, tail) = rest.split_at(digits.unwrap_or(rest.len()));
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let end = tail.find(|c: char| c.is_ascii_digit());
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        if !unit.is_empty() && UNITS.iter().all(|(name, _)| *name != unit) {
            return Err(format!("unknown unit {unit:?} in duration {text:?}"));
        }
        // A unit that is missing here was used before, or comes after a shorter one.
        let at = units.iter().position(|(name, _)| *name == unit);
        let (_, shorter) = units.split_at(at.ok_or_else(invalid)?);
        let ((_, nanos), shorter) = shorter.split_first().ok_or_else(invalid)?;
        units = shorter;
        total = number
            .checked_mul(*nanos)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(too_large)?;
        rest = tail;
    }
    i64::try_from(total).map_err(|_| too_large())
}

/// Writes nanoseconds to the millisecond. Years and weeks are used only when they divide the rest without remainder.
#[must_use]
pub(crate) fn format(nanos: i64) -> String {
    let mut rest = nanos.unsigned_abs() / MILLISECOND * MILLISECOND;
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if nanos < 0 { "-" } else { "" });
    for (unit, size) in UNITS {
        let only_whole = matches!(unit, "y" | "w");
        if rest >= size && (!only_whole || rest.is_multiple_of(size)) {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, millis) in [
            ("1h30m", 5_400_000),
            ("15s", 15_000),
            ("1m500ms", 60_500),
            ("2d", 172_800_000),
            ("2w", 1_209_600_000),
            ("15d", 1_296_000_000),
        ] {
            assert_eq!(parse(text), Ok(millis * 1_000_000));
            assert_eq!(format(millis * 1_000_000), text);
        }
        assert_eq!(parse("0"), Ok(0));
        assert_eq!(format(-60_000_000_000), "-1m");
        assert_eq!(format(999_999), "0s");
        for text in [
            "",
            "1",
            "5",
            "m",
            "s",
            "5x",
            "1x",
            "1s1m",
            "1m1h",
            "1m2m",
            "99999999999999999999s",
            "-5s",
            "1.5s",
            " 1m",
            "999999y",
            "999999999999y",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
