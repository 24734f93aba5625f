//! Numbers for people, with four digits and the prefixes of units.

use super::functions::RESULT;
use crate::metrics::number;
use crate::template::time::Time;
use crate::template::{IntType, Value, parse_float};
use crate::wire::quote::{quoted, valid};

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// A number, a text that is one, or a duration in seconds.
pub(super) fn to_float(value: &Value) -> Result<f64, String> {
    match value.unboxed() {
        Value::Float(value) => Ok(value),
        Value::Int(nanos, IntType::Duration) => Ok(nanos as f64 / 1e9),
        Value::Int(value, IntType::Int | IntType::Int64) => Ok(value as f64),
        Value::Text(text) => parse_float(&valid(&text))
            .map_err(|bad| format!("strconv.ParseFloat: parsing {}: {bad}", quoted(&text))),
        other => {
            let name = match other {
                Value::Time(_) => "*time.Time",
                Value::List(..) => RESULT,
                other => other.type_name(),
            };
            Err(format!("can't convert {name} to float"))
        }
    }
}

/// Four digits.
pub(super) fn general(value: f64) -> String {
    number::general(value, Some(4))
}

pub(super) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return general(value);
    }
    if value.abs() >= 1.0 {
        return scaled(value, 1000.0, &LARGE);
    }
    small(value)
}

pub(super) fn binary(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value);
    }
    scaled(value, 1024.0, &BINARY)
}

pub(super) fn percentage(value: f64) -> String {
    format!("{}%", general(value * 100.0))
}

pub(super) fn duration(value: f64) -> String {
    if !value.is_finite() {
        return general(value);
    }
    if value == 0.0 {
        return format!("{}s", general(value));
    }
    if value.abs() < 1.0 {
        return format!("{}s", small(value));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as i64;
    let (seconds, minutes) = (whole % 60, whole / 60 % 60);
    let (hours, days) = (whole / 3600 % 24, whole / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}s", general(value.abs())),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

/// The time of Unix seconds, in whole milliseconds; `None` for what is no number.
///
/// # Errors
/// Out of the range of nanoseconds.
pub(super) fn time(seconds: f64) -> Result<Option<Time>, String> {
    if !seconds.is_finite() {
        return Ok(None);
    }
    let nanos = seconds * 1e9;
    if nanos > i64::MAX as f64 || nanos < i64::MIN as f64 {
        let shown = number::general(seconds, None);
        return Err(format!(
            "{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"
        ));
    }
    Ok(Some(Time::from_nanos(nanos as i64 / 1_000_000 * 1_000_000)))
}

fn scaled(mut value: f64, base: f64, prefixes: &[&'static str]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < base {
            break;
        }
        prefix = next;
        value /= base;
    }
    format!("{}{prefix}", general(value))
}

fn small(mut value: f64) -> String {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    format!("{}{prefix}", general(value))
}
