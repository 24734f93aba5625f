//! Durations: nanoseconds that print as `1h2m3.5s`.

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// `time.Duration.String`
pub(in super::super) fn show_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    let decimal = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let fraction = format!("{:0digits$}", total % unit);
        let fraction = match fraction.trim_end_matches('0') {
            "" => String::new(),
            fraction => format!(".{fraction}"),
        };
        format!("{sign}{}{fraction}{name}", total / unit)
    };
    match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{total}ns"),
        1_000..1_000_000 => decimal(1_000, "µs"),
        1_000_000..1_000_000_000 => decimal(1_000_000, "ms"),
        _ => {
            let seconds = total / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let fraction = format!("{:09}", total % 1_000_000_000);
            let fraction = match fraction.trim_end_matches('0') {
                "" => String::new(),
                fraction => format!(".{fraction}"),
            };
            let seconds = format!("{}{fraction}s", seconds % 60);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

/// `time.ParseDuration`, with its messages.
pub(in super::super) fn parse_duration(text: &[u8]) -> Result<i64, String> {
    let shown = quote(text);
    let invalid = || format!("time: invalid duration {shown}");
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
    // 2^63 itself is the magnitude of the least duration.
    let most = 1u64 << 63;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let whole = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let mut value: u64 = 0;
        for digit in rest.get(..whole).unwrap_or_default() {
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(digit - b'0')))
                .filter(|value| *value <= most)
                .ok_or_else(invalid)?;
        }
        rest = rest.get(whole..).unwrap_or_default();
        let mut fraction = 0u64;
        let mut scale = 1.0f64;
        let mut decimals = 0;
        if let Some(after) = rest.strip_prefix(b".") {
            decimals = after.iter().take_while(|b| b.is_ascii_digit()).count();
            let mut full = false;
            for digit in after.get(..decimals).unwrap_or_default() {
                let next = fraction
                    .checked_mul(10)
                    .and_then(|value| value.checked_add(u64::from(digit - b'0')))
                    .filter(|value| *value < most);
                match next {
                    Some(next) if !full => {
                        fraction = next;
                        scale *= 10.0;
                    }
                    _ => full = true,
                }
            }
            rest = after.get(decimals..).unwrap_or_default();
        }
        if whole == 0 && decimals == 0 {
            return Err(invalid());
        }
        let is_unit = |b: &&u8| **b != b'.' && !b.is_ascii_digit();
        let length = rest.iter().take_while(is_unit).count();
        if length == 0 {
            return Err(format!("time: missing unit in duration {shown}"));
        }
        let (unit, after) = rest.split_at(length);
        let found = UNITS.iter().find(|(name, _)| name.as_bytes() == unit);
        let Some((_, nanos)) = found else {
            let unit = quote(unit);
            return Err(format!("time: unknown unit {unit} in duration {shown}"));
        };
        let mut value = value
            .checked_mul(*nanos)
            .filter(|value| *value <= most)
            .ok_or_else(invalid)?;
        if fraction > 0 {
            value += (fraction as f64 * (*nanos as f64 / scale)) as u64;
        }
        total = total
            .checked_add(value)
            .filter(|total| *total <= most)
            .ok_or_else(invalid)?;
        rest = after;
    }
    if negative {
        return Ok(0i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| invalid())
}

/// As package `time` quotes: what is not plain ASCII is written in bytes.
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
