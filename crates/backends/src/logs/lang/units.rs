//! Durations and sizes as Prometheus, Go and humans write them.

/// Units of Prometheus' durations in milliseconds, from the largest.
const RANGE_UNITS: [(&str, u64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads a duration as Prometheus writes it, `1h30m`: whole numbers, from large units to small ones.
/// The result is in nanoseconds.
///
/// # Errors
/// What is wrong with it, in Prometheus' words.
pub fn parse_range(text: &str) -> Result<i64, String> {
    let invalid = || format!("not a valid duration string: {text:?}");
    let too_large = || "duration out of range".to_owned();
    if text == "0" {
        return Ok(0);
    }
    if text.is_empty() {
        return Err("empty duration string".to_owned());
    }
    let (mut rest, mut total, mut next_unit) = (text, 0_u64, 0);
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| invalid())?;
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if unit.is_empty() {
            return Err(invalid());
        }
        let at = RANGE_UNITS.iter().position(|(name, _)| *name == unit);
        let at = at.ok_or_else(|| format!("unknown unit {unit:?} in duration {text:?}"))?;
        if at < next_unit {
            return Err(invalid());
        }
        next_unit = at + 1;
        let scale = RANGE_UNITS.get(at).map_or(0, |(_, millis)| *millis) * 1_000_000;
        total = number
            .checked_mul(scale)
            .and_then(|nanos| total.checked_add(nanos))
            .ok_or_else(too_large)?;
        rest = tail;
    }
    i64::try_from(total).map_err(|_| too_large())
}

/// Units of Go's durations in nanoseconds; a longer name comes before its own beginning.
const DURATION_UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Reads a duration as Go writes it, `1h30m`, `1.5s`, `-250ms`, as nanoseconds.
///
/// # Errors
/// What is wrong with it, in the words of Go's `time.ParseDuration`.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'));
        let (number, tail) = rest.split_at(digits.unwrap_or(rest.len()));
        if !number.contains(|c: char| c.is_ascii_digit()) {
            return Err(invalid());
        }
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let scale = DURATION_UNITS.iter().find(|(name, _)| *name == unit);
        let (_, scale) =
            scale.ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        total = nanoseconds(number, *scale)
            .and_then(|more| total.checked_add(more))
            .ok_or_else(invalid)?;
        rest = tail;
    }
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(sign * total)
}

/// Nanoseconds of a number of units. As in Go the whole part is counted exactly, the fraction rounded down.
fn nanoseconds(number: &str, unit: f64) -> Option<u64> {
    /// More digits of a fraction make no difference.
    const DIGITS: usize = 18;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
        return None;
    }
    let count = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u64>().ok(),
    };
    let fraction = fraction.get(..DIGITS).unwrap_or(fraction);
    let scale = 10_f64.powi(i32::try_from(fraction.len()).ok()?);
    let part = count(fraction)? as f64 * (unit / scale);
    count(whole)?
        .checked_mul(unit as u64)?
        .checked_add(part as u64)
}

/// A duration of a request's parameter: as Prometheus writes it, else as Go does.
#[must_use]
pub fn parse_any_duration(text: &str) -> Option<i64> {
    parse_range(text).or_else(|_| parse_duration(text)).ok()
}

/// Units of sizes in bytes, lower case: powers of 1000, and of 1024 with an `i`.
const SIZE_UNITS: [(&str, f64); 26] = [
    ("", 1.0),
    ("b", 1.0),
    ("k", 1e3),
    ("kb", 1e3),
    ("ki", 1024.0),
    ("kib", 1024.0),
    ("m", 1e6),
    ("mb", 1e6),
    ("mi", 1_048_576.0),
    ("mib", 1_048_576.0),
    ("g", 1e9),
    ("gb", 1e9),
    ("gi", 1_073_741_824.0),
    ("gib", 1_073_741_824.0),
    ("t", 1e12),
    ("tb", 1e12),
    ("ti", 1_099_511_627_776.0),
    ("tib", 1_099_511_627_776.0),
    ("p", 1e15),
    ("pb", 1e15),
    ("pi", 1_125_899_906_842_624.0),
    ("pib", 1_125_899_906_842_624.0),
    ("e", 1e18),
    ("eb", 1e18),
    ("ei", 1_152_921_504_606_846_976.0),
    ("eib", 1_152_921_504_606_846_976.0),
];

/// Reads a size like `5MB`, `1.5 KiB` or `42` as bytes.
///
/// # Errors
/// What is wrong with it, in the words of the library that Loki reads sizes with.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let end = text
        .find(|c: char| !(c.is_numeric() || c == '.' || c == ','))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number = super::literal::parse_float(&number.replace(',', ""))?;
    let unit = unit.trim().to_lowercase();
    let scale = SIZE_UNITS.iter().find(|(name, _)| *name == unit);
    let (_, scale) = scale.ok_or_else(|| format!("unhandled size name: {unit}"))?;
    let bytes = number * scale;
    if bytes >= 18_446_744_073_709_551_615.0 {
        return Err(format!("too large: {text}"));
    }
    Ok(bytes as u64)
}

