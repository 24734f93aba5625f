//! Durations as Prometheus writes them: `1h30m`, `15s`, `100ms`.

/// Units from the longest to the shortest, in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Go counts nanoseconds in 64 bits.
const MAX_MILLIS: u64 = i64::MAX as u64 / 1_000_000;

/// Milliseconds of a duration whose units go from long to short, each at most once.
///
/// # Errors
/// The text of Prometheus.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let fail = || format!("not a valid duration string: {text:?}");
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    let (mut rest, mut total, mut next_unit) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let digits = rest
            .find(|one: char| !one.is_ascii_digit())
            .ok_or_else(fail)?;
        let number: u64 = rest[..digits].parse().map_err(|_| fail())?;
        rest = &rest[digits..];
        let letters = rest
            .find(|one: char| one.is_ascii_digit())
            .unwrap_or(rest.len());
        let unit = &rest[..letters];
        rest = &rest[letters..];
        if !unit.is_empty() && !UNITS.iter().any(|(name, _)| *name == unit) {
            return Err(format!("unknown unit {unit:?} in duration {text:?}"));
        }
        let place = UNITS[next_unit..]
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or_else(fail)?
            + next_unit;
        next_unit = place + 1;
        total = number
            .checked_mul(UNITS[place].1)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= MAX_MILLIS)
            .ok_or_else(|| "duration out of range".to_owned())?;
    }
    Ok(i64::try_from(total).unwrap_or(i64::MAX))
}

/// Writes milliseconds in the same form.
pub fn format_duration(millis: i64) -> String {
    let mut rest = millis.unsigned_abs();
    let mut text = String::new();
    // Years and weeks only divide evenly by chance; Prometheus leaves them out then, too.
    for (unit, size) in UNITS.iter().skip(2) {
        if rest >= *size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
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
        ] {
            assert_eq!(parse_duration(text), Ok(millis));
            assert_eq!(format_duration(millis), text);
        }
        for text in [
            "",
            "5",
            "m",
            "5x",
            "1s1m",
            "99999999999999999999s",
            "-5s",
            "1.5s",
            "999999999999y",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
