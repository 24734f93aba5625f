//! A scanner of JSON lines that keeps numbers as they are written and bounds its depth.

use std::borrow::Cow;

/// How deep objects and arrays may nest.
const MAX_DEPTH: usize = 64;

/// A value that is neither object nor array.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'l> {
    /// A text without its quotes and escapes.
    Text(Cow<'l, str>),
    /// A number as written.
    Number(&'l str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
}

impl Scalar<'_> {
    /// The value of the label that it becomes.
    #[must_use]
    pub fn as_label(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number,
            Self::Bool(true) => "true",
            Self::Bool(false) => "false",
            Self::Null => "",
        }
    }
}

/// The line is not the JSON that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

type Keys<'l, 'p> = &'p [Cow<'l, str>];

/// Calls `found` for each value in an object that is neither object nor array, with the keys that
/// lead to it. Arrays are skipped.
///
/// # Errors
/// The line is no JSON object, or not a whole one; what came before was reported.
pub fn walk<'l>(
    line: &'l str,
    found: &mut impl FnMut(Keys<'l, '_>, Scalar<'l>),
) -> Result<(), Malformed> {
    let mut cursor = Cursor { text: line, at: 0 };
    cursor.skip_spaces();
    if cursor.peek() != Some(b'{') {
        return Err(Malformed);
    }
    cursor.object(&mut Vec::new(), found)
}

/// A step of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of an object.
    Key(String),
    /// A place in an array.
    Index(usize),
}

/// The value at a path: a scalar as label, an object or array as written. None when it is absent.
///
/// # Errors
/// The line is not JSON as far as it had to be read.
pub fn lookup<'l>(line: &'l str, path: &[Step]) -> Result<Option<Cow<'l, str>>, Malformed> {
    let mut cursor = Cursor { text: line, at: 0 };
    cursor.skip_spaces();
    if cursor.peek() != Some(b'{') {
        return Err(Malformed);
    }
    for step in path {
        let there = match step {
            Step::Key(key) => cursor.enter_key(key)?,
            Step::Index(index) => cursor.enter_index(*index)?,
        };
        if !there {
            return Ok(None);
        }
    }
    cursor.skip_spaces();
    let start = cursor.at;
    if matches!(cursor.peek(), Some(b'{' | b'[')) {
        cursor.skip_value(0)?;
        return Ok(line.get(start..cursor.at).map(Cow::Borrowed));
    }
    Ok(Some(match cursor.scalar()? {
        Scalar::Text(text) => text,
        Scalar::Number(number) => Cow::Borrowed(number),
        other => Cow::Owned(other.as_label().to_owned()),
    }))
}

struct Cursor<'l> {
    text: &'l str,
    at: usize,
}

impl<'l> Cursor<'l> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        self.skip_spaces();
        if self.peek() != Some(byte) {
            return Err(Malformed);
        }
        self.at += 1;
        Ok(())
    }

    /// After a member: true when another follows, false at the end.
    fn another(&mut self, end: u8) -> Result<bool, Malformed> {
        self.skip_spaces();
        let byte = self.peek();
        self.at += 1;
        match byte {
            Some(b',') => Ok(true),
            Some(byte) if byte == end => Ok(false),
            _ => Err(Malformed),
        }
    }

    /// After an opening bracket: whether it closes at once.
    fn is_empty(&mut self, end: u8) -> bool {
        self.skip_spaces();
        let empty = self.peek() == Some(end);
        if empty {
            self.at += 1;
        }
        empty
    }

    fn object(
        &mut self,
        path: &mut Vec<Cow<'l, str>>,
        found: &mut impl FnMut(Keys<'l, '_>, Scalar<'l>),
    ) -> Result<(), Malformed> {
        if path.len() >= MAX_DEPTH {
            return Err(Malformed);
        }
        self.expect(b'{')?;
        if self.is_empty(b'}') {
            return Ok(());
        }
        loop {
            self.skip_spaces();
            let key = self.string()?;
            self.expect(b':')?;
            self.skip_spaces();
            path.push(key);
            match self.peek() {
                Some(b'{') => self.object(path, found)?,
                Some(b'[') => self.skip_value(path.len())?,
                _ => {
                    let value = self.scalar()?;
                    found(path, value);
                }
            }
            path.pop();
            if !self.another(b'}')? {
                return Ok(());
            }
        }
    }

    fn enter_key(&mut self, wanted: &str) -> Result<bool, Malformed> {
        self.skip_spaces();
        if self.peek() != Some(b'{') {
            return Ok(false);
        }
        self.at += 1;
        if self.is_empty(b'}') {
            return Ok(false);
        }
        loop {
            self.skip_spaces();
            let key = self.string()?;
            self.expect(b':')?;
            if key == wanted {
                return Ok(true);
            }
            self.skip_value(0)?;
            if !self.another(b'}')? {
                return Ok(false);
            }
        }
    }

    fn enter_index(&mut self, wanted: usize) -> Result<bool, Malformed> {
        self.skip_spaces();
        if self.peek() != Some(b'[') {
            return Ok(false);
        }
        self.at += 1;
        if self.is_empty(b']') {
            return Ok(false);
        }
        for _ in 0..wanted {
            self.skip_value(0)?;
            if !self.another(b']')? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn skip_value(&mut self, depth: usize) -> Result<(), Malformed> {
        if depth >= MAX_DEPTH {
            return Err(Malformed);
        }
        self.skip_spaces();
        let end = match self.peek() {
            Some(b'{') => b'}',
            Some(b'[') => b']',
            _ => return self.scalar().map(drop),
        };
        self.at += 1;
        if self.is_empty(end) {
            return Ok(());
        }
        loop {
            if end == b'}' {
                self.skip_spaces();
                self.string()?;
                self.expect(b':')?;
            }
            self.skip_value(depth + 1)?;
            if !self.another(end)? {
                return Ok(());
            }
        }
    }

    fn scalar(&mut self) -> Result<Scalar<'l>, Malformed> {
        if self.peek() == Some(b'"') {
            return self.string().map(Scalar::Text);
        }
        let rest = self.text.get(self.at..).ok_or(Malformed)?;
        let len = rest
            .find([',', '}', ']', ' ', '\t', '\n', '\r'])
            .unwrap_or(rest.len());
        let word = rest.get(..len).ok_or(Malformed)?;
        let value = match word {
            "true" => Scalar::Bool(true),
            "false" => Scalar::Bool(false),
            "null" => Scalar::Null,
            number if number.parse::<f64>().is_ok_and(f64::is_finite) => Scalar::Number(number),
            _ => return Err(Malformed),
        };
        self.at += len;
        Ok(value)
    }

    fn string(&mut self) -> Result<Cow<'l, str>, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(Malformed);
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += 1;
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                }
                Some(_) => {}
                None => return Err(Malformed),
            }
        }
        self.at += 1;
        let quoted = self.text.get(start..self.at).ok_or(Malformed)?;
        if escaped {
            // Escapes are rare; the field's own reader knows them all, surrogates included.
            return serde_json::from_str::<String>(quoted)
                .map(Cow::Owned)
                .map_err(|_| Malformed);
        }
        let inner = quoted.get(1..quoted.len() - 1).ok_or(Malformed)?;
        Ok(Cow::Borrowed(inner))
    }
}
