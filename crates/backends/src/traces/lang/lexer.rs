//! A query's text as lexemes, each with the place that Tempo would name in an error.

use winnow::Parser;
use winnow::ascii::{digit0, digit1, multispace1, till_line_ending};
use winnow::combinator::{alt, delimited, not, opt, peek, preceded, repeat};
use winnow::error::ContextError;
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{any, one_of, take_until, take_while};

use super::ast::AttributeScope;
use super::literal;

type Input<'i> = LocatingSlice<&'i str>;
type Lexed<T> = winnow::Result<T, ContextError>;

/// More lexemes than anyone writes; it bounds the work and the depth of what follows.
const MAX_LEXEMES: usize = 1_000;

/// The smallest unit of the language.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// An operator or bracket.
    Symbol(&'static str),
    /// A keyword or an unknown identifier.
    Word(String),
    /// `.name`, `span.name` and so on.
    Attribute(AttributeScope, String),
    /// `span:` and the like, before an intrinsic.
    Scope(&'static str),
    Text(String),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    /// Text that is no lexeme, with the reason.
    Invalid(String),
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    /// From 1; 0 for tokens of several characters, of which Tempo's lexer loses the line.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
}

/// Splits a query; the last lexeme is [`Token::End`] or [`Token::Invalid`]. `invalid` is the first place at which the
/// query was not UTF-8 and now has U+FFFD.
pub(super) fn lexemes(text: &str, invalid: Option<usize>) -> Vec<Lexeme> {
    let mut input = LocatingSlice::new(text);
    let mut found = Vec::new();
    let (mut line, mut column, mut seen) = (1, 1, 0);
    loop {
        let blank: Lexed<()> = blank.parse_next(&mut input);
        let start = input.current_token_start();
        for char in text[seen..start].chars() {
            (line, column) = match char {
                '\n' => (line + 1, 1),
                _ => (line, column + 1),
            };
        }
        seen = start;
        let (token, joined) = if found.len() >= MAX_LEXEMES {
            let message = format!("query is too long: more than {MAX_LEXEMES} tokens");
            (Token::Invalid(message), false)
        } else if blank.is_err() {
            (Token::Invalid("comment not terminated".into()), false)
        } else {
            token.parse_next(&mut input).unwrap_or((Token::End, false))
        };
        let mut lexeme = Lexeme {
            token,
            // A point and its name keep their line.
            line: match joined && !text[start..].starts_with('.') {
                true => 0,
                false => line,
            },
            column,
        };
        // Go's scanner has read one character beyond the token.
        if let Some(at) = invalid.filter(|at| *at <= input.current_token_start()) {
            lexeme.token = Token::Invalid("invalid UTF-8 encoding".into());
            if at <= start {
                // Between two tokens it has only the column of the one before.
                lexeme.line = 0;
                lexeme.column = found.last().map_or(0, |before: &Lexeme| before.column);
            }
        }
        let last = matches!(lexeme.token, Token::End | Token::Invalid(_));
        found.push(lexeme);
        if last {
            return found;
        }
    }
}

/// Spaces and Go's two kinds of comments.
fn blank(input: &mut Input<'_>) -> Lexed<()> {
    let line_comment = ("//", till_line_ending).void();
    let block_comment = ("/*", take_until(0.., "*/"), "*/").void();
    let blanks: Lexed<()> =
        repeat(0.., alt((multispace1.void(), line_comment, block_comment))).parse_next(input);
    blanks?;
    not("/*").parse_next(input)
}

/// One token, and whether it was put together from several of Go's.
fn token(input: &mut Input<'_>) -> Lexed<(Token, bool)> {
    alt((
        number,
        attribute.map(|token| (token, true)),
        scope.map(|token| (token, true)),
        symbol,
        word.map(|word| (Token::Word(word.to_owned()), false)),
        preceded(peek(one_of(['"', '`'])), text).map(|token| (token, false)),
        any.map(|char: char| (Token::Word(char.to_string()), false)),
    ))
    .parse_next(input)
}

fn word<'i>(input: &mut Input<'i>) -> Lexed<&'i str> {
    let first = one_of(|c: char| c.is_alphabetic() || c == '_');
    let rest = take_while(0.., |c: char| c.is_alphanumeric() || c == '_');
    (first, rest).take().parse_next(input)
}

fn number(input: &mut Input<'_>) -> Lexed<(Token, bool)> {
    // As in Go nothing need follow the point.
    let decimal = alt(((digit1, opt((".", digit0))).take(), (".", digit1).take()));
    let with_unit = (
        (digit1, opt((".", digit1))),
        take_while(1.., |c: char| {
            c.is_ascii_digit() || "nsumhµμdwy.".contains(c)
        }),
    )
        .take()
        .verify_map(literal::duration)
        .map(|nanos| (Token::Duration(nanos), true));
    let exponent = (one_of(['e', 'E']), opt(one_of(['+', '-'])), digit1);
    let plain = (decimal, opt(exponent)).take().map(|digits: &str| {
        let token = if digits.contains(['.', 'e', 'E']) {
            digits
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(Token::Float)
        } else {
            digits.parse().map(Token::Int).ok()
        };
        let invalid = || Token::Invalid(format!("parsing \"{digits}\": value out of range"));
        (token.unwrap_or_else(invalid), false)
    });
    alt((with_unit, plain)).parse_next(input)
}

