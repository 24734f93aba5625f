//! The grammar over words: selectors and what all parts of it share.

use winnow::combinator::{alt, cut_err, delimited, opt, separated};
use winnow::error::{ErrMode, ParserError};
use winnow::prelude::*;
use winnow::stream::{Stateful, Stream};

use super::ast::{Expr, Grouping, LogExpr, MatchOp, Matcher};
use super::error::ParseError;
use super::grammar_metric::metric_expr;
use super::grammar_stages::stages;
use super::tokens::{Tok, Token};

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 64;

/// How many binary operators a query may have: each makes the tree one level deeper at most.
const MAX_OPERATORS: usize = 100;

/// What the grammar counts to bound the depth of the tree.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Depth {
    nesting: usize,
    operators: usize,
}

pub(crate) type Words<'t, 'i> = Stateful<&'t [Token<'i>], Depth>;
pub(crate) type Parsed<T> = Result<T, ErrMode<Fail>>;

/// Where the grammar gave up.
#[derive(Debug)]
pub(crate) struct Fail {
    /// Words that were left.
    left: usize,
    /// What would have been right.
    expected: Option<&'static str>,
    /// What is wrong with a text that is well-formed.
    reason: Option<ParseError>,
}

impl<I: Stream> ParserError<I> for Fail {
    type Inner = Self;

    fn from_input(input: &I) -> Self {
        Self {
            left: input.eof_offset(),
            expected: None,
            reason: None,
        }
    }

