//! The order of the series in an answer: fewer labels first, then by name and value of each label, values as
//! protobuf writes them as text.

use std::fmt::Write;

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};

use super::TimeSeries;

/// Sorts series as Tempo does.
pub(super) fn sort(all: &mut [TimeSeries]) {
    all.sort_by_cached_key(|series| {
        let labels = series.labels.iter();
        let labels = labels.map(|(name, value)| (name.clone(), written(value)));
        (series.labels.len(), labels.collect::<Vec<_>>())
    });
}

fn written(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => format!("string_value:{} ", quoted(text)),
        Some(Value::BoolValue(b)) => format!("bool_value:{b} "),
        Some(Value::IntValue(n)) => format!("int_value:{n} "),
        Some(Value::DoubleValue(n)) => format!("double_value:{} ", float(*n)),
        _ => String::new(),
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x20..0x7f => out.push(char::from(byte)),
            other => {
                // A string takes all that is written to it.
                let _ = write!(out, "\\{other:03o}");
            }
        }
    }
    out.push('"');
    out
}

/// A number as Go writes it with the verb `v`: with an exponent below -4 and from 21 on.
fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    match scientific.split_once('e') {
        Some((digits, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) if !(-4..21).contains(&exponent) => {
                let sign = if exponent < 0 { '-' } else { '+' };
                format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
            }
            _ => number.to_string(),
        },
        None => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_protobuf_does() {
        assert_eq!(quoted("a\"\\\né"), r#""a\"\\\n\303\251""#);
        assert_eq!(float(5.12e-7), "5.12e-07");
        assert_eq!(float(0.001048576), "0.001048576");
        assert_eq!(float(2048.0), "2048");
        assert_eq!(float(1e21), "1e+21");
    }
}
