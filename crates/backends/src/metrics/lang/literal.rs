//! The values of literals: numbers, durations and strings.

use super::ast::Text;
use super::token::Place;
use crate::wire::duration::prometheus;
use crate::wire::quote;

/// Nanoseconds that Go's durations hold at most.
const MAX_NANOSECONDS: f64 = 9_223_372_036_854_775_808.0;

/// A number as Go reads it: an integer with any base's prefix (a leading zero is octal) or a decimal number,
/// with `_` between digits.
pub(super) fn number(text: &str) -> Result<f64, String> {
    let failed = |reason: &str| {
        let quoted = super::token::quote(text);
        format!("error parsing number: strconv.ParseFloat: parsing {quoted}: {reason}")
    };
    if !underscores_between_digits(text) {
        return Err(failed("invalid syntax"));
    }
    let plain = text.replace('_', "");
    let hexadecimal = plain
        .strip_prefix("0x")
        .or_else(|| plain.strip_prefix("0X"));
    if let Some(digits) = hexadecimal {
        return match i64::from_str_radix(digits, 16) {
            Ok(number) => Ok(number as f64),
            // A hexadecimal float needs an exponent.
            Err(_) => Err(failed("invalid syntax")),
        };
    }
    let octal = plain.len() > 1 && plain.starts_with('0');
    if octal && let Ok(number) = i64::from_str_radix(&plain, 8) {
        return Ok(number as f64);
    }
    let value: f64 = plain.parse().map_err(|_| failed("invalid syntax"))?;
    let written_so = plain.starts_with(['i', 'I', '+', '-']);
    if value.is_infinite() && !written_so {
        return Err(failed("value out of range"));
    }
    Ok(value)
}

/// Go takes a `_` only between digits, or behind the prefix of a base.
fn underscores_between_digits(text: &str) -> bool {
    let hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    let digits = if hexadecimal { &text[2..] } else { text };
    let mut before_is_digit = hexadecimal;
    let mut after_underscore = false;
    for one in digits.chars() {
        let digit = one.is_ascii_digit() || (hexadecimal && one.is_ascii_hexdigit());
        if one == '_' && !before_is_digit || after_underscore && !digit {
            return false;
        }
        after_underscore = one == '_';
        before_is_digit = digit;
    }
    !after_underscore
}

/// Seconds of a duration.
pub(super) fn duration(text: &str) -> Result<f64, String> {
    Ok((prometheus::parse(text)? / 1_000_000) as f64 / 1000.0)
}

/// True if seconds are more than a duration holds.
pub(super) fn out_of_range(seconds: f64) -> bool {
    seconds.abs() > MAX_NANOSECONDS / 1e9
}

/// Seconds in whole milliseconds, by way of nanoseconds as Prometheus has them.
pub(super) fn millis(seconds: f64) -> i64 {
    (seconds * 1e9).round() as i64 / 1_000_000
}

/// Text of a string literal, whose escapes the lexer has checked. Bytes that are no UTF-8 become U+FFFD, as in
/// any answer that showed them.
pub(super) fn unquote(literal: &str) -> String {
    quote::valid(&unquote_bytes(literal))
}

/// As [`unquote`], with the bytes that are not UTF-8 as well.
pub(super) fn text(literal: &str, place: Place) -> Text {
    let bytes = unquote_bytes(literal);
    let value = quote::valid(&bytes);
    let invalid = std::str::from_utf8(&bytes).is_err().then_some(bytes);
    Text {
        value,
        invalid,
        place,
    }
}

/// As [`unquote`], byte by byte as written.
pub(super) fn unquote_bytes(literal: &str) -> Vec<u8> {
    let inner = literal
        .get(1..literal.len().saturating_sub(1))
        .unwrap_or_default();
    if literal.starts_with('`') || !inner.contains('\\') {
        return inner.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.chars();
    while let Some(one) = rest.next() {
        if one != '\\' {
            push(&mut bytes, one);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        let mut code = |digits: usize, base: u32, first: Option<char>| {
            first
                .into_iter()
                .chain(rest.by_ref())
                .take(digits)
                .fold(0_u32, |code, digit| {
                    code.wrapping_mul(base)
                        .wrapping_add(digit.to_digit(base).unwrap_or(0))
                })
        };
        match escaped {
            'a' => bytes.push(0x07),
            'b' => bytes.push(0x08),
            'f' => bytes.push(0x0c),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(0x0b),
            'x' => bytes.push(code(2, 16, None) as u8),
            '0'..='7' => bytes.push(code(3, 8, Some(escaped)) as u8),
            'u' => push(
                &mut bytes,
                char::from_u32(code(4, 16, None)).unwrap_or('\u{fffd}'),
            ),
            'U' => push(
                &mut bytes,
                char::from_u32(code(8, 16, None)).unwrap_or('\u{fffd}'),
            ),
            other => push(&mut bytes, other),
        }
    }
    bytes
}

fn push(bytes: &mut Vec<u8>, one: char) {
    bytes.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
}
