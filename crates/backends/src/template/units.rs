//! `bytes`: sizes as dustin/go-humanize reads them.

use super::number::parse_float;
use crate::wire::quote::{quoted, valid};

/// The bytes of a unit, in lower case.
fn unit(name: &str) -> Option<f64> {
    let (prefix, base) = match name {
        "" | "b" => return Some(1.0),
        _ => match name.strip_suffix('b').unwrap_or(name).strip_suffix('i') {
            Some(prefix) => (prefix, 1024.0f64),
            None => (name.strip_suffix('b').unwrap_or(name), 1000.0),
        },
    };
    let power = ["k", "m", "g", "t", "p", "e"]
        .iter()
        .position(|known| *known == prefix)?;
    Some(base.powi(i32::try_from(power).ok()? + 1))
}

/// Reads a size in bytes.
pub(crate) fn parse_bytes(text: &[u8]) -> Result<f64, String> {
    let text = valid(text);
    let is_number = |c: char| c.is_numeric() || c == '.' || c == ',';
    // Go counts characters here and cuts bytes; both are the same for ASCII.
    let digits = text.chars().take_while(|c| is_number(*c)).count();
    let (number, name) = text.split_at_checked(digits).unwrap_or((&text, ""));
    let number = number.replace(',', "");
    let value = parse_float(&number).map_err(|bad| {
        let number = quoted(number.as_bytes());
        format!("strconv.ParseFloat: parsing {number}: {bad}")
    })?;
    let name = name.trim().to_lowercase();
    let Some(unit) = unit(&name) else {
        return Err(format!("unhandled size name: {name}"));
    };
    let bytes = value * unit;
    if bytes >= 18_446_744_073_709_551_615.0 {
        return Err(format!("too large: {text}"));
    }
    Ok(bytes.trunc())
}
