//! The small pieces of the text format: escapes, numbers, timestamps.

use std::fmt::Write;

use prometheus::proto::LabelPair;

/// Appends `text` with the three escapes of the format: backslash, quote, line feed.
pub(super) fn push_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    let is_escaped = |byte| matches!(byte, b'\\' | b'"' | b'\n');
    // Byte by byte, which is a fifth of the work: each of the three is a byte that is part of no other character.
    while let Some(at) = rest.bytes().position(is_escaped) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'"' => "\\\"",
            _ => "\\n",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Appends `name="value"` pairs, separated by commas, without the braces.
pub(super) fn push_labels(out: &mut String, labels: &[LabelPair]) {
    for (index, label) in labels.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_label(out, label.name(), label.value());
    }
}

/// Appends one `name="value"` pair.
pub(super) fn push_label(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str("=\"");
    push_escaped(out, value);
    out.push('"');
}

/// Appends a value: whole numbers without a fraction, as counts must be written.
pub(super) fn push_number(out: &mut String, value: f64) {
    /// Up to here every whole number has its own `f64`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        // Writing to a `String` never fails.
        let _ = write!(out, "{}", value as i64);
    } else {
        push_canonical(out, value);
    }
}

/// Appends a number in the canonical form that `le` and `quantile` values must have: always with
/// a fraction or an exponent, the exponent from a million up and below 1e-4, of two digits at least.
pub(super) fn push_canonical(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value != 0.0 && !(1e-4..1e6).contains(&value.abs()) {
        let start = out.len();
        let _ = write!(out, "{value:e}");
        let Some(mark) = out[start..].find('e').map(|at| start + at + 1) else {
            return;
        };
        let (sign, digits) = match out[mark..].strip_prefix('-') {
            Some(digits) => ('-', digits.to_owned()),
            None => ('+', out[mark..].to_owned()),
        };
        out.truncate(mark);
        let _ = write!(out, "{sign}{digits:0>2}");
    } else {
        let _ = write!(out, "{value:?}");
    }
}

/// Appends a time given in milliseconds since the epoch as seconds with three decimals.
pub(super) fn push_seconds(out: &mut String, milliseconds: i64) {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let (seconds, rest) = (
        milliseconds.unsigned_abs() / 1000,
        milliseconds.unsigned_abs() % 1000,
    );
    let _ = write!(out, "{sign}{seconds}.{rest:03}");
}
