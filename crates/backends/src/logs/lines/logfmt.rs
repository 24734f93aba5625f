//! Lines of `key=value` pairs, as Loki's decoder reads them.

use std::borrow::Cow;

use super::escapes;
use crate::wire::escape::{json_letter, surrogate_pair};

/// A key and its value, unquoted and unescaped; the value is empty if there is none.
pub(crate) type Pair<'l> = (&'l str, Cow<'l, str>);

/// A pair that is not well-formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("logfmt syntax error at pos {position} : {reason}")]
pub(crate) struct BadPair {
    /// Byte in the line, from 1.
    position: usize,
    reason: String,
}

/// All pairs that are well-formed.
pub(crate) fn pairs(line: &str) -> impl Iterator<Item = Pair<'_>> {
    scan(line).filter_map(Result::ok)
}

/// All pairs, with an error in the place of each that is not well-formed.
pub(crate) fn scan(line: &str) -> impl Iterator<Item = Result<Pair<'_>, BadPair>> {
    let mut scanner = Scanner { line, at: 0 };
    std::iter::from_fn(move || scanner.next())
}

struct Scanner<'l> {
    line: &'l str,
    at: usize,
}

impl<'l> Scanner<'l> {
    fn rest(&self) -> &'l str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Takes bytes up to the first that satisfies the condition, or to the end.
    fn until(&self, wanted: impl Fn(u8) -> bool) -> usize {
        let rest = self.rest();
        rest.bytes().position(wanted).unwrap_or(rest.len())
    }

    fn next(&mut self) -> Option<Result<Pair<'l>, BadPair>> {
        self.at += self.until(|byte| byte > b' ');
        if self.rest().is_empty() {
            return None;
        }
        let (rest, start) = (self.rest(), self.at);
        let len = self.until(|byte| byte <= b' ' || byte == b'=' || byte == b'"');
        let key = rest.get(..len).unwrap_or_default();
        self.at += len;
        let next = rest.as_bytes().get(len).copied();
        match next {
            Some(b'"') => return Some(self.bad("unexpected '\"'", true)),
            Some(b'=') if key.is_empty() => return Some(self.bad("unexpected '='", true)),
            _ => {}
        }
        if key.contains(char::REPLACEMENT_CHARACTER) {
            return Some(self.bad("invalid key", next == Some(b'=')));
        }
        if next != Some(b'=') {
            debug_assert!(self.at > start);
            return Some(Ok((key, Cow::Borrowed(""))));
        }
        self.at += 1;
        if self.rest().starts_with('"') {
            return Some(self.quoted().map(|value| (key, value)));
        }
        let len = self.until(|byte| byte <= b' ' || byte == b'=' || byte == b'"');
        let value = self.rest().get(..len).unwrap_or_default();
        self.at += len;
        match self.rest().as_bytes().first() {
            Some(b'=') => Some(self.bad("unexpected '='", true)),
            Some(b'"') => Some(self.bad("unexpected '\"'", true)),
            _ => Some(Ok((key, Cow::Borrowed(value)))),
        }
    }

    /// Reports an error at the current byte and skips the rest of the word.
    fn bad<T>(&mut self, reason: &str, skip: bool) -> Result<T, BadPair> {
        let error = BadPair {
            position: self.at + 1,
            reason: reason.to_owned(),
        };
        if skip {
            self.at += self.until(|byte| byte <= b' ');
        }
        Err(error)
    }

    fn quoted(&mut self) -> Result<Cow<'l, str>, BadPair> {
        let rest = self.rest();
        let (mut escaped, mut escapes) = (false, false);
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => (escaped, escapes) = (true, true),
                b'"' => {
                    self.at += at + 1;
                    let inner = rest.get(1..at).unwrap_or_default();
                    if !escapes {
                        return Ok(Cow::Borrowed(inner));
                    }
                    return match unescape(inner) {
                        Some(value) => Ok(Cow::Owned(value)),
                        None => self.bad("invalid quoted value", false),
                    };
                }
                _ => {}
            }
        }
        self.at = self.line.len();
        self.bad("unterminated quoted value", false)
    }
}

/// Resolves escapes as Go does in JSON strings; half a surrogate pair becomes U+FFFD.
fn unescape(text: &str) -> Option<String> {
    escapes::resolve(text, |escape, rest| match escape {
        b'\'' => Some('\''),
        b'u' => {
            let high = escapes::hex(rest)?;
            *rest = rest.get(4..)?;
            let low = rest.strip_prefix("\\u").and_then(escapes::hex);
            if let Some(pair) = low.and_then(|low| surrogate_pair(high, low)) {
                *rest = rest.get(6..)?;
                return Some(pair);
            }
            char::from_u32(high).or(Some(char::REPLACEMENT_CHARACTER))
        }
        letter => json_letter(letter),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_what_is_malformed_is_named() {
        let line = r#"a=1 b c="x \"y\" \u00e9" d= =z e="f g"h i"j k==2 l="open"#;
        let read: Vec<String> = scan(line)
            .map(|pair| match pair {
                Ok((key, value)) => format!("{key}:{value}"),
                Err(error) => error.to_string(),
            })
            .collect();
        assert_eq!(
            read,
            [
                "a:1",
                "b:",
                "c:x \"y\" é",
                "d:",
                "logfmt syntax error at pos 29 : unexpected '='",
                "e:f g",
                "h:",
                "logfmt syntax error at pos 42 : unexpected '\"'",
                "logfmt syntax error at pos 47 : unexpected '='",
                "logfmt syntax error at pos 57 : unterminated quoted value",
            ]
        );
    }

    #[test]
    fn half_a_surrogate_pair_is_replaced() {
        let value = |line| pairs(line).next().map(|(_, value)| value.into_owned());
        assert_eq!(value(r#"a="\ud83d\ude00""#).as_deref(), Some("😀"));
        assert_eq!(value(r#"a="\ud83dx""#).as_deref(), Some("\u{fffd}x"));
    }
}
