//! Sizes in bytes as people write them: `5MB`, `1.5KiB`.

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
/// The message of go-humanize, which Loki uses.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
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

/// Writes a size in powers of 1000 with one decimal below ten, as go-humanize does for Loki:
/// `5.0MB`, `1.5kB`, `12B`.
#[must_use]
pub(crate) fn format_bytes(bytes: u64) -> String {
    let rounded = rounded_bytes(bytes);
    // Loki always writes the rounded size, which changes the query; here a size that rounding would
    // change is written in bytes.
    match parse_bytes(&rounded) {
        Ok(same) if same == bytes => rounded,
        _ => format!("{bytes}B"),
    }
}

/// Writes a size as go-humanize does, without the blank.
pub(crate) fn rounded_bytes(bytes: u64) -> String {
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
    fn sizes_are_read_in_both_systems() {
        assert_eq!(parse_bytes("5MB"), Ok(5_000_000));
        assert_eq!(parse_bytes("1KiB"), Ok(1024));
        assert_eq!(parse_bytes("1.5 kb"), Ok(1500));
        assert_eq!(parse_bytes("1,042"), Ok(1042));
        assert_eq!(parse_bytes("5x"), Err("unhandled size name: x".to_owned()));
        assert!(parse_bytes("MB").is_err());
    }

    #[test]
    fn sizes_are_written_as_loki_writes_them() {
        assert_eq!(format_bytes(5_000_000), "5.0MB");
        assert_eq!(format_bytes(12_000), "12kB");
        assert_eq!(format_bytes(12_345), "12345B");
        assert_eq!(format_bytes(7), "7B");
    }
}
