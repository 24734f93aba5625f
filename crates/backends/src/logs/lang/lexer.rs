//! The lexer: splits a text into tokens as Go's `text/scanner` and Loki's lexer do.

use std::sync::Arc;

use super::literal;
use super::tokens::{FUNCTIONS, KEYWORDS, SYMBOLS, Tok, Token};
use super::units::parse_bytes;
use crate::wire::duration;
use crate::wire::letters::{is_digit, is_letter};

/// Splits a query into tokens; the last is [`Tok::End`] or [`Tok::Bad`]. `invalid` is the first
/// position at which the query was not UTF-8 and now has U+FFFD.
pub(crate) fn tokenize(text: &str, invalid: Option<usize>) -> Vec<Token<'_>> {
    // As in Go a byte order mark at the start does not count.
    let start = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let bad = [
        (invalid, "invalid UTF-8 encoding"),
        (text.find('\0'), "invalid character NUL"),
    ];
    let bad = bad
        .into_iter()
        .filter_map(|(at, reason)| Some((at?, reason)));
    let bad = bad.min();
    let mut lexer = Lexer {
        text,
        at: start,
        line: 1,
        line_start: start,
    };
    let mut tokens = Vec::new();
    loop {
        if let Err(reason) = lexer.skip() {
            tokens.push(lexer.token(Tok::Bad(reason), lexer.at));
            return tokens;
        }
        let start = lexer.at;
        let (line, col) = lexer.place(start);
        let (mut tok, composed) = lexer.word();
        // Go's scanner has read one character beyond the token.
        let (mut line, mut col) = (line, col);
        if let Some((at, reason)) = bad.filter(|(at, _)| *at <= lexer.at) {
            tok = Tok::Bad(reason.to_owned());
            if text.as_bytes().get(at) == Some(&0) && at <= start {
                // Between two tokens Go's scanner has only the column of the one before.
                line = 0;
                col = tokens.last().map_or(1, |token: &Token<'_>| token.col);
            }
        }
        lexer.count_lines(start);
        let ends = matches!(tok, Tok::Bad(_) | Tok::End);
        let line = if composed { 0 } else { line };
        tokens.push(Token { tok, line, col });
        if ends {
            return tokens;
        }
    }
}

struct Lexer<'i> {
    text: &'i str,
    at: usize,
    line: usize,
    line_start: usize,
}

fn is_name_start(c: char) -> bool {
    c == '_' || is_letter(c)
}

fn is_name(c: char) -> bool {
    is_name_start(c) || is_digit(c)
}