/// A scope, a dot and a name, part of which may be quoted.
fn attribute(input: &mut Input<'_>) -> Lexed<Token> {
    let scope = alt((
        ".".value(AttributeScope::Any),
        "span.".value(AttributeScope::Span),
        "resource.".value(AttributeScope::Resource),
        "event.".value(AttributeScope::Event),
        "link.".value(AttributeScope::Link),
        "instrumentation.".value(AttributeScope::Instrumentation),
        "parent.".value(AttributeScope::Parent),
    ))
    .parse_next(input)?;
    let plain = take_while(1.., is_attribute_char).map(|part: &str| Ok(part.to_owned()));
    let parts: Vec<Result<String, &'static str>> =
        repeat(0.., alt((quoted_name, plain))).parse_next(input)?;
    if parts.is_empty() {
        return Ok(Token::Symbol("END_ATTRIBUTE"));
    }
    Ok(match parts.into_iter().collect::<Result<String, _>>() {
        Ok(name) => Token::Attribute(scope, name),
        Err(reason) => Token::Invalid(reason.to_owned()),
    })
}

fn is_attribute_char(c: char) -> bool {
    !c.is_whitespace() && !"{}()=~!<>&|^,\"".contains(c)
}

fn quoted_name(input: &mut Input<'_>) -> Lexed<Result<String, &'static str>> {
    let escaped = preceded('\\', any).map(|c: char| match c {
        '\\' | '"' => Ok(c),
        _ => Err("invalid escape sequence"),
    });
    let plain = any.verify(|c: &char| *c != '"' && *c != '\\').map(Ok);
    let inner = repeat(0.., alt((escaped, plain)));
    let (_, name, end): (_, Vec<Result<char, _>>, _) = ('"', inner, opt('"')).parse_next(input)?;
    Ok(match end {
        Some(_) => name.into_iter().collect(),
        None => Err("unexpected EOF, expecting \""),
    })
}

fn scope(input: &mut Input<'_>) -> Lexed<Token> {
    alt((
        "span:".value("span"),
        "trace:".value("trace"),
        "event:".value("event"),
        "link:".value("link"),
        "instrumentation:".value("instrumentation"),
    ))
    .map(Token::Scope)
    .parse_next(input)
}

/// All operators and brackets, the longer ones first.
const SYMBOLS: [&str; 35] = [
    "!>>", "!<<", "&>>", "&<<", "!=", "!~", "!>", "!<", "=~", ">=", "<=", ">>", "<<", "&&", "||",
    "&~", "&>", "&<", "{", "}", "(", ")", ",", "=", ">", "<", "~", "+", "-", "*", "/", "%", "^",
    "!", "|",
];

fn symbol(input: &mut Input<'_>) -> Lexed<(Token, bool)> {
    let found: &'static str = alt(SYMBOLS.map(|text| text.value(text))).parse_next(input)?;
    Ok((Token::Symbol(found), found.len() > 1))
}

/// A string with Go's escapes, or one between backticks without any.
fn text(input: &mut Input<'_>) -> Lexed<Token> {
    let raw = delimited('`', take_while(0.., |c| c != '`'), '`')
        .map(|text: &str| Some(text.replace('\r', "")));
    let plain = any
        .verify(|c: &char| !matches!(c, '"' | '\\' | '\n'))
        .map(Some);
    let chars = repeat(0.., alt((escape, plain)));
    let interpreted = delimited('"', chars, '"')
        .map(|chars: Vec<Option<char>>| chars.into_iter().collect::<Option<String>>());
    let found: Lexed<Option<String>> = alt((raw, interpreted)).parse_next(input);
    Ok(match found {
        Ok(Some(text)) => Token::Text(text),
        Ok(None) => Token::Invalid("invalid syntax: escape in a string".to_owned()),
        Err(_) => Token::Invalid("literal not terminated".to_owned()),
    })
}

/// An escape; `None` if Go has no such one.
fn escape(input: &mut Input<'_>) -> Lexed<Option<char>> {
    fn coded<'i>(digits: usize, radix: u32) -> impl Parser<Input<'i>, Option<char>, ContextError> {
        take_while(digits..=digits, move |c: char| c.is_digit(radix)).map(move |code: &str| {
            u32::from_str_radix(code, radix)
                .ok()
                .and_then(char::from_u32)
        })
    }
    let known = one_of(['a', 'b', 'f', 'n', 'r', 't', 'v', '\\', '"']).map(|c| {
        Some(match c {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            same => same,
        })
    });
    preceded(
        '\\',
        alt((
            known,
            preceded('x', coded(2, 16)),
            preceded('u', coded(4, 16)),
            preceded('U', coded(8, 16)),
            coded(3, 8),
            any.value(None),
        )),
    )
    .parse_next(input)
}