    /// The branch that came further knows better.
    fn or(self, other: Self) -> Self {
        if self.left < other.left { self } else { other }
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// Gives up for a reason that another branch cannot mend.
pub(crate) fn refuse<T>(input: &Words<'_, '_>, reason: ParseError) -> Parsed<T> {
    Err(ErrMode::Cut(Fail {
        reason: Some(reason),
        ..Fail::from_input(input)
    }))
}

/// Parses all words.
pub(crate) fn parse_tokens(text: &str, tokens: &[Token<'_>]) -> Result<Expr, ParseError> {
    let mut input = Stateful {
        input: tokens,
        state: Depth::default(),
    };
    let parsed = expr(&mut input).and_then(|expr| {
        if input.input.is_empty() {
            return Ok(expr);
        }
        Err(ErrMode::Cut(Fail::from_input(&input)))
    });
    parsed.map_err(|error| {
        let fail = match error {
            ErrMode::Backtrack(fail) | ErrMode::Cut(fail) => fail,
            ErrMode::Incomplete(_) => Fail::from_input(&input),
        };
        if let Some(reason) = fail.reason {
            return reason;
        }
        let token = tokens.get(tokens.len().saturating_sub(fail.left));
        let at = token.map_or(text.len(), |token| token.at);
        let found = token.map_or_else(|| "$end".to_owned(), |token| token.tok.to_string());
        let expected = fail
            .expected
            .map_or_else(String::new, |e| format!(", expecting {e}"));
        ParseError::at(
            text,
            at,
            format!("syntax error: unexpected {found}{expected}"),
        )
    })
}

/// Takes the next word if `pick` wants it.
pub(crate) fn pick<'t, 'i, T>(
    expected: &'static str,
    pick: impl Fn(&Tok<'i>) -> Option<T>,
) -> impl FnMut(&mut Words<'t, 'i>) -> Parsed<T> {
    move |input| {
        let picked = input.input.first().and_then(|token| pick(&token.tok));
        let Some(picked) = picked else {
            return Err(ErrMode::Backtrack(Fail {
                expected: Some(expected),
                ..Fail::from_input(input)
            }));
        };
        input.next_token();
        Ok(picked)
    }
}

/// An operator or bracket.
pub(crate) fn sym<'t, 'i>(
    symbol: &'static str,
) -> impl FnMut(&mut Words<'t, 'i>) -> Parsed<&'static str> {
    pick(symbol, move |tok| {
        (*tok == Tok::Sym(symbol)).then_some(symbol)
    })
}

/// A keyword, in any case as in Loki.
pub(crate) fn keyword<'t, 'i>(
    word: &'static str,
) -> impl FnMut(&mut Words<'t, 'i>) -> Parsed<&'static str> {
    pick(word, move |tok| match tok {
        Tok::Ident(name) if name.eq_ignore_ascii_case(word) => Some(word),
        _ => None,
    })
}

/// A name.
pub(crate) fn ident(input: &mut Words<'_, '_>) -> Parsed<String> {
    pick("IDENTIFIER", |tok| match tok {
        Tok::Ident(name) => Some((*name).to_owned()),
        _ => None,
    })(input)
}

/// A quoted text.
pub(crate) fn text(input: &mut Words<'_, '_>) -> Parsed<std::sync::Arc<str>> {
    pick("STRING", |tok| match tok {
        Tok::Text(text) => Some(std::sync::Arc::clone(text)),
        _ => None,
    })(input)
}

/// Parses what is one level deeper, as far as the bound allows.
pub(crate) fn nested<'t, 'i: 't, T>(
    mut inner: impl FnMut(&mut Words<'t, 'i>) -> Parsed<T>,
) -> impl FnMut(&mut Words<'t, 'i>) -> Parsed<T> {
    move |input| {
        if input.state.nesting >= MAX_DEPTH {
            let reason = format!("the query is nested more than {MAX_DEPTH} levels deep");
            return refuse(input, ParseError::plain(reason));
        }
        input.state.nesting += 1;
        let parsed = inner(input);
        input.state.nesting -= 1;
        parsed
    }
}

/// Counts a binary operator.
pub(crate) fn count_operator(input: &mut Words<'_, '_>) -> Parsed<()> {
    input.state.operators += 1;
    if input.state.operators > MAX_OPERATORS {
        let reason = format!("the query has more than {MAX_OPERATORS} operators");
        return refuse(input, ParseError::plain(reason));
    }
    Ok(())
}

/// Whether the next word is this symbol.
pub(crate) fn next_is(input: &Words<'_, '_>, symbol: &'static str) -> bool {
    input
        .input
        .first()
        .is_some_and(|token| token.tok == Tok::Sym(symbol))
}

fn expr(input: &mut Words<'_, '_>) -> Parsed<Expr> {
    // Parentheses around a log query: `({…} | json)`.
    let opening = input
        .input
        .iter()
        .take_while(|token| token.tok == Tok::Sym("("))
        .count();
    let is_log = input
        .input
        .get(opening)
        .is_some_and(|token| token.tok == Tok::Sym("{"));
    if is_log {
        log_expr.map(Expr::Log).parse_next(input)
    } else {
        metric_expr.map(Expr::Metric).parse_next(input)
    }
}

fn log_expr(input: &mut Words<'_, '_>) -> Parsed<LogExpr> {
    if next_is(input, "(") {
        return delimited(sym("("), nested(log_expr), cut_err(sym(")"))).parse_next(input);
    }
    (selector, stages)
        .map(|(matchers, stages)| LogExpr { matchers, stages })
        .parse_next(input)
}

/// `{a="b", c!="d"}`
pub(crate) fn selector(input: &mut Words<'_, '_>) -> Parsed<Vec<Matcher>> {
    sym("{").parse_next(input)?;
    if opt(sym("}")).parse_next(input)?.is_some() {
        return Ok(Vec::new());
    }
    let matchers = cut_err(separated(1.., matcher, sym(","))).parse_next(input)?;
    cut_err(sym("}")).parse_next(input)?;
    Ok(matchers)
}

/// `name="value"`
pub(crate) fn matcher(input: &mut Words<'_, '_>) -> Parsed<Matcher> {
    let name = ident(input)?;
    let op = cut_err(match_op).parse_next(input)?;
    let value = cut_err(text).parse_next(input)?;
    let matcher = Matcher { name, op, value };
    if let Err(reason) = matcher.compile() {
        return refuse(input, reason);
    }
    Ok(matcher)
}

/// `=`, `!=`, `=~`, `!~`
pub(crate) fn match_op(input: &mut Words<'_, '_>) -> Parsed<MatchOp> {
    alt((
        sym("=").value(MatchOp::Equal),
        sym("!=").value(MatchOp::NotEqual),
        sym("=~").value(MatchOp::Regex),
        sym("!~").value(MatchOp::NotRegex),
    ))
    .parse_next(input)
}

/// `(a, b)`
pub(crate) fn names(input: &mut Words<'_, '_>) -> Parsed<Vec<String>> {
    delimited(
        cut_err(sym("(")),
        separated(0.., ident, sym(",")),
        cut_err(sym(")")),
    )
    .parse_next(input)
}

/// `by (a, b)` or `without (a)`, if it is there.
pub(crate) fn grouping(input: &mut Words<'_, '_>) -> Parsed<Option<Grouping>> {
    let without = opt(alt((
        keyword("by").value(false),
        keyword("without").value(true),
    )))
    .parse_next(input)?;
    let Some(without) = without else {
        return Ok(None);
    };
    let labels = names(input)?;
    Ok(Some(Grouping { without, labels }))
}
