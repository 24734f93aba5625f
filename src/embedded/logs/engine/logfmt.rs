//! Lines of `key=value` pairs.

use std::borrow::Cow;

/// One pair: the key and the value with its quotes, empty when there is none.
pub fn pairs(line: &str) -> impl Iterator<Item = (&str, &str)> {
    scan(line).filter_map(Result::ok)
}

/// A pair that is not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPair;

/// All pairs, with an error in the place of each that is not well-formed.
pub fn scan(line: &str) -> impl Iterator<Item = Result<(&str, &str), BadPair>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c <= ' ');
        if rest.is_empty() {
            return None;
        }
        let key_len = rest
            .find(|c: char| c <= ' ' || c == '=' || c == '"')
            .unwrap_or(rest.len());
        let (key, after) = rest.split_at(key_len);
        let Some(value) = after.strip_prefix('=') else {
            if after.starts_with('"') {
                // A quote inside of a key: skip the word.
                rest = after
                    .split_once(|c: char| c <= ' ')
                    .map_or("", |(_, rest)| rest);
                return Some(Err(BadPair));
            }
            rest = after;
            return Some(Ok((key, "")));
        };
        let len = if value.starts_with('"') {
            quoted_len(value)
        } else {
            value.find(|c: char| c <= ' ').or(Some(value.len()))
        };
        let Some((value, after)) = len.and_then(|len| value.split_at_checked(len)) else {
            rest = "";
            return Some(Err(BadPair));
        };
        rest = after;
        let stray = !value.starts_with('"') && value.contains(['"', '=']);
        if key.is_empty() || stray {
            return Some(Err(BadPair));
        }
        Some(Ok((key, value)))
    })
}

/// Bytes up to and with the closing quote.
fn quoted_len(value: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in value.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// A value without its quotes and escapes.
#[must_use]
pub fn unquote(value: &str) -> Cow<'_, str> {
    let Some(inner) = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
    else {
        return value.into();
    };
    if !inner.contains('\\') {
        return inner.into();
    }
    serde_json::from_str::<String>(value).map_or_else(|_| inner.into(), Cow::Owned)
}