impl<'i> Lexer<'i> {
    fn rest(&self) -> &'i str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Line and column of a byte in the current line.
    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(self.line_start..at).unwrap_or_default();
        (self.line, before.chars().count() + 1)
    }

    fn token(&self, tok: Tok<'i>, at: usize) -> Token<'i> {
        let (line, col) = self.place(at);
        Token { tok, line, col }
    }

    /// Counts the lines from a byte up to the current position.
    fn count_lines(&mut self, from: usize) {
        let passed = self.text.get(from..self.at).unwrap_or_default();
        if let Some(last) = passed.rfind('\n') {
            self.line += passed.matches('\n').count();
            self.line_start = from + last + 1;
        }
    }

    /// Skips whitespace and comments: LogQL's `#`, and `//` and `/* */` of Go's scanner.
    fn skip(&mut self) -> Result<(), String> {
        loop {
            let rest = self.rest();
            let passed = match rest.as_bytes() {
                [b' ' | b'\t' | b'\n' | b'\r', ..] => 1,
                [b'#', ..] | [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
                [b'/', b'*', ..] => match rest.find("*/") {
                    Some(end) => end + 2,
                    None => return Err("comment not terminated".to_owned()),
                },
                _ => return Ok(()),
            };
            let from = self.at;
            self.at += passed;
            self.count_lines(from);
        }
    }

    /// The next token, and whether Loki's scanner builds it from several characters.
    fn word(&mut self) -> (Tok<'i>, bool) {
        let Some(first) = self.peek() else {
            return (Tok::End, false);
        };
        let rest = self.rest();
        let dotted_number = first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        match first {
            c if is_name_start(c) => (self.name(), false),
            c if c.is_ascii_digit() || dotted_number => self.number(),
            '"' => (self.quoted(), false),
            '`' => (self.raw(), false),
            '\'' => (self.character(), false),
            '[' => (self.range(), true),
            '-' => self.minus(),
            _ => self.symbol(),
        }
    }

    fn take(&mut self, len: usize) -> &'i str {
        let taken = self.text.get(self.at..self.at + len).unwrap_or_default();
        self.at += len;
        taken
    }

    fn name(&mut self) -> Tok<'i> {
        let rest = self.rest();
        let name = self.take(rest.find(|c| !is_name(c)).unwrap_or(rest.len()));
        let lower = name.to_ascii_lowercase();
        if let Some((_, shown)) = FUNCTIONS.iter().find(|(known, _)| *known == lower) {
            return match self.is_call() {
                true => Tok::Function(shown),
                false => Tok::Ident(name),
            };
        }
        match KEYWORDS.iter().find(|known| **known == lower) {
            Some(keyword) => Tok::Word(keyword),
            None => Tok::Ident(name),
        }
    }

    /// Tests whether a parenthesis or a grouping follows: only then a function's name is a
    /// function.
    fn is_call(&self) -> bool {
        let rest = self.rest().trim_start();
        let lower: String = rest.chars().take(7).collect::<String>().to_lowercase();
        let grouped = ["by", "without"]
            .iter()
            .find(|word| lower.starts_with(**word))
            .and_then(|word| rest.get(word.len()..));
        rest.starts_with('(') || grouped.is_some_and(|after| after.trim_start().starts_with('('))
    }

    fn number(&mut self) -> (Tok<'i>, bool) {
        let start = self.at;
        let number = match literal::number_len(self.rest()) {
            Ok(len) => self.take(len),
            Err(reason) => return (Tok::Bad(reason), false),
        };
        let is_unit =
            |units: &'static str| move |c: char| c.is_numeric() || units.contains(c) || c == '.';
        let with = |lexer: &Self, unit: &dyn Fn(char) -> bool| {
            let rest = lexer.rest();
            let len = rest.find(|c| !unit(c)).unwrap_or(rest.len());
            (len > 0).then(|| &lexer.text[start..lexer.at + len])
        };
        if let Some(text) = with(self, &is_unit("nuµmshdwy"))
            && let Some(nanos) = duration::parse_any(text)
        {
            self.at = start + text.len();
            return (Tok::Duration(nanos), true);
        }
        if let Some(text) = with(self, &is_unit("BikKMGTP"))
            && let Ok(bytes) = parse_bytes(text)
        {
            self.at = start + text.len();
            return (Tok::Bytes(bytes), true);
        }
        (Tok::Number(number), false)
    }

    fn minus(&mut self) -> (Tok<'i>, bool) {
        let rest = self.rest();
        if rest.starts_with("--") {
            let len = rest.find(|c: char| !(c.is_alphabetic() || c == '-'));
            let flag = &rest[..len.unwrap_or(rest.len())];
            if matches!(flag, "--strict" | "--keep-empty") {
                return (Tok::Flag(self.take(flag.len())), true);
            }
        }
        let unit = |c: char| c.is_numeric() || "nuµmshdwy.".contains(c);
        let len = rest[1..].find(|c| !unit(c)).unwrap_or(rest.len() - 1);
        if len > 0
            && let Some(nanos) = duration::parse_any(&rest[..=len])
        {
            self.at += len + 1;
            return (Tok::Duration(nanos), true);
        }
        self.symbol()
    }

    fn symbol(&mut self) -> (Tok<'i>, bool) {
        let rest = self.rest();
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            self.at += symbol.len();
            return (Tok::Word(symbol), symbol.len() > 1);
        }
        let len = self.peek().map_or(0, char::len_utf8);
        (Tok::Ident(self.take(len)), false)
    }

    fn range(&mut self) -> Tok<'i> {
        let rest = self.rest();
        let Some(end) = rest.find(']') else {
            self.at = self.text.len();
            return Tok::Bad("missing closing ']' in duration".to_owned());
        };
        self.at += end + 1;
        match duration::prometheus::parse(&rest[1..end]) {
            Ok(nanos) => Tok::Range(nanos),
            Err(reason) => Tok::Bad(reason),
        }
    }

    fn raw(&mut self) -> Tok<'i> {
        let rest = self.rest();
        let Some(end) = rest[1..].find('`') else {
            self.at = self.text.len();
            return Tok::Bad("literal not terminated".to_owned());
        };
        self.at += end + 2;
        // As in Go carriage returns are removed from raw strings.
        Tok::Text(rest[1..=end].replace('\r', "").into())
    }

    fn quoted(&mut self) -> Tok<'i> {
        match literal::quoted(self.rest()) {
            Ok((value, len)) => {
                self.at += len;
                Tok::Text(Arc::from(value))
            }
            Err(reason) => Tok::Bad(reason.to_owned()),
        }
    }

    /// `'x'` is a token of Go's scanner, but not of LogQL.
    fn character(&mut self) -> Tok<'i> {
        let rest = self.rest();
        let inner = rest.get(1..).unwrap_or_default();
        let Some(end) = inner
            .find(['\'', '\n'])
            .filter(|end| inner[*end..].starts_with('\''))
        else {
            return Tok::Bad("literal not terminated".to_owned());
        };
        match inner[..end].chars().count() {
            1 => Tok::Ident(self.take(end + 2)),
            _ => Tok::Bad("invalid char literal".to_owned()),
        }
    }
}
