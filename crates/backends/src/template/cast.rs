//! Converts any value to a number, as spf13/cast does for sprig; other values become 0.

use super::number::{parse_float, parse_int, to_int};
use super::value::{IntType, Value};
use crate::wire::quote::valid;

/// `cast.ToInt64`
pub(super) fn int(value: &Value) -> i64 {
    match value {
        Value::Any(Some(inner)) => int(inner),
        Value::Bool(value) => i64::from(*value),
        Value::Int(value, _) => *value,
        Value::Byte(value) => i64::from(*value),
        Value::Float(value) => to_int(*value),
        Value::Text(text) => parse_int(without_fraction(&valid(text))).unwrap_or(0),
        _ => 0,
    }
}

/// `cast.ToFloat64`
pub(super) fn float(value: &Value) -> f64 {
    match value {
        Value::Any(Some(inner)) => float(inner),
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Int(value, IntType::Int | IntType::Int64) => *value as f64,
        Value::Int(value, _) => *value as f64,
        Value::Byte(value) => f64::from(*value),
        Value::Float(value) => *value,
        Value::Text(text) => parse_float(&valid(text)).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Cuts a decimal number at its point.
fn without_fraction(text: &str) -> &str {
    let Some((whole, fraction)) = text.split_once('.') else {
        return text;
    };
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(digits) || !all_digits(fraction) {
        return text;
    }
    if digits.is_empty() { "0" } else { whole }
}
