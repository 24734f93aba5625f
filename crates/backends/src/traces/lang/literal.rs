//! Durations as text, in the way that Go and Prometheus write them.

use winnow::Parser;
use winnow::ascii::digit1;
use winnow::combinator::{alt, eof, opt, repeat};
use winnow::error::ContextError;

type Input<'i> = &'i str;

/// Reads a duration such as `1h30m`, `1.5s`, `100ms` or `1d` as nanoseconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let parts = repeat::<_, _, Vec<(f64, f64)>, _, _>(1.., (number, unit));
    let (parts, _) = (parts, eof).parse(text).ok()?;
    let nanos: f64 = parts.into_iter().map(|(number, unit)| number * unit).sum();
    (nanos < i64::MAX as f64).then_some(nanos as i64)
}

fn number(input: &mut Input<'_>) -> winnow::Result<f64, ContextError> {
    (digit1, opt((".", digit1)))
        .take()
        .parse_to()
        .parse_next(input)
}

fn unit(input: &mut Input<'_>) -> winnow::Result<f64, ContextError> {
    // The longer names first, since `m` begins `ms`.
    alt((
        "ns".value(1.0),
        alt(("us", "µs", "μs")).value(1e3),
        "ms".value(1e6),
        "s".value(1e9),
        "m".value(60e9),
        "h".value(3_600e9),
        "d".value(86_400e9),
        "w".value(7.0 * 86_400e9),
        "y".value(365.0 * 86_400e9),
    ))
    .parse_next(input)
}

/// Writes a fraction as Go does with the verb `g`: with an exponent where it is below -4 or above 5.
pub(crate) fn float_text(number: f64) -> String {
    if !number.is_finite() {
        return match number {
            n if n.is_nan() => "NaN".to_owned(),
            n if n > 0.0 => "+Inf".to_owned(),
            _ => "-Inf".to_owned(),
        };
    }
    let scientific = format!("{number:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) if !(-4..6).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
            }
            // To be told from a whole number.
            _ if number.fract() == 0.0 => format!("{number:.1}"),
            _ => number.to_string(),
        },
        None => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::duration::go;

    #[test]
    fn fractions_are_written_as_go_does() {
        for (number, written) in [
            (0.25, "0.25"),
            (3.0, "3.0"),
            (-0.5, "-0.5"),
            (123_456.0, "123456.0"),
            (1_234_567.0, "1.234567e+06"),
            (1e300, "1e+300"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(float_text(number), written);
        }
    }

    #[test]
    fn durations_are_read_and_written_as_go_does() {
        for (text, nanos, written) in [
            ("100ms", 100_000_000, "100ms"),
            ("1.5s", 1_500_000_000, "1.5s"),
            ("1h30m", 5_400_000_000_000, "1h30m0s"),
            ("90s", 90_000_000_000, "1m30s"),
            ("1d", 86_400_000_000_000, "24h0m0s"),
            ("1500us", 1_500_000, "1.5ms"),
            ("12ns", 12, "12ns"),
        ] {
            assert_eq!(duration(text), Some(nanos), "{text}");
            assert_eq!(go::format(nanos), written);
        }
        for text in ["", "s", "1", "1x", "1.s", "99999999999y"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
