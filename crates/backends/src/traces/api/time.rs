//! Times and durations in parameters, in the forms that Tempo takes.

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
    let time: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(time.as_nanosecond()).ok()
}

/// A duration as Go reads it, in nanoseconds: `1h30m`, `-1.5s`, `.5ms`, `0`.
pub(super) fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: f64 = match number {
            "" | "." => return None,
            number => number.parse().ok()?,
        };
        let letters = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        nanos += number
            * match unit {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3_600e9,
                _ => return None,
            };
        rest = after;
    }
    (nanos < i64::MAX as f64 && text.len() > 1).then_some((sign * nanos) as i64)
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

    #[test]
    fn durations_are_read_as_go_does() {
        for (text, nanos) in [
            ("1h30m", 5_400_000_000_000),
            ("-1.5s", -1_500_000_000),
            (".5ms", 500_000),
            ("1.s", 1_000_000_000),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Some(nanos), "{text}");
        }
        for text in ["", "-", "1", "s", "1d", "1.2.3s", ".s", "1s2"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
