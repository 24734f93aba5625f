//! Durations and sizes as LogQL, Prometheus and Go write them.

/// Units of durations in nanoseconds, longest first.
const DURATION_UNITS: [(&str, f64); 11] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
    ("d", 86_400e9),
    ("w", 604_800e9),
    ("y", 31_536_000e9),
];

/// Reads a duration like `1h30m`, `1.5s`, `250ms` or `-2m` as nanoseconds.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .filter(|at| *at > 0)?;
        let (number, tail) = rest.split_at(digits);
        let (unit, scale) = DURATION_UNITS
            .iter()
            .find(|(unit, _)| tail.strip_prefix(unit).is_some_and(ends_unit))?;
        total += number.parse::<f64>().ok()? * scale;
        rest = tail.get(unit.len()..)?;
    }
    // Beyond this a nanosecond count does not fit.
    (total < 9.2e18).then_some((sign * total).round() as i64)
}

fn ends_unit(rest: &str) -> bool {
    rest.chars()
        .next()
        .is_none_or(|c| c.is_ascii_digit() || c == '.')
}

/// Units of sizes in bytes, lower case: powers of 1000, and of 1024 with an `i`.
const SIZE_UNITS: [(&str, f64); 23] = [
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
    ("bytes", 1.0),
];

/// Reads a size like `5MB`, `1.5 KiB` or `42` as bytes.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ','))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_ascii_lowercase();
    let (_, scale) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    let bytes = number.replace(',', "").parse::<f64>().ok()? * scale;
    (bytes < 1.8e19).then_some(bytes as u64)
}

/// Writes a duration so that [`parse_duration`] reads the same: `1h30m`, `1s500ms`.
#[must_use]
pub fn format_duration(nanos: i64) -> String {
    const UNITS: [(&str, u64); 7] = [
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut text = String::from(if nanos < 0 { "-" } else { "" });
    let mut rest = nanos.unsigned_abs();
    for (unit, scale) in UNITS {
        if rest >= scale {
            text.push_str(&format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_and_go_write_them() {
        assert_eq!(parse_duration("1h30m"), Some(5_400_000_000_000));
        assert_eq!(parse_duration("1.5s"), Some(1_500_000_000));
        assert_eq!(parse_duration("250ms"), Some(250_000_000));
        assert_eq!(parse_duration("-2m"), Some(-120_000_000_000));
        assert_eq!(parse_duration("1d"), Some(86_400_000_000_000));
        for bad in ["", "1", "s", "1x", "1s1", "1mm", "99999999y"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_read_in_both_systems() {
        assert_eq!(parse_bytes("5MB"), Some(5_000_000));
        assert_eq!(parse_bytes("1KiB"), Some(1024));
        assert_eq!(parse_bytes("1.5kb"), Some(1500));
        assert_eq!(parse_bytes("42"), Some(42));
        assert_eq!(parse_bytes("MB"), None);
    }

    #[test]
    fn durations_survive_formatting() {
        for nanos in [
            0,
            1,
            1_500_000_000,
            5_400_000_000_000,
            90_061_001_001_001,
            -60_000_000_000,
        ] {
            assert_eq!(parse_duration(&format_duration(nanos)), Some(nanos));
        }
    }
}
