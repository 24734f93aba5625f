//! A line cut into tokens, and put together again.

use std::sync::LazyLock;

use regex::Regex;

use crate::logs::lines::{json, logfmt};
use crate::wire::letters::is_letter;

/// Stands for what differs between lines.
pub(super) const PLACEHOLDER: &[u8] = b"<_>";

/// Bytes of a line that is looked at.
const MAX_LINE: usize = 3_000;

/// Tokens after which a line is not cut any more.
const MAX_TOKENS: usize = 127;

/// Members of a JSON object that hold a message, in the order in which they are looked for.
const MESSAGES: [&str; 6] = ["log", "message", "msg", "msg_", "_msg", "content"];

/// Keys of logfmt whose values are never the same.
const TIMES: [&str; 4] = ["ts", "traceID", "time", "timestamp"];

/// The format of a stream's lines, guessed by the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Logfmt,
    Text,
}

/// The tokens of a line. They are bytes, since a line is cut at the first byte of a punctuation mark.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    spaces: Vec<isize>,
}

impl Tokens {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let bounds = starts.zip(&self.ends);
        bounds.map(|(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }

    /// The token after which a space stands, once for each space.
    pub(super) fn spaces(&self) -> &[isize] {
        &self.spaces
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.spaces.clear();
    }

    fn push(&mut self, token: &[u8]) {
        self.bytes.extend_from_slice(token);
        self.ends.push(self.bytes.len());
    }
}

#[expect(clippy::expect_used, reason = "a literal")]
fn literal(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is a regular expression")
}

static LOGFMT: LazyLock<Regex> = LazyLock::new(|| {
    let pair = r#"[0-9A-Za-z_]+?=([^"][^\t\n\x0c\r ]*?|".+?")"#;
    literal(&format!("^({pair} )*?({pair})+$"))
});

static PUNCTUATION: LazyLock<Regex> = LazyLock::new(|| literal(r"^\p{P}$"));

/// True for a mark at which a line is cut, apart from those that stay within a token.
fn is_punctuation(char: char) -> bool {
    match char {
        '$' | '+' | '<' | '>' | '^' | '`' | '|' | '~' => false,
        '=' => true,
        ascii if ascii.is_ascii() => ascii.is_ascii_punctuation(),
        other => PUNCTUATION.is_match(other.encode_utf8(&mut [0; 4])),
    }
}

impl Format {
    /// Guesses the format.
    pub(super) fn of(line: &str) -> Self {
        match line.as_bytes() {
            [] | [_] => Self::Text,
            [b'{', .., b'}'] => Self::Json,
            _ if LOGFMT.is_match(line) => Self::Logfmt,
            _ => Self::Text,
        }
    }

    /// Cuts a line. False if it is not looked at.
    pub(super) fn cut(self, line: &str, tokens: &mut Tokens) -> bool {
        tokens.clear();
        match self {
            Self::Text => text(line, tokens),
            Self::Json => message(line).is_some_and(|message| text(message, tokens)),
            Self::Logfmt if line.len() > MAX_LINE => false,
            Self::Logfmt => {
                for pair in logfmt::scan(line) {
                    let Ok((key, value)) = pair else {
                        return false;
                    };
                    tokens.push(key.as_bytes());
                    let varies =
                        key == "t" || TIMES.iter().any(|time| key.eq_ignore_ascii_case(time));
                    match varies {
                        true => tokens.push(PLACEHOLDER),
                        false => tokens.push(value.as_bytes()),
                    }
                }
                true
            }
        }
    }

    /// Puts tokens together.
    pub(super) fn join<'t>(
        self,
        tokens: impl Iterator<Item = &'t [u8]>,
        spaces: &[isize],
    ) -> String {
        let mut bytes = Vec::new();
        match self {
            Self::Logfmt => {
                let tokens: Vec<_> = tokens.map(String::from_utf8_lossy).collect();
                for pair in tokens.chunks(2) {
                    if !bytes.is_empty() {
                        bytes.push(b' ');
                    }
                    let [key, value] = pair else {
                        continue;
                    };
                    let key: String = key.chars().filter(|char| !is_quoted(*char)).collect();
                    if key.is_empty() {
                        return String::new();
                    }
                    bytes.extend_from_slice(key.as_bytes());
                    bytes.push(b'=');
                    match value.contains(is_quoted) {
                        true => bytes.extend_from_slice(quoted(value).as_bytes()),
                        false => bytes.extend_from_slice(value.as_bytes()),
                    }
                }
            }
            Self::Text | Self::Json => {
                let mut spaces = spaces.iter().peekable();
                for (nth, token) in (0..).zip(tokens) {
                    bytes.extend_from_slice(token);
                    while spaces.next_if(|after| **after == nth).is_some() {
                        bytes.push(b' ');
                    }
                }
            }
        }
        if self == Self::Json {
            bytes = [PLACEHOLDER, &bytes, PLACEHOLDER].concat();
        }
        String::from_utf8_lossy(&deduplicated(&bytes)).into_owned()
    }
}