/// Writes a duration as Prometheus does: `1h30m`, to the millisecond; years and weeks only when
/// nothing is left.
#[must_use]
pub fn format_range(nanos: i64) -> String {
    let mut rest = nanos.unsigned_abs() / 1_000_000;
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if nanos < 0 { "-" } else { "" });
    for (unit, scale) in RANGE_UNITS {
        let whole_only = matches!(unit, "y" | "w");
        if rest >= scale && (!whole_only || rest.is_multiple_of(scale)) {
            text.push_str(&format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    text
}

/// Writes a duration as Go does: `1h30m0s`, `1.5s`, `250ms`.
#[must_use]
pub fn format_duration(nanos: i64) -> String {
    let rest = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let small = |scale: u64, unit: &str| format!("{sign}{}{unit}", decimal(rest, scale));
    match rest {
        0 => "0s".to_owned(),
        1..1_000 => small(1, "ns"),
        1_000..1_000_000 => small(1_000, "µs"),
        1_000_000..1_000_000_000 => small(1_000_000, "ms"),
        _ => {
            let minutes = rest / 60_000_000_000;
            let seconds = decimal(rest % 60_000_000_000, 1_000_000_000);
            match minutes {
                0 => format!("{sign}{seconds}s"),
                1..60 => format!("{sign}{minutes}m{seconds}s"),
                _ => format!("{sign}{}h{}m{seconds}s", minutes / 60, minutes % 60),
            }
        }
    }
}

/// A whole number of parts of `scale` as decimal number without trailing zeros.
fn decimal(parts: u64, scale: u64) -> String {
    let (whole, fraction) = (parts / scale, parts % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let places = scale.ilog10() as usize;
    let fraction = format!("{fraction:0places$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// Writes a size in powers of 1000 with one decimal below ten, as the library that Loki writes
/// sizes with: `5MB`, `1.5kB`, `12B`.
#[must_use]
pub fn format_bytes(bytes: u64) -> String {
    let rounded = rounded_bytes(bytes);
    // Loki writes the rounded size whatever it was; here the text means the same.
    match parse_bytes(&rounded) {
        Ok(same) if same == bytes => rounded,
        _ => format!("{bytes}B"),
    }
}

fn rounded_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes}B");
    }
    let exponent = (bytes as f64).ln() / 1000_f64.ln();
    let exponent = (exponent.floor() as usize).min(UNITS.len() - 1);
    let value = (bytes as f64 / 1000_f64.powi(exponent as i32) * 10.0 + 0.5).floor() / 10.0;
    let unit = UNITS.get(exponent).copied().unwrap_or_default();
    if value < 10.0 {
        format!("{value:.1}{unit}")
    } else {
        format!("{value:.0}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_prometheus_reads_them() {
        assert_eq!(parse_range("1h30m"), Ok(5_400_000_000_000));
        assert_eq!(parse_range("1d"), Ok(86_400_000_000_000));
        assert_eq!(parse_range("0"), Ok(0));
        for bad in ["", "1", "s", "1x", "1m1h", "1m2m", "1.5s", " 1m", "999999y"] {
            assert!(parse_range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        assert_eq!(parse_duration("1h30m"), Ok(5_400_000_000_000));
        assert_eq!(parse_duration("1.5s"), Ok(1_500_000_000));
        assert_eq!(parse_duration("8.011s"), Ok(8_011_000_000));
        assert_eq!(parse_duration("250ms"), Ok(250_000_000));
        assert_eq!(parse_duration("-2m"), Ok(-120_000_000_000));
        assert_eq!(parse_duration("1m2m"), Ok(180_000_000_000));
        for bad in ["", "1", "s", "1x", "1s1", "1mm", "1d", "99999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse_duration("1d"),
            Err("time: unknown unit \"d\" in duration \"1d\"".to_owned())
        );
    }

    #[test]
    fn sizes_are_read_in_both_systems() {
        assert_eq!(parse_bytes("5MB"), Ok(5_000_000));
        assert_eq!(parse_bytes("1KiB"), Ok(1024));
        assert_eq!(parse_bytes("1.5 kb"), Ok(1500));
        assert_eq!(parse_bytes("1,042"), Ok(1042));
        assert_eq!(parse_bytes("5x"), Err("unhandled size name: x".to_owned()));
        assert!(parse_bytes("MB").is_err());
    }

    #[test]
    fn durations_and_sizes_are_written_as_loki_writes_them() {
        assert_eq!(format_range(5_400_000_000_000), "1h30m");
        assert_eq!(format_range(1_209_600_000_000_000), "2w");
        assert_eq!(format_range(-60_000_000_000), "-1m");
        assert_eq!(format_duration(5_400_000_000_000), "1h30m0s");
        assert_eq!(format_duration(1_500_000_000), "1.5s");
        assert_eq!(format_duration(-250_000_000), "-250ms");
        assert_eq!(format_duration(1_500), "1.5µs");
        assert_eq!(format_bytes(5_000_000), "5.0MB");
        assert_eq!(format_bytes(12_000), "12kB");
        assert_eq!(format_bytes(12_345), "12345B");
        assert_eq!(format_bytes(7), "7B");
    }
}
