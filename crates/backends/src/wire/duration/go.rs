//! Go's `time.Duration`: `1h30m0s`, `1.5s`, `-250ms`.

use super::{HOUR, MILLISECOND, MINUTE, SECOND};

const UNITS: [(&[u8], u64); 8] = [
    (b"ns", 1),
    (b"us", 1_000),
    ("µs".as_bytes(), 1_000),
    ("μs".as_bytes(), 1_000),
    (b"ms", MILLISECOND),
    (b"s", SECOND),
    (b"m", MINUTE),
    (b"h", HOUR),
];

/// The magnitude of the smallest duration, -2^63 ns. No sum may exceed it.
const LIMIT: u64 = 1 << 63;

/// Reads a duration as nanoseconds, as `time.ParseDuration` does. The text need not be UTF-8.
///
/// # Errors
/// The message of Go.
pub(crate) fn parse<T: AsRef<[u8]> + ?Sized>(text: &T) -> Result<i64, String> {
    let text = text.as_ref();
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (number, after) = number(rest).ok_or_else(invalid)?;
        let is_unit = |b: &&u8| **b != b'.' && !b.is_ascii_digit();
        let (unit, after) = after.split_at(after.iter().take_while(is_unit).count());
        if unit.is_empty() {
            let text = quote(text);
            return Err(format!("time: missing unit in duration {text}"));
        }
        let found = UNITS.iter().find(|(name, _)| *name == unit);
        let (_, nanos) = found.ok_or_else(|| {
            let (unit, text) = (quote(unit), quote(text));
            format!("time: unknown unit {unit} in duration {text}")
        })?;
        total = number
            .nanoseconds(*nanos)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= LIMIT)
            .ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(0i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

/// A decimal number: `whole + fraction / scale`.
struct Number {
    whole: u64,
    fraction: u64,
    scale: f64,
}

impl Number {
    /// Nanoseconds of this many units. As in Go the whole part is exact and the fraction is rounded down.
    fn nanoseconds(&self, unit: u64) -> Option<u64> {
        let whole = self.whole.checked_mul(unit)?;
        let part = (self.fraction as f64 * (unit as f64 / self.scale)) as u64;
        (whole <= LIMIT).then(|| whole.checked_add(part)).flatten()
    }
}

/// Takes a number off the front. None if there is no digit, or if the whole part is too large.
fn number(text: &[u8]) -> Option<(Number, &[u8])> {
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let next = |value: u64, digit: &u8| value.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    let (whole, rest) = text.split_at(digits(text));
    let mut number = Number {
        whole: 0,
        fraction: 0,
        scale: 1.0,
    };
    for digit in whole {
        number.whole = next(number.whole, digit).filter(|value| *value <= LIMIT)?;
    }
    let Some(rest) = rest.strip_prefix(b".") else {
        return (!whole.is_empty()).then_some((number, rest));
    };
    let (fraction, rest) = rest.split_at(digits(rest));
    // Digits that do not fit make no difference to the nanosecond.
    for digit in fraction {
        let Some(value) = next(number.fraction, digit).filter(|value| *value < LIMIT) else {
            break;
        };
        number.fraction = value;
        number.scale *= 10.0;
    }
    (!(whole.is_empty() && fraction.is_empty())).then_some((number, rest))
}

/// Writes a text as package `time` quotes it: bytes that are not printable ASCII become `\x` escapes.
fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(*byte));
            }
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// Writes nanoseconds, as `time.Duration.String` does.
#[must_use]
pub(crate) fn format(nanos: i64) -> String {
    let total = nanos.unsigned_abs();
    let text = match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{total}ns"),
        1_000..MILLISECOND => format!("{}µs", decimal(total, 1_000)),
        MILLISECOND..SECOND => format!("{}ms", decimal(total, MILLISECOND)),
        _ => {
            let seconds = decimal(total % MINUTE, SECOND);
            match (total / HOUR, total % HOUR / MINUTE) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    let sign = if nanos < 0 { "-" } else { "" };
    format!("{sign}{text}")
}

/// Writes `nanos / unit` without trailing zeros.
fn decimal(nanos: u64, unit: u64) -> String {
    let (whole, rest) = (nanos / unit, nanos % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let places = unit.ilog10() as usize;
    let rest = format!("{rest:0places$}");
    format!("{whole}.{}", rest.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("1h30m", 5_400_000_000_000),
            ("1.5s", 1_500_000_000),
            ("8.011s", 8_011_000_000),
            ("250ms", 250_000_000),
            ("-2m", -120_000_000_000),
            ("1m2m", 180_000_000_000),
            ("-1.5s", -1_500_000_000),
            (".5ms", 500_000),
            ("1.s", 1_000_000_000),
            ("1500us", 1_500_000),
            ("0", 0),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
        for text in [
            "",
            "-",
            "1",
            "s",
            "1x",
            "1s1",
            "1s2",
            "1mm",
            "1d",
            "1.2.3s",
            ".s",
            "99999999h",
            "9223372036854775808ns",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn messages_are_those_of_go() {
        for (text, message) in [
            ("1d", r#"time: unknown unit "d" in duration "1d""#),
            ("3", r#"time: missing unit in duration "3""#),
            ("é", r#"time: invalid duration "\xc3\xa9""#),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanos, text) in [
            (0, "0s"),
            (12, "12ns"),
            (1_500, "1.5µs"),
            (100_000_000, "100ms"),
            (-250_000_000, "-250ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (5_400_000_000_000, "1h30m0s"),
            (86_400_000_000_000, "24h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(format(nanos), text);
        }
    }
}
