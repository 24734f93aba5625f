//! Splits a template into tokens, by the rules of Go's `text/template/parse`.

use crate::wire::quote::{first_char, quoted};

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Bool,
    /// A character that stands for itself, as the comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Nil,
    Keyword(Keyword),
}

/// Keywords.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// One token.
#[derive(Clone, Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: Kind,
    /// Byte at which it starts.
    pub(super) pos: usize,
    pub(super) text: std::borrow::Cow<'t, str>,
    /// Line at which it starts, from 1.
    pub(super) line: usize,
}

impl std::fmt::Display for Token<'_> {
    /// Go's description of an unexpected token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Kind::Eof => f.write_str("EOF"),
            Kind::Error => f.write_str(&self.text),
            Kind::Keyword(_) | Kind::Dot | Kind::Nil => write!(f, "<{}>", self.text),
            _ if self.text.len() > 10 => {
                let short: String = self.text.chars().take(10).collect();
                write!(f, "{}...", quoted(short.as_bytes()))
            }
            _ => f.write_str(&quoted(self.text.as_bytes())),
        }
    }
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

fn is_space(c: char) -> bool {
    SPACES.contains(&c)
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// `- ` after an opening delimiter.
fn has_left_trim(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('-') && chars.next().is_some_and(is_space)
}

/// ` -` before a closing delimiter.
fn has_right_trim(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_space) && chars.next() == Some('-')
}

