//! `fromJson`: values of JSON as Go's `encoding/json` decodes them into `interface {}`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::number::parse_float;
use super::value::{Map, MapType, Text, Value};
use crate::wire::escape;
use crate::wire::quote::first_char;

/// Deepest nesting of objects and arrays. Go allows 10,000 levels; here each level uses stack.
const MAX_DEPTH: usize = 100;

/// Decodes a value; `None` if the text is not JSON.
pub(crate) fn decode(text: &[u8]) -> Option<Value> {
    let mut cursor = Cursor { text, at: 0 };
    let value = cursor.value(0)?;
    cursor.skip_spaces();
    (cursor.at == text.len()).then_some(value)
}

struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn take(&mut self, word: &[u8]) -> Option<()> {
        let found = self.text.get(self.at..)?.starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_spaces();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => Some(Value::text(self.string()?)),
            b't' => self.take(b"true").map(|()| Value::Bool(true)),
            b'f' => self.take(b"false").map(|()| Value::Bool(false)),
            b'n' => self.take(b"null").map(|()| Value::Nil),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut entries = BTreeMap::new();
        self.skip_spaces();
        if self.peek()? == b'}' {
            self.at += 1;
        } else {
            loop {
                self.skip_spaces();
                let key = Text::from(self.string()?);
                self.skip_spaces();
                self.take(b":")?;
                let value = self.value(depth + 1)?;
                entries.insert(key, value);
                self.skip_spaces();
                match self.peek()? {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return None,
                }
            }
            self.at += 1;
        }
        let kind = MapType::Any;
        Some(Value::Map(Arc::new(Map { kind, entries })))
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut values = Vec::new();
        self.skip_spaces();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Value::list(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            self.skip_spaces();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(Value::list(values))
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        let digits = |cursor: &mut Self| {
            let from = cursor.at;
            while cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                cursor.at += 1;
            }
            cursor.at > from
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if !digits(self) {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !digits(self) {
                return None;
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !digits(self) {
                return None;
            }
        }
        let text = std::str::from_utf8(self.text.get(start..self.at)?).ok()?;
        // A number that does not fit a float becomes nil; the rest of the document is kept.
        Some(parse_float(text).map_or(Value::Nil, Value::Float))
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        self.take(b"\"")?;
        let mut out = Vec::new();
        loop {
            let rest = self.text.get(self.at..)?;
            match *rest.first()? {
                b'"' => {
                    self.at += 1;
                    return Some(out);
                }
                b'\\' => {
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..=0x1f => return None,
                _ => match first_char(rest) {
                    Some((_, length)) => {
                        out.extend_from_slice(rest.get(..length)?);
                        self.at += length;
                    }
                    None => {
                        out.extend_from_slice("\u{fffd}".as_bytes());
                        self.at += 1;
                    }
                },
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        self.at += 1;
        let letter = self.peek()?;
        self.at += 1;
        if letter != b'u' {
            return escape::json_letter(letter);
        }
        let first = self.hex()?;
        if let Some(c) = char::from_u32(first) {
            return Some(c);
        }
        // Half a surrogate pair: with the other half it is a character, alone U+FFFD.
        let back = self.at;
        let second = self.take(b"\\u").and_then(|()| self.hex());
        let pair = second.and_then(|second| escape::surrogate_pair(first, second));
        if pair.is_none() {
            self.at = back;
        }
        pair.or(Some(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |number, digit| {
            Some(number * 16 + char::from(*digit).to_digit(16)?)
        })
    }
}
