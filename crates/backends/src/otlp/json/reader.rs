//! The way through a text of JSON: objects, lists, strings, and what is passed over.

use crate::otlp::budget::{Budget, Spent};
use crate::wire::escape;

/// Lists and maps within values. Protobuf decoders follow 100 messages, two for each of these.
const MAX_NESTED: usize = 40;

/// Reasons to stop reading.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It is not JSON, or not this message.
    Malformed(String),
    /// The message takes more memory than is allowed.
    Spent(Spent),
}

impl From<Spent> for Problem {
    fn from(spent: Spent) -> Self {
        Self::Spent(spent)
    }
}

/// A part of a message, or why it cannot be read.
pub(crate) type Read<T> = Result<T, Problem>;

/// A body and how much of it has been read.
pub(crate) struct Reader<'b> {
    body: &'b [u8],
    at: usize,
    nested: usize,
    budget: Budget,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(body: &'b [u8], budget: Budget) -> Self {
        Self {
            body,
            at: 0,
            nested: 0,
            budget,
        }
    }

    /// A problem at the place that was reached.
    pub(crate) fn problem<T>(&self, message: impl std::fmt::Display) -> Read<T> {
        let at = self.at;
        Err(Problem::Malformed(format!("json: {message} at byte {at}")))
    }

    /// The next byte that is no white space; it is not taken.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.body.get(self.at) {
            self.at += 1;
        }
        self.body.get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Read<()> {
        match self.peek() {
            Some(found) if found == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(found) => self.problem(format!(
                "expected {:?}, found {:?}",
                char::from(wanted),
                char::from(found)
            )),
            None => self.problem(format!("expected {:?}, found the end", char::from(wanted))),
        }
    }

    fn takes(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// Takes `null`, `true` or `false` if it comes next.
    pub(crate) fn word(&mut self, word: &str) -> bool {
        self.peek();
        let found = self.body[self.at..].starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Takes a `null` if one comes next.
    pub(crate) fn null(&mut self) -> bool {
        self.word("null")
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(&mut self) -> Read<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.problem("more after the message"),
        }
    }

    /// Reads an object, or `null`, which is one without members. `member` reads or skips the
    /// value of each name.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Read<()>,
    ) -> Read<()> {
        if self.null() {
            return Ok(());
        }
        self.expect(b'{')?;
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            let name = self.name()?;
            self.expect(b':')?;
            member(self, &name)?;
            if !self.takes(b',') {
                return self.expect(b'}');
            }
        }
    }

    /// Adds the elements of a list, or none for `null`.
    pub(crate) fn list<T>(
        &mut self,
        to: &mut Vec<T>,
        mut element: impl FnMut(&mut Self) -> Read<T>,
    ) -> Read<()> {
        if self.null() {
            return Ok(());
        }
        self.expect(b'[')?;
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            self.budget.element::<T>()?;
            let element = element(self)?;
            to.push(element);
            if !self.takes(b',') {
                return self.expect(b']');
            }
        }
    }

    /// Reads what may contain itself, to a limited depth.
    pub(crate) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.nested >= MAX_NESTED {
            return self.problem(format!("value is nested deeper than {MAX_NESTED} levels"));
        }
        self.nested += 1;
        let read = read(self)?;
        self.nested -= 1;
        Ok(read)
    }

    /// Takes a number or a string without its quotes, as it is written.
    pub(crate) fn scalar(&mut self) -> Read<(String, bool)> {
        match self.peek() {
            Some(b'"') => Ok((self.string()?, true)),
            Some(b'-' | b'0'..=b'9') => {
                let rest = &self.body[self.at..];
                let digits = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let length = rest.iter().take_while(|b| digits(b)).count();
                self.at += length;
                let text = String::from_utf8_lossy(&rest[..length]).into_owned();
                Ok((text, false))
            }
            _ => self.problem("expected a number or a string"),
        }
    }

    /// Reads a string and counts its bytes.
    pub(crate) fn counted_string(&mut self) -> Read<String> {
        let text = self.string()?;
        self.budget.bytes(text.len())?;
        Ok(text)
    }

    /// The name of a member. Names with escapes are rare and still compared as what they mean.
    fn name(&mut self) -> Read<std::borrow::Cow<'b, str>> {
        self.expect(b'"')?;
        let rest = &self.body[self.at..];
        let length = rest
            .iter()
            .take_while(|b| !matches!(b, b'"' | b'\\' | ..=0x1f));
        let length = length.count();
        if rest.get(length) == Some(&b'"') {
            self.at += length + 1;
            return Ok(String::from_utf8_lossy(&rest[..length]));
        }
        self.at -= 1;
        Ok(self.string()?.into())
    }

    /// Reads a string. What is no UTF-8, and half a surrogate pair, becomes U+FFFD.
    fn string(&mut self) -> Read<String> {
        self.expect(b'"')?;
        let mut text = Vec::new();
        loop {
            let rest = &self.body[self.at..];
            let plain = rest
                .iter()
                .take_while(|b| !matches!(b, b'"' | b'\\' | ..=0x1f));
            let plain = plain.count();
            text.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match rest.get(plain) {
                Some(b'"') => {
                    self.at += 1;
                    let lossy = |e: std::string::FromUtf8Error| {
                        String::from_utf8_lossy(e.as_bytes()).into_owned()
                    };
                    return Ok(String::from_utf8(text).unwrap_or_else(lossy));
                }
                Some(b'\\') => {
                    self.at += 1;
                    let char = self.escape()?;
                    text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Some(_) => return self.problem("control character in a string"),
                None => return self.problem("string is not ended"),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let Some(letter) = self.body.get(self.at) else {
            return self.problem("string is not ended");
        };
        self.at += 1;
        if *letter != b'u' {
            let known = escape::json_letter(*letter);
            return known.map_or_else(|| self.problem("unknown escape in a string"), Ok);
        }
        let first = u32::from(self.four_digits()?);
        if (0xd800..0xdc00).contains(&first) && self.body[self.at..].starts_with(b"\\u") {
            let before = self.at;
            self.at += 2;
            let second = u32::from(self.four_digits()?);
            if let Some(pair) = escape::surrogate_pair(first, second) {
                return Ok(pair);
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Read<u16> {
        let digits = self.body.get(self.at..self.at + 4).unwrap_or_default();
        let value = digits.iter().try_fold(0u16, |value, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some((value << 4) | u16::try_from(digit).ok()?)
        });
        match value {
            Some(value) if digits.len() == 4 => {
                self.at += 4;
                Ok(value)
            }
            _ => self.problem("expected four hexadecimal digits"),
        }
    }

    /// Passes over any value, whatever its depth, without keeping it.
    pub(crate) fn skip(&mut self) -> Read<()> {
        // The brackets that are open, one bit each: 1 for an object.
        let mut open: Vec<bool> = Vec::new();
        loop {
            // A value comes next.
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    if !self.takes(b'}') {
                        open.push(true);
                        self.skip_name()?;
                        continue;
                    }
                }
                Some(b'[') => {
                    self.at += 1;
                    if !self.takes(b']') {
                        open.push(false);
                        continue;
                    }
                }
                Some(b'"') => self.skip_string()?,
                Some(b'-' | b'0'..=b'9') => {
                    let (text, _) = self.scalar()?;
                    if super::scalar::json_number(&text).is_none() {
                        return self.problem("not a number");
                    }
                }
                _ if self.word("null") || self.word("true") || self.word("false") => {}
                _ => return self.problem("expected a value"),
            }
            // A value has ended.
            loop {
                match open.last() {
                    None => return Ok(()),
                    Some(object) => {
                        if self.takes(b',') {
                            if *object {
                                self.skip_name()?;
                            }
                            break;
                        }
                        self.expect(if *object { b'}' } else { b']' })?;
                        open.pop();
                    }
                }
            }
        }
    }

    fn skip_name(&mut self) -> Read<()> {
        if self.peek() != Some(b'"') {
            return self.problem("expected a name");
        }
        self.skip_string()?;
        self.expect(b':')
    }

    fn skip_string(&mut self) -> Read<()> {
        self.expect(b'"')?;
        loop {
            match self.body.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                Some(..=0x1f) => return self.problem("control character in a string"),
                Some(_) => self.at += 1,
                None => return self.problem("string is not ended"),
            }
        }
    }
}
