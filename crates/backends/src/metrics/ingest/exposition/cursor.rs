//! A position in one line and the tokens that can follow.

use std::borrow::Cow;

/// Reads tokens from the front of one line.
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { rest: line }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn take_while(&mut self, accept: impl Fn(usize, u8) -> bool) -> &'a str {
        let end = self
            .rest
            .bytes()
            .enumerate()
            .find(|(index, byte)| !accept(*index, *byte))
            .map_or(self.rest.len(), |(index, _)| index);
        // The accepted bytes are ASCII or run to a blank, so the cut is on a character boundary.
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    pub(super) fn metric_name(&mut self) -> Result<&'a str, String> {
        self.name(true, "metric name")
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`
    pub(super) fn label_name(&mut self) -> Result<&'a str, String> {
        self.name(false, "label name")
    }

    fn name(&mut self, colons: bool, what: &str) -> Result<&'a str, String> {
        let name = self.take_while(|index, byte| {
            byte.is_ascii_alphabetic()
                || byte == b'_'
                || (colons && byte == b':')
                || (index > 0 && byte.is_ascii_digit())
        });
        if name.is_empty() {
            let seen: String = self.rest.chars().take(16).collect();
            return Err(format!("expected a {what}, got {seen:?}"));
        }
        Ok(name)
    }

    /// Everything up to the next blank.
    pub(super) fn word(&mut self) -> &'a str {
        self.take_while(|_, byte| byte != b' ' && byte != b'\t')
    }

    /// A string in double quotes with the escapes `\\`, `\"` and `\n`.
    pub(super) fn quoted(&mut self) -> Result<Cow<'a, str>, String> {
        if !self.eat(b'"') {
            return Err("expected a string in double quotes".to_owned());
        }
        let mut escaped = false;
        let end = self
            .rest
            .bytes()
            .position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            })
            .ok_or_else(|| "string without a closing quote".to_owned())?;
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Ok(unescape(text, true))
    }
}

/// Resolves `\\`, `\n` and, where asked, `\"`; a backslash before anything else stays.
pub(super) fn unescape(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(one) = chars.next() {
        if one != '\\' {
            out.push(one);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('\\') => out.push('\\'),
            Some('"') if quotes => out.push('"'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    Cow::Owned(out)
}
