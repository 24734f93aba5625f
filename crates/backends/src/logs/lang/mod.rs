//! LogQL: parser and formatter. The grammar is that of Loki's documentation,
//! <https://grafana.com/docs/loki/latest/query/>; unsupported parts are refused by name.

mod ast;
mod error;
mod format;
mod format_pretty;
mod grammar;
mod grammar_labels;
mod grammar_metric;
mod grammar_stages;
mod lexer;
mod literal;
mod operators;
mod tokens;
pub(crate) mod units;
mod validate;

pub use ast::{
    BinaryOp, BinaryOpKind, CompareOp, Expr, Extraction, Group, Grouping, LabelFilter, LabelFormat,
    LineFilter, LineMatch, LineOperand, LogExpr, LogRange, MatchOp, Matcher, Matching, MetricExpr,
    NamedMatcher, Parser, RangeOp, Stage, Unwrap, UnwrapConversion, VectorOp,
};
pub use error::ParseError;
pub use format_pretty::pretty;
pub(crate) use literal::parse_float;

/// Bytes that a query may have, as in Loki.
const MAX_INPUT: usize = 131_072;

/// Parses a query.
///
/// # Errors
/// [`ParseError`], with Loki's message.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let expr = parse_unchecked(text, None)?;
    validate::expr(&expr)?;
    Ok(expr)
}

/// Parses the bytes of a query, which may not be UTF-8.
///
/// # Errors
/// As [`parse`]; also for bytes that are not UTF-8.
pub(crate) fn parse_bytes(query: &[u8]) -> Result<Expr, ParseError> {
    let invalid = std::str::from_utf8(query).err();
    let expr = parse_unchecked(
        &crate::logs::lines::utf8::text(query),
        invalid.map(|error| error.valid_up_to()),
    )?;
    validate::expr(&expr)?;
    Ok(expr)
}

/// Checks the names in a query that is to run.
///
/// # Errors
/// A name of a matcher that Loki does not run.
pub(crate) fn check_names(expr: &Expr) -> Result<(), ParseError> {
    validate::names(expr)
}

/// Parses a log query and nothing else.
///
/// # Errors
/// As [`parse`]; also for a metric query, and for bytes that are not UTF-8.
pub fn parse_log(query: impl AsRef<[u8]>) -> Result<LogExpr, ParseError> {
    match parse_bytes(query.as_ref())? {
        Expr::Log(log) => Ok(log),
        _ => Err(ParseError::Kind("only log selector is supported")),
    }
}

/// Parses a stream selector without any stage, as `match[]` takes it.
///
/// # Errors
/// As [`parse`]; also when there is more than a selector, and for bytes that are not UTF-8.
pub(crate) fn parse_selector(selector: &[u8]) -> Result<Vec<Matcher>, ParseError> {
    match parse_bytes(selector)? {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.matchers),
        _ => Err(ParseError::Kind("only label matchers are supported")),
    }
}

fn parse_unchecked(text: &str, invalid: Option<usize>) -> Result<Expr, ParseError> {
    if text.len() >= MAX_INPUT {
        return Err(ParseError::plain(format!(
            "input size too long ({} > {MAX_INPUT})",
            text.len()
        )));
    }
    if text.is_empty() {
        return Err(ParseError::plain("syntax error: unexpected $end"));
    }
    grammar::parse_tokens(&lexer::tokenize(text, invalid))
}
