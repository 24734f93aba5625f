//! From text to tokens, by the states of Prometheus' lexer: outside, inside of braces, inside of brackets.

use super::token::{Kind, Op, Place, Token, Word, keyword, quote, quote_char};

/// An error of the lexer, and the start of its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LexError {
    pub(super) text: String,
    pub(super) place: Place,
}

/// All tokens of a query. The last is [`Kind::End`], or [`Kind::Error`] with the error beside.
pub(super) fn tokens(query: &str) -> (Vec<Token<'_>>, Option<LexError>) {
    let mut lexer = Lexer {
        query,
        position: 0,
        start: 0,
        tokens: Vec::new(),
        parens: 0,
        brace: false,
        bracket: Bracket::default(),
    };
    let error = lexer.run().err().map(|text| LexError {
        text,
        place: Place(lexer.start),
    });
    let kind = if error.is_some() {
        Kind::Error
    } else {
        Kind::End
    };
    lexer.tokens.push(Token {
        kind,
        text: "",
        place: Place(lexer.start),
    });
    (lexer.tokens, error)
}

/// State inside an open bracket.
#[derive(Debug, Default)]
struct Bracket {
    open: bool,
    /// Only what can start a duration may come.
    start: bool,
    colon: bool,
    duration: bool,
}

struct Lexer<'a> {
    query: &'a str,
    position: usize,
    /// Where the current token starts.
    start: usize,
    tokens: Vec<Token<'a>>,
    parens: usize,
    brace: bool,
    bracket: Bracket,
}