/// The message of a JSON object, as it stands there.
fn message(line: &str) -> Option<&str> {
    let mut found: [Option<&str>; MESSAGES.len()] = [None; MESSAGES.len()];
    // What comes before an error counts.
    let _ = json::members(line, &mut |key, value| {
        if let Some(nth) = MESSAGES.iter().position(|name| *name == key)
            && value.kind == json::Kind::Text
            && found[nth].is_none()
        {
            found[nth] = Some(value.raw);
        }
        Ok(())
    });
    found.into_iter().flatten().next()
}

/// Cuts a text at spaces and punctuation.
fn text(line: &str, tokens: &mut Tokens) -> bool {
    if line.len() > MAX_LINE {
        return false;
    }
    let bytes = line.as_bytes();
    let part = |from: usize, to: usize| bytes.get(from..to).unwrap_or_default();
    let mut start = 0;
    for (at, char) in line.char_indices() {
        if tokens.len() >= MAX_TOKENS {
            break;
        }
        if is_letter(char) || char.is_numeric() || matches!(char, '_' | '-' | '.' | ':' | '/') {
            continue;
        }
        if char == ' ' || is_punctuation(char) {
            if at > start {
                tokens.push(part(start, at));
            }
            match char {
                ' ' => tokens.spaces.push(tokens.len() as isize - 1),
                // One byte of it, as in Loki; the others begin the next token.
                _ => tokens.push(part(at, at + 1)),
            }
            start = at + 1;
        }
    }
    if start < line.len() {
        tokens.push(part(start, line.len()));
    }
    true
}

/// Characters that make quotes necessary around a value of logfmt.
fn is_quoted(char: char) -> bool {
    char <= ' ' || matches!(char, '=' | '"' | '\x7f' | char::REPLACEMENT_CHARACTER)
}

fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for char in value.chars() {
        match char {
            '\\' | '"' => out.extend(['\\', char]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            char::REPLACEMENT_CHARACTER => out.push_str("\\ufffd"),
            control if control < ' ' || control == '\x7f' => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Leaves one of several placeholders in a row.
fn deduplicated(line: &[u8]) -> Vec<u8> {
    let width = PLACEHOLDER.len();
    let is = |at: usize| line.get(at..at + width) == Some(PLACEHOLDER);
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        if !is(at) {
            out.push(line[at]);
            at += 1;
            continue;
        }
        out.extend_from_slice(PLACEHOLDER);
        while is(at) {
            at += width;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(format: Format, line: &str) -> Vec<String> {
        let mut tokens = Tokens::default();
        assert!(format.cut(line, &mut tokens));
        let text = |token: &[u8]| String::from_utf8_lossy(token).into_owned();
        tokens.iter().map(text).collect()
    }

    #[test]
    fn a_line_is_cut_by_its_format() {
        for (line, format, tokens) in [
            (
                "GET /a?b=1 (x) took 3.5ms",
                Format::Text,
                vec![
                    "GET", "/a", "?", "b", "=", "1", "(", "x", ")", "took", "3.5ms",
                ],
            ),
            (
                r#"level=info msg="a b" ts=1"#,
                Format::Logfmt,
                vec!["level", "info", "msg", "a b", "ts", "<_>"],
            ),
            (r#"{"n":1,"msg":"a b"}"#, Format::Json, vec!["a", "b"]),
        ] {
            assert_eq!(Format::of(line), format, "{line}");
            assert_eq!(cut(format, line), tokens, "{line}");
        }
    }

    #[test]
    fn tokens_are_put_together_as_they_stood() {
        let line = "a  (b) <c>, d=e  ";
        let mut tokens = Tokens::default();
        assert!(Format::Text.cut(line, &mut tokens));
        assert_eq!(Format::Text.join(tokens.iter(), tokens.spaces()), line);
        let placeholders = ["<_>", "<_>", "x", "<_>"].map(str::as_bytes);
        assert_eq!(Format::Text.join(placeholders.into_iter(), &[]), "<_>x<_>");
    }
}
