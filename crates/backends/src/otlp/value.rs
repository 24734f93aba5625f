//! Attribute values as text, as the collector's library writes them and Loki and Prometheus keep them: lists
//! and maps become JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};

use any_value::Value;

/// A value as text; one that is missing is empty.
pub(crate) fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        None => String::new(),
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::BoolValue(value)) => value.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => double(*number),
        Some(Value::BytesValue(bytes)) => STANDARD.encode(bytes),
        // Only the protocol of profiles has the table that this number is from.
        Some(Value::StringValueStrindex(index)) => index.to_string(),
        Some(value @ (Value::ArrayValue(_) | Value::KvlistValue(_))) => {
            let mut json = String::new();
            // Go's encoder writes nothing at all if a number within has no JSON.
            match write(&mut json, Some(value)) {
                Some(()) => json,
                None => String::new(),
            }
        }
    }
}

/// An id in hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A number as JavaScript writes it, which has names for those that JSON has not.
fn double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        let sign = if number < 0.0 { "-" } else { "" };
        return format!("{sign}Infinity");
    }
    let size = number.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return number.to_string();
    }
    let text = format!("{number:e}");
    if size < 1.0 {
        return text;
    }
    text.replace('e', "e+")
}

/// Writes a value as JSON without white space, names of maps in order. `None` if a number has no JSON.
fn write(json: &mut String, value: Option<&Value>) -> Option<()> {
    match value {
        None => json.push_str("null"),
        Some(Value::StringValue(text)) => write_text(json, text),
        Some(Value::BytesValue(bytes)) => write_text(json, &STANDARD.encode(bytes)),
        Some(Value::BoolValue(value)) => json.push_str(if *value { "true" } else { "false" }),
        Some(Value::IntValue(number)) => json.push_str(&number.to_string()),
        Some(Value::StringValueStrindex(index)) => json.push_str(&index.to_string()),
        Some(Value::DoubleValue(number)) if number.is_finite() => json.push_str(&double(*number)),
        Some(Value::DoubleValue(_)) => return None,
        Some(Value::ArrayValue(list)) => {
            json.push('[');
            for (at, value) in list.values.iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                write(json, value.value.as_ref())?;
            }
            json.push(']');
        }
        Some(Value::KvlistValue(list)) => {
            // Of two values for one name the last one counts.
            let pairs = list.values.iter().map(|pair| {
                let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
                (pair.key.as_str(), value)
            });
            let pairs: BTreeMap<&str, Option<&Value>> = pairs.collect();
            json.push('{');
            for (at, (name, value)) in pairs.into_iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                write_text(json, name);
                json.push(':');
                write(json, value)?;
            }
            json.push('}');
        }
    }
    Some(())
}

/// Writes a string with the escapes that Go's encoder uses.
fn write_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                json.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.5, "1.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-2.5e100, "-2.5e+100"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.25e-10, "1.25e-10"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(number), text);
        }
    }
}