/// Prometheus' words for a byte that is not UTF-8 in a string. It takes the character that stands for such bytes for
/// one, and so does this: they have become it.
const NOT_UTF8: &str = "invalid UTF-8 rune";

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.query[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let one = self.peek()?;
        self.position += one.len_utf8();
        Some(one)
    }

    fn eat(&mut self, wanted: &str) -> bool {
        match self.peek() {
            Some(one) if wanted.contains(one) => {
                self.position += one.len_utf8();
                true
            }
            _ => false,
        }
    }

    fn emit(&mut self, kind: Kind) {
        self.tokens.push(Token {
            kind,
            text: &self.query[self.start..self.position],
            place: Place(self.start),
        });
        self.start = self.position;
    }

    fn run(&mut self) -> Result<(), String> {
        loop {
            self.start = self.position;
            if self.peek() == Some('#') && !self.bracket.start {
                let length = self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
                self.position += length;
                continue;
            }
            let Some(one) = self.next() else {
                return if self.brace {
                    Err("unexpected end of input inside braces".to_owned())
                } else if self.bracket.start {
                    Err("unexpected end of input in duration expression".to_owned())
                } else if self.parens != 0 {
                    Err("unclosed left parenthesis".to_owned())
                } else if self.bracket.open {
                    Err("unclosed left bracket".to_owned())
                } else {
                    Ok(())
                };
            };
            if matches!(one, ' ' | '\t' | '\n' | '\r') {
                continue;
            }
            if self.brace {
                self.inside_braces(one)?;
            } else if self.bracket.start {
                self.duration_expression(one)?;
            } else {
                self.outside(one)?;
            }
        }
    }

    fn outside(&mut self, one: char) -> Result<(), String> {
        let kind = match one {
            ',' => Kind::Comma,
            '*' => Kind::Op(Op::Mul),
            '/' => Kind::Op(Op::Div),
            '%' => Kind::Op(Op::Mod),
            '+' => Kind::Op(Op::Add),
            '-' => Kind::Op(Op::Sub),
            '^' => Kind::Op(Op::Pow),
            '@' => Kind::At,
            '=' => match self.peek() {
                Some('=') => {
                    self.next();
                    Kind::Op(Op::Equal)
                }
                Some('~') => return Err("unexpected character after '=': '~'".to_owned()),
                _ => Kind::Assign,
            },
            '!' => match self.next() {
                Some('=') => Kind::Op(Op::NotEqual),
                other => return Err(format!("unexpected character after '!': {}", shown(other))),
            },
            '<' if self.eat("=") => Kind::Op(Op::LessOrEqual),
            '<' if self.eat("/") => Kind::Op(Op::TrimUpper),
            '<' => Kind::Op(Op::Less),
            '>' if self.eat("=") => Kind::Op(Op::GreaterOrEqual),
            '>' if self.eat("/") => Kind::Op(Op::TrimLower),
            '>' => Kind::Op(Op::Greater),
            '"' | '\'' | '`' => return self.string(one),
            '(' => {
                self.parens += 1;
                Kind::LeftParen
            }
            ')' => {
                self.close_paren()?;
                Kind::RightParen
            }
            '{' => {
                self.brace = true;
                Kind::LeftBrace
            }
            '[' if self.bracket.open => return Err("unexpected left bracket '['".to_owned()),
            '[' => {
                self.bracket = Bracket {
                    open: true,
                    start: true,
                    ..Bracket::default()
                };
                Kind::LeftBracket
            }
            ']' if !self.bracket.open => return Err("unexpected right bracket ']'".to_owned()),
            ']' => {
                self.bracket.open = false;
                Kind::RightBracket
            }
            _ if one.is_ascii_digit() || (one == '.' && self.digit_follows()) => {
                self.position = self.start;
                return self.number_or_duration();
            }
            _ if is_alpha(one) || one == ':' => {
                if self.bracket.open {
                    return self.word_in_brackets(one);
                }
                self.name();
                return Ok(());
            }
            other => return Err(format!("unexpected character: {}", quote_char(other))),
        };
        self.emit(kind);
        Ok(())
    }

    fn digit_follows(&self) -> bool {
        self.peek().is_some_and(|one| one.is_ascii_digit())
    }

    fn close_paren(&mut self) -> Result<(), String> {
        match self.parens.checked_sub(1) {
            Some(left) => self.parens = left,
            None => {
                self.start = self.position;
                return Err("unexpected right parenthesis ')'".to_owned());
            }
        }
        Ok(())
    }

    fn word_in_brackets(&mut self, one: char) -> Result<(), String> {
        if one == ':' {
            if self.bracket.colon {
                return Err("unexpected colon ':'".to_owned());
            }
            self.emit(Kind::Colon);
            self.bracket.colon = true;
            return Ok(());
        }
        if self.duration_word(one) {
            return Ok(());
        }
        Err(format!(
            "unexpected character: {}, expected ':'",
            quote_char(one)
        ))
    }

    /// `step`, `range`, `max_of` and `min_of` are functions inside of brackets.
    fn duration_word(&mut self, one: char) -> bool {
        if !"srmSRM".contains(one) {
            return false;
        }
        while self.peek().is_some_and(is_alpha) {
            self.next();
        }
        let word = keyword(&self.query[self.start..self.position]);
        let found = word.filter(|kind| {
            matches!(
                kind,
                Kind::Word(Word::Step | Word::Range | Word::MaxOf | Word::MinOf)
            )
        });
        if let Some(kind) = found {
            self.emit(kind);
        }
        found.is_some()
    }

    /// The start of a duration, after `[` or an operator in it.
    fn duration_expression(&mut self, one: char) -> Result<(), String> {
        let unexpected = || {
            format!(
                "unexpected character in duration expression: {}",
                quote_char(one)
            )
        };
        let kind = match one {
            ']' => {
                self.bracket = Bracket::default();
                Kind::RightBracket
            }
            // Prometheus places these errors behind the colon.
            ':' if !self.bracket.duration => {
                self.start = self.position;
                let text = "unexpected colon before duration in duration expression";
                return Err(text.to_owned());
            }
            ':' if self.bracket.colon => {
                self.start = self.position;
                return Err("unexpected repeated colon in duration expression".to_owned());
            }
            ':' => {
                self.bracket.colon = true;
                Kind::Colon
            }
            '(' => {
                self.parens += 1;
                Kind::LeftParen
            }
            ')' => {
                self.close_paren()?;
                Kind::RightParen
            }
            '+' => Kind::Op(Op::Add),
            '-' => Kind::Op(Op::Sub),
            '*' => Kind::Op(Op::Mul),
            '/' => Kind::Op(Op::Div),
            '%' => Kind::Op(Op::Mod),
            '^' => Kind::Op(Op::Pow),
            ',' => Kind::Comma,
            _ if one.is_ascii_digit() || (one == '.' && self.digit_follows()) => {
                self.position = self.start;
                self.bracket.duration = true;
                self.bracket.start = false;
                return self.number_or_duration();
            }
            _ if self.duration_word(one) => return Ok(()),
            _ => return Err(unexpected()),
        };
        self.emit(kind);
        Ok(())
    }

    fn inside_braces(&mut self, one: char) -> Result<(), String> {
        let kind = match one {
            ',' => Kind::Comma,
            '"' | '\'' | '`' => return self.string(one),
            '=' if self.eat("~") => Kind::Matches,
            '=' => Kind::Assign,
            '!' => match self.next() {
                Some('~') => Kind::MatchesNot,
                Some('=') => Kind::Op(Op::NotEqual),
                other => {
                    return Err(format!(
                        "unexpected character after '!' inside braces: {}",
                        shown(other)
                    ));
                }
            },
            '{' => return Err("unexpected left brace '{'".to_owned()),
            '}' => {
                self.brace = false;
                Kind::RightBrace
            }
            _ if is_alpha(one) => {
                while self.peek().is_some_and(is_alphanumeric) {
                    self.next();
                }
                Kind::Identifier
            }
            other => {
                return Err(format!(
                    "unexpected character inside braces: {}",
                    quote_char(other)
                ));
            }
        };
        self.emit(kind);
        Ok(())
    }

    fn name(&mut self) {
        while self
            .peek()
            .is_some_and(|one| is_alphanumeric(one) || one == ':')
        {
            self.next();
        }
        let word = &self.query[self.start..self.position];
        let kind = match keyword(word) {
            // A metric may be called so: they are words only before a parenthesis.
            Some(Kind::Word(Word::Fill | Word::FillLeft | Word::FillRight))
                if !self
                    .rest()
                    .trim_start_matches([' ', '\t', '\n', '\r'])
                    .starts_with('(') =>
            {
                Kind::Identifier
            }
            Some(kind) => kind,
            None if word.contains(':') => Kind::MetricIdentifier,
            None => Kind::Identifier,
        };
        self.emit(kind);
    }

    fn string(&mut self, quote: char) -> Result<(), String> {
        if quote == '`' {
            loop {
                match self.next() {
                    None => return Err("unterminated raw string".to_owned()),
                    Some(char::REPLACEMENT_CHARACTER) => return Err(NOT_UTF8.to_owned()),
                    Some('`') => break,
                    Some(_) => {}
                }
            }
            self.emit(Kind::String);
            return Ok(());
        }
        loop {
            match self.next() {
                Some('\\') => self.escape(quote)?,
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some(char::REPLACEMENT_CHARACTER) => return Err(NOT_UTF8.to_owned()),
                Some(one) if one == quote => break,
                Some(_) => {}
            }
        }
        self.emit(Kind::String);
        Ok(())
    }

    fn escape(&mut self, quote: char) -> Result<(), String> {
        let unfinished = || "escape sequence not terminated".to_owned();
        let first = self.next().ok_or_else(unfinished)?;
        let (digits, base, max) = match first {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            _ if first == quote => return Ok(()),
            '0'..='7' => {
                self.position -= 1;
                (3, 8, 255)
            }
            'x' => (2, 16, 255),
            'u' => (4, 16, u32::from(char::MAX)),
            'U' => (8, 16, u32::from(char::MAX)),
            other => {
                return Err(format!("unknown escape sequence {}", code_point(other)));
            }
        };
        let mut code: u32 = 0;
        for _ in 0..digits {
            let one = self.next().ok_or_else(unfinished)?;
            let digit = one.to_digit(base).ok_or_else(|| {
                format!("illegal character {} in escape sequence", code_point(one))
            })?;
            code = code.wrapping_mul(base).wrapping_add(digit);
        }
        if code > max || (0xd800..0xe000).contains(&code) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }

    fn number_or_duration(&mut self) -> Result<(), String> {
        if self.scan_number() {
            self.emit(Kind::Number);
            return Ok(());
        }
        if self.scan_duration() {
            self.emit(Kind::Duration);
            return Ok(());
        }
        Err(format!(
            "bad number or duration syntax: {}",
            quote(&self.query[self.start..self.position])
        ))
    }

    fn run_of(&mut self, wanted: &str) {
        while self.eat(wanted) {}
    }

    /// Reads a number as far as it goes; whether it is one.
    fn scan_number(&mut self) -> bool {
        let from = self.position;
        let mut digits = "0123456789";
        let mut hexadecimal = false;
        if self.eat("0") && self.eat("xX") {
            self.eat("_");
            digits = "0123456789abcdefABCDEF";
            hexadecimal = true;
        }
        self.eat(".");
        self.eat(digits);
        let (mut dot, mut exponent) = (false, false);
        while let Some(one) = self.peek() {
            let is_exponent = "eE".contains(one);
            if !digits.contains(one) && !"._eE".contains(one) {
                break;
            }
            if one == '.' && dot || is_exponent && exponent {
                self.next();
                return false;
            }
            if one == '.' {
                self.next();
                dot = true;
                if self.eat("_.") || hexadecimal {
                    return false;
                }
            } else if is_exponent {
                self.next();
                exponent = true;
                self.eat("+-");
                if self.eat("._eE") || self.peek().is_none() {
                    return false;
                }
            } else if one == '_' {
                self.next();
                if self.eat("._eE") || self.peek().is_none() {
                    return false;
                }
            } else {
                self.run_of(digits);
            }
        }
        self.position > from && !self.peek().is_some_and(is_alphanumeric)
    }

    /// Reads on to a duration behind a number.
    fn scan_duration(&mut self) -> bool {
        if !self.eat("smhdwy") {
            return false;
        }
        self.eat("s");
        while self.eat("0123456789") {
            self.run_of("0123456789");
            if !self.eat("smhdw") {
                return false;
            }
            self.eat("s");
        }
        match self.peek() {
            Some(one) if is_alphanumeric(one) => {
                self.next();
                false
            }
            _ => true,
        }
    }
}

fn is_alpha(one: char) -> bool {
    one == '_' || one.is_ascii_alphabetic()
}

fn is_alphanumeric(one: char) -> bool {
    one == '_' || one.is_ascii_alphanumeric()
}

/// A character, or the end, as Go's `%q` shows it: the end is the code point that is none.
fn shown(one: Option<char>) -> String {
    quote_char(one.unwrap_or('\u{fffd}'))
}

/// A character as Go's `%#U` writes it.
fn code_point(one: char) -> String {
    let code = one as u32;
    if one.is_control() {
        format!("U+{code:04X}")
    } else {
        format!("U+{code:04X} '{one}'")
    }
}
