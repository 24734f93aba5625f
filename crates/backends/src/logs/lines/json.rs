//! JSON lines, read as Loki's scanner reads them: it validates only the parts that it needs, keeps
//! numbers as written, and accepts control characters in strings.

use std::borrow::Cow;

use super::escapes;
use crate::wire::escape::json_letter;

/// Deepest nesting of objects. Each level is scanned again, so the cost grows with depth.
const MAX_DEPTH: usize = 64;

/// A syntax error, with the message of Loki's scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// A key or the end of the object was expected.
    #[error("Malformed JSON error")]
    Json,
    /// A string without its closing quote.
    #[error("Value is string, but can't find closing '\"' symbol")]
    Text,
    /// An array without its closing bracket.
    #[error("Value is array, but can't find closing ']' symbol")]
    Array,
    /// An object without its closing brace, or a value that is not an object.
    #[error("Value looks like object, but can't find closing '}}' symbol")]
    Object,
    /// Neither number nor `true`, `false` or `null`.
    #[error("Unknown value type")]
    Unknown,
    /// An invalid escape.
    #[error("Encountered an invalid escape sequence in a string")]
    Escape,
    /// Objects nest too deep.
    #[error("objects nest more than 64 levels deep")]
    Depth,
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A number: it begins with a digit or a minus.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`
    Null,
    /// `{…}`
    Object,
    /// `[…]`
    Array,
}

/// A value as written; a string without its quotes, but with its escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Value<'l> {
    /// Its type.
    pub kind: Kind,
    /// Its source text.
    pub raw: &'l str,
}

impl<'l> Value<'l> {
    /// The value as a label value.
    #[must_use]
    pub(crate) fn as_label(&self) -> Cow<'l, str> {
        match self.kind {
            Kind::Text => label_text(self.raw),
            Kind::Number | Kind::Bool => Cow::Borrowed(self.raw),
            Kind::Null | Kind::Object | Kind::Array => Cow::Borrowed(""),
        }
    }
}

/// Resolves the escapes of a string; empty if one is invalid. U+FFFD is replaced, because labels
/// cannot contain it.
pub(crate) fn label_text(raw: &str) -> Cow<'_, str> {
    let text = unescape(raw).unwrap_or_default();
    match text.contains(char::REPLACEMENT_CHARACTER) {
        true => Cow::Owned(text.replace(char::REPLACEMENT_CHARACTER, " ")),
        false => text,
    }
}

/// Resolves the escapes of a string. `None` if one is invalid, such as half a surrogate pair.
pub(crate) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.contains('\\') {
        return Some(Cow::Borrowed(raw));
    }
    escapes::resolve(raw, |escape, rest| match escape {
        b'u' => {
            let first = escapes::hex(rest)?;
            *rest = rest.get(4..)?;
            if !(0xd800..=0xdfff).contains(&first) {
                return char::from_u32(first);
            }
            // Loki's scanner skips two characters here without checking the first.
            let second = escapes::hex(rest.get(2..)?).filter(|second| *second >= 0xdc00)?;
            *rest = rest.get(6..)?;
            let code = 0x10000 + ((i64::from(first) - 0xd800) << 10) + (i64::from(second) - 0xdc00);
            let code = u32::try_from(code).ok().and_then(char::from_u32);
            code.or(Some(char::REPLACEMENT_CHARACTER))
        }
        letter => json_letter(letter),
    })
    .map(Cow::Owned)
}

/// A walk ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The callback asked to stop.
    Enough,
    /// The line is malformed.
    Malformed(Malformed),
}

impl From<Malformed> for Ended {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

/// Calls `found` with each key and value of the object that `text` is.
///
/// # Errors
/// The text is not a complete object, or `found` asked to stop. Earlier members were reported.
pub(crate) fn members<'l>(
    text: &'l str,
    found: &mut dyn FnMut(&str, Value<'l>) -> Result<(), Ended>,
) -> Result<(), Ended> {
    let mut cursor = Cursor { text, at: 0 };
    if cursor.next_token() != Some(b'{') {
        return Err(Malformed::Object.into());
    }
    cursor.at += 1;
    match cursor.next_token() {
        None => return Err(Malformed::Json.into()),
        Some(b'}') => return Ok(()),
        Some(_) => {}
    }
    loop {
        match cursor.next_token() {
            Some(b'"') => cursor.at += 1,
            Some(b'}') => return Ok(()),
            _ => return Err(Malformed::Object.into()),
        }
        let key = cursor.text_end().ok_or(Malformed::Json)?;
        let key = unescape(key).ok_or(Malformed::Escape)?;
        if cursor.next_token() != Some(b':') {
            return Err(Malformed::Json.into());
        }
        cursor.at += 1;
        let value = cursor.value()?;
        found(&key, value)?;
        match cursor.next_token() {
            None => return Err(Malformed::Array.into()),
            Some(b'}') => return Ok(()),
            Some(b',') => cursor.at += 1,
            Some(_) => return Err(Malformed::Object.into()),
        }
        if cursor.next_token().is_none() {
            return Err(Malformed::Array.into());
        }
    }
}

/// Receives the path to a value, its key and the value. For an object it returns true to enter it.
type Found<'f, 'l> = dyn FnMut(&[String], &str, Value<'l>) -> Result<bool, Ended> + 'f;

/// Calls `found` for each value of an object, and of each nested object for which `found` returned
/// true.
///
/// # Errors
/// As [`members`].
pub(crate) fn walk<'l>(
    text: &'l str,
    path: &mut Vec<String>,
    found: &mut Found<'_, 'l>,
) -> Result<(), Ended> {
    if path.len() >= MAX_DEPTH {
        return Err(Malformed::Depth.into());
    }
    members(text, &mut |key, value| {
        if found(path, key, value)? && value.kind == Kind::Object {
            path.push(key.to_owned());
            let walked = walk(value.raw, path, found);
            path.pop();
            walked?;
        }
        Ok(())
    })
}

/// A position in a text.
pub(crate) struct Cursor<'l> {
    pub(crate) text: &'l str,
    pub(crate) at: usize,
}

impl<'l> Cursor<'l> {
    pub(crate) fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn slice(&self, from: usize, to: usize) -> &'l str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Skips whitespace and returns the next byte.
    pub(crate) fn next_token(&mut self) -> Option<u8> {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.byte()
    }

    /// Reads a string after its opening quote, up to and including the closing one.
    pub(crate) fn text_end(&mut self) -> Option<&'l str> {
        let start = self.at;
        let mut escaped = false;
        while let Some(byte) = self.byte() {
            self.at += 1;
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return Some(self.slice(start, self.at - 1)),
                _ => {}
            }
        }
        None
    }

    /// Skips to behind the bracket that closes the one at the current position.
    pub(crate) fn block_end(&mut self, open: u8, close: u8) -> Option<()> {
        let mut level = 0_usize;
        while let Some(byte) = self.byte() {
            self.at += 1;
            if byte == b'"' {
                self.text_end()?;
            } else if byte == open {
                level += 1;
            } else if byte == close {
                level = level.saturating_sub(1);
                if level == 0 {
                    return Some(());
                }
            }
        }
        None
    }

    /// Reads the next value.
    pub(crate) fn value(&mut self) -> Result<Value<'l>, Malformed> {
        let first = self.next_token().ok_or(Malformed::Json)?;
        let start = self.at;
        let kind = match first {
            b'"' => {
                self.at += 1;
                let raw = self.text_end().ok_or(Malformed::Text)?;
                let kind = Kind::Text;
                return Ok(Value { kind, raw });
            }
            b'[' => {
                self.block_end(b'[', b']').ok_or(Malformed::Array)?;
                Kind::Array
            }
            b'{' => {
                self.block_end(b'{', b'}').ok_or(Malformed::Object)?;
                Kind::Object
            }
            _ => {
                let rest = self.slice(start, self.text.len());
                let ends = [' ', '\n', '\r', '\t', ',', '}', ']'];
                self.at += rest.find(ends).unwrap_or(rest.len());
                match self.slice(start, self.at) {
                    "true" | "false" => Kind::Bool,
                    "null" => Kind::Null,
                    word if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                        Kind::Number
                    }
                    _ => return Err(Malformed::Unknown),
                }
            }
        };
        let raw = self.slice(start, self.at);
        Ok(Value { kind, raw })
    }
}
