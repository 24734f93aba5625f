//! The parser's way through the lexemes: what comes next, how deep we are, where it went wrong.

use winnow::Parser;
use winnow::error::ParserError;
use winnow::stream::{Stateful, Stream, TokenSlice};
use winnow::token::any;

use super::QueryError;
use super::lexer::{Lexeme, Token};

/// Functions that turn spans into time series; not all of them are supported.
pub(super) const METRICS: [&str; 11] = [
    "rate",
    "count_over_time",
    "min_over_time",
    "max_over_time",
    "avg_over_time",
    "sum_over_time",
    "quantile_over_time",
    "histogram_over_time",
    "compare",
    "topk",
    "bottomk",
];

/// Levels of parentheses and unary operators that a query may have.
const MAX_DEPTH: usize = 100;

/// Lexemes still to be read, and how many levels are open.
pub(super) type Cursor<'t> = Stateful<TokenSlice<'t, Lexeme>, usize>;

/// Result of every parser of this language.
pub(super) type Parsed<T> = Result<T, Fault>;

/// A parse error: a reason, and the lexeme that it is about.
#[derive(Debug)]
pub(super) struct Fault {
    message: String,
    at: Option<(usize, usize)>,
    fatal: bool,
}

impl Fault {
    /// An error about the next lexeme that no other way of reading can mend.
    pub(super) fn fatal(input: &Cursor<'_>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            at: input.first().map(|lexeme| (lexeme.line, lexeme.column)),
            fatal: true,
        }
    }

    /// The next lexeme cannot stand here.
    pub(super) fn unexpected(input: &Cursor<'_>, expecting: &str) -> Self {
        let expecting = match expecting {
            "" => String::new(),
            what => format!(", expecting {what}"),
        };
        let found = match input.first().map(|lexeme| &lexeme.token) {
            None | Some(Token::End) => "$end",
            Some(Token::Invalid(reason)) => return Self::fatal(input, reason.clone()),
            Some(Token::Symbol(symbol)) => symbol,
            Some(Token::Word(word)) if is_keyword(word) => word,
            Some(Token::Word(_)) => "IDENTIFIER",
            Some(Token::Attribute(..)) => ".",
            Some(Token::Scope(scope)) => scope,
            Some(Token::Text(_)) => "STRING",
            Some(Token::Int(_)) => "INTEGER",
            Some(Token::Float(_)) => "FLOAT",
            Some(Token::Duration(_)) => "DURATION",
        };
        Self::fatal(
            input,
            format!("syntax error: unexpected {found}{expecting}"),
        )
    }
}

impl<'t> ParserError<Cursor<'t>> for Fault {
    type Inner = Self;

    fn from_input(input: &Cursor<'t>) -> Self {
        Self {
            fatal: false,
            ..Self::unexpected(input, "")
        }
    }

    fn is_backtrack(&self) -> bool {
        !self.fatal
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

impl From<Fault> for QueryError {
    fn from(fault: Fault) -> Self {
        let (line, column) = fault.at.unwrap_or_default();
        Self::Syntax {
            line,
            column,
            message: fault.message,
        }
    }
}

/// The next token, which stays where it is.
pub(super) fn next<'t>(input: &Cursor<'t>) -> &'t Token {
    let lexemes: &'t [Lexeme] = input.input.peek_finish();
    lexemes.first().map_or(&Token::End, |lexeme| &lexeme.token)
}

/// Takes a symbol if it comes next.
pub(super) fn symbol<'t>(wanted: &'static str) -> impl Parser<Cursor<'t>, (), Fault> {
    any.verify(move |lexeme: &Lexeme| lexeme.token == Token::Symbol(wanted))
        .void()
}

/// Takes a keyword if it comes next.
pub(super) fn keyword<'t>(wanted: &'static str) -> impl Parser<Cursor<'t>, (), Fault> {
    any.verify(move |lexeme: &Lexeme| matches!(&lexeme.token, Token::Word(word) if word == wanted))
        .void()
}

/// Takes a symbol that must come next.
pub(super) fn expect(input: &mut Cursor<'_>, wanted: &'static str) -> Parsed<()> {
    match symbol(wanted).parse_next(input) {
        Ok(()) => Ok(()),
        Err(_) => Err(Fault::unexpected(input, wanted)),
    }
}

/// Passes over the next lexeme.
pub(super) fn advance(input: &mut Cursor<'_>) {
    let _ = input.next_token();
}

/// Reads something that may contain itself, to a limited depth.
pub(super) fn nested<'t, T>(
    input: &mut Cursor<'t>,
    read: impl FnOnce(&mut Cursor<'t>) -> Parsed<T>,
) -> Parsed<T> {
    if input.state >= MAX_DEPTH {
        let message = format!("query is nested too deeply: more than {MAX_DEPTH} levels");
        return Err(Fault::fatal(input, message));
    }
    input.state += 1;
    let found = read(input);
    input.state -= 1;
    found
}

/// Words that mean something somewhere in the language, operators and brackets aside.
pub(super) fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 41] = [
        "true",
        "false",
        "nil",
        "ok",
        "error",
        "unset",
        "unspecified",
        "internal",
        "server",
        "client",
        "producer",
        "consumer",
        "duration",
        "childCount",
        "name",
        "status",
        "statusMessage",
        "kind",
        "rootName",
        "rootServiceName",
        "rootService",
        "traceDuration",
        "nestedSetLeft",
        "nestedSetRight",
        "nestedSetParent",
        "id",
        "traceID",
        "spanID",
        "parentID",
        "timeSinceStart",
        "version",
        "parent",
        "count",
        "avg",
        "max",
        "min",
        "sum",
        "by",
        "coalesce",
        "select",
        "with",
    ];
    KEYWORDS.contains(&word) || METRICS.contains(&word)
}