/// Returns the tokens of a text one by one.
pub(super) struct Lexer<'t> {
    input: &'t str,
    pos: usize,
    start: usize,
    line: usize,
    start_line: usize,
    paren_depth: usize,
    inside_action: bool,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(input: &'t str) -> Self {
        Self {
            input,
            pos: 0,
            start: 0,
            line: 1,
            start_line: 1,
            paren_depth: 0,
            inside_action: false,
        }
    }

    fn rest(&self) -> &'t str {
        self.input.get(self.pos..).unwrap_or_default()
    }

    fn pending(&self) -> &'t str {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        if c == '\n' {
            self.line += 1;
        }
        Some(c)
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.next();
        }
        found
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn token(&mut self, kind: Kind) -> Token<'t> {
        let token = Token {
            kind,
            pos: self.start,
            text: self.pending().into(),
            line: self.start_line,
        };
        self.start = self.pos;
        self.start_line = self.line;
        token
    }

    /// Skips the characters that were read without [`Self::next`].
    fn ignore(&mut self) {
        self.line += self.pending().matches('\n').count();
        self.start = self.pos;
        self.start_line = self.line;
    }

    /// An error ends the input.
    fn error(&mut self, text: String) -> Token<'t> {
        let token = Token {
            kind: Kind::Error,
            pos: self.start,
            text: text.into(),
            line: self.start_line,
        };
        self.input = "";
        self.pos = 0;
        self.start = 0;
        token
    }

    /// The next token; after the last one always [`Kind::Eof`].
    pub(super) fn next_token(&mut self) -> Token<'t> {
        if self.inside_action {
            return self.inside_action();
        }
        loop {
            if let Some(token) = self.text() {
                return token;
            }
        }
    }

    /// Text up to a delimiter, the delimiter itself, or none after a comment.
    fn text(&mut self) -> Option<Token<'t>> {
        let Some(length) = self.rest().find(LEFT) else {
            self.pos = self.input.len();
            if self.pos == self.start {
                return Some(self.token(Kind::Eof));
            }
            self.line += self.pending().matches('\n').count();
            return Some(self.token(Kind::Text));
        };
        if length > 0 {
            let end = self.pos + length;
            let after = self.input.get(end + LEFT.len()..).unwrap_or_default();
            let text = self.input.get(self.start..end).unwrap_or_default();
            let kept = match has_left_trim(after) {
                true => text.trim_end_matches(SPACES).len(),
                false => text.len(),
            };
            self.pos = self.start + kept;
            self.line += self.pending().matches('\n').count();
            let token = self.token(Kind::Text);
            self.pos = end;
            self.ignore();
            if !token.text.is_empty() {
                return Some(token);
            }
        }
        self.left_delim()
    }

    fn left_delim(&mut self) -> Option<Token<'t>> {
        self.pos += LEFT.len();
        let marker = if has_left_trim(self.rest()) { 2 } else { 0 };
        let after = self.rest().get(marker..).unwrap_or_default();
        if after.starts_with("/*") {
            self.pos += marker;
            self.ignore();
            return self.comment();
        }
        let token = self.token(Kind::LeftDelim);
        self.inside_action = true;
        self.pos += marker;
        self.ignore();
        self.paren_depth = 0;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token<'t>> {
        self.pos += 2;
        let Some(length) = self.rest().find("*/") else {
            return Some(self.error("unclosed comment".to_owned()));
        };
        self.pos += length + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.error("comment ends before closing delimiter".to_owned()));
        };
        if trim {
            self.pos += 2;
        }
        self.pos += RIGHT.len();
        if trim {
            self.trim_left();
        }
        self.ignore();
        None
    }

    /// Tests for a closing delimiter, and whether it trims.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim(rest) && rest.get(2..).is_some_and(|rest| rest.starts_with(RIGHT)) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn trim_left(&mut self) {
        let rest = self.rest();
        self.pos += rest.len() - rest.trim_start_matches(SPACES).len();
    }

    fn right_delim(&mut self, trim: bool) -> Token<'t> {
        if trim {
            self.pos += 2;
            self.ignore();
        }
        self.pos += RIGHT.len();
        let token = self.token(Kind::RightDelim);
        if trim {
            self.trim_left();
            self.ignore();
        }
        self.inside_action = false;
        token
    }

    fn inside_action(&mut self) -> Token<'t> {
        if let Some(trim) = self.at_right_delim() {
            if self.paren_depth == 0 {
                return self.right_delim(trim);
            }
            return self.error("unclosed left paren".to_owned());
        }
        let Some(c) = self.peek() else {
            return self.error("unclosed action".to_owned());
        };
        if is_space(c) {
            return self.space();
        }
        // A dot at the end of the input counts as the start of a number.
        let digit_after = |rest: &str| rest.chars().nth(1).is_none_or(|c| c.is_ascii_digit());
        if c == '+' || c == '-' || c.is_ascii_digit() || (c == '.' && digit_after(self.rest())) {
            return self.number();
        }
        if is_alphanumeric(c) {
            return self.identifier();
        }
        self.next();
        match c {
            '=' => self.token(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return self.error("expected :=".to_owned());
                }
                self.token(Kind::Declare)
            }
            '|' => self.token(Kind::Pipe),
            '"' => self.delimited('"', Kind::String, "unterminated quoted string"),
            '\'' => self.delimited('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => {
                while let Some(c) = self.next() {
                    if c == '`' {
                        return self.token(Kind::RawString);
                    }
                }
                self.error("unterminated raw quoted string".to_owned())
            }
            '$' => self.field_or_variable(Kind::Variable),
            '.' => self.field_or_variable(Kind::Field),
            '(' => {
                self.paren_depth += 1;
                self.token(Kind::LeftParen)
            }
            ')' => {
                if self.paren_depth == 0 {
                    return self.error("unexpected right paren".to_owned());
                }
                self.paren_depth -= 1;
                self.token(Kind::RightParen)
            }
            c if c.is_ascii() && !c.is_ascii_control() => self.token(Kind::Char),
            c => self.error(format!(
                "unrecognized character in action: {}",
                named_char(Some(c))
            )),
        }
    }

    /// Reads spaces, or a closing delimiter that begins with a trimming space.
    fn space(&mut self) -> Token<'t> {
        let mut spaces = 0;
        let mut before_last = self.pos;
        while self.peek().is_some_and(is_space) {
            before_last = self.pos;
            self.next();
            spaces += 1;
        }
        let tail = self.input.get(before_last..).unwrap_or_default();
        if has_right_trim(tail) && tail.get(2..).is_some_and(|rest| rest.starts_with(RIGHT)) {
            if tail.starts_with('\n') {
                self.line -= 1;
            }
            self.pos = before_last;
            if spaces == 1 {
                return self.right_delim(true);
            }
        }
        self.token(Kind::Space)
    }

    fn identifier(&mut self) -> Token<'t> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        let word = self.pending();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match word {
            "block" => Kind::Keyword(Keyword::Block),
            "break" => Kind::Keyword(Keyword::Break),
            "continue" => Kind::Keyword(Keyword::Continue),
            "define" => Kind::Keyword(Keyword::Define),
            "else" => Kind::Keyword(Keyword::Else),
            "end" => Kind::Keyword(Keyword::End),
            "if" => Kind::Keyword(Keyword::If),
            "range" => Kind::Keyword(Keyword::Range),
            "template" => Kind::Keyword(Keyword::Template),
            "with" => Kind::Keyword(Keyword::With),
            "nil" => Kind::Nil,
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.token(kind)
    }

    fn bad_character(&mut self) -> Token<'t> {
        let next = named_char(self.peek());
        self.error(format!("bad character {next}"))
    }

    fn field_or_variable(&mut self, kind: Kind) -> Token<'t> {
        if self.at_terminator() {
            return match kind {
                Kind::Variable => self.token(Kind::Variable),
                _ => self.token(Kind::Dot),
            };
        }
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.token(kind)
    }

    /// Tests whether a word may end here.
    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(RIGHT),
        }
    }

    /// A quoted constant. The parser resolves its escapes.
    fn delimited(&mut self, quote: char, kind: Kind, unterminated: &str) -> Token<'t> {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                None | Some('\n' | '\\') => return self.error(unterminated.to_owned()),
                Some(c) if c == quote => return self.token(kind),
                Some(_) => {}
            }
        }
    }

    fn number(&mut self) -> Token<'t> {
        if !self.scan_number() {
            return self.bad_number();
        }
        if matches!(self.peek(), Some('+' | '-')) {
            if !self.scan_number() || !self.pending().ends_with('i') {
                return self.bad_number();
            }
            return self.token(Kind::Complex);
        }
        self.token(Kind::Number)
    }

    fn bad_number(&mut self) -> Token<'t> {
        let text = quoted(self.pending().as_bytes());
        self.error(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if !exponent.is_empty() && self.accept(exponent) {
            self.accept("+-");
            self.accept_run("0123456789_");
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }
}

/// A character as Go's `%#U` writes it; the end of the input is -1.
fn named_char(c: Option<char>) -> String {
    let Some(c) = c else {
        return "U+FFFFFFFFFFFFFFFF".to_owned();
    };
    let code = u32::from(c);
    match first_char(c.encode_utf8(&mut [0; 4]).as_bytes()) {
        Some((c, _)) if crate::wire::quote::is_print(c) => format!("U+{code:04X} '{c}'"),
        _ => format!("U+{code:04X}"),
    }
}
