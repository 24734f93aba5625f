//! LogQL: text to tree and back. The grammar is the one of Loki's documentation,
//! <https://grafana.com/docs/loki/latest/query/>; what the lab does not evaluate is refused by name.

mod ast;
mod error;
mod format;
mod grammar;
mod grammar_metric;
mod grammar_stages;
mod lexer;
mod tokens;
pub mod units;

pub use ast::{
    BinaryOp, BinaryOpKind, CompareOp, Expr, Extraction, Grouping, LabelFilter, LabelFormat,
    LineFilter, LineMatch, LogExpr, LogRange, MatchOp, Matcher, Matching, MetricExpr, NamedMatcher,
    Parser, RangeOp, Stage, Unwrap, UnwrapConversion, VectorOp,
};
pub use error::ParseError;
pub use format::pretty;
pub(crate) use lexer::quoted_text;

use std::sync::Arc;

/// Bytes that a query may have, as in Loki.
const MAX_INPUT: usize = 131_072;

/// Parses a query.
///
/// # Errors
/// Where and why the text is no query, in the form of Loki's messages.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let expr = parse_unchecked(text)?;
    check_selectors(&expr)?;
    Ok(expr)
}

/// Parses a log query and nothing else.
///
/// # Errors
/// As [`parse`]; also when the text is a metric query.
pub fn parse_log(text: &str) -> Result<LogExpr, ParseError> {
    match parse(text)? {
        Expr::Log(log) => Ok(log),
        Expr::Metric(_) => Err(ParseError::plain("only log selector is supported")),
    }
}

/// Parses a stream selector without any stage, as `match[]` takes it.
///
/// # Errors
/// As [`parse`]; also when there is more than a selector.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    match parse(text)? {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.matchers),
        _ => Err(ParseError::plain("only label matchers are supported")),
    }
}

/// Parses the labels of a pushed stream, `{a="b", c="d"}`.
///
/// # Errors
/// As [`parse`]; also when a label is not compared by `=`.
pub fn parse_stream_labels(text: &str) -> Result<Vec<(String, Arc<str>)>, ParseError> {
    let Expr::Log(log) = parse_unchecked(text)? else {
        return Err(ParseError::plain("only label matchers are supported"));
    };
    if !log.stages.is_empty() || log.matchers.iter().any(|m| m.op != MatchOp::Equal) {
        return Err(ParseError::plain(
            "labels of a stream are name=\"value\" pairs",
        ));
    }
    Ok(log
        .matchers
        .into_iter()
        .map(|m| (m.name, m.value))
        .collect())
}

fn parse_unchecked(text: &str) -> Result<Expr, ParseError> {
    if text.len() >= MAX_INPUT {
        return Err(ParseError::plain(format!(
            "input size too long ({} > {MAX_INPUT})",
            text.len()
        )));
    }
    let tokens = lexer::tokenize(text)?;
    grammar::parse_tokens(text, &tokens)
}

/// Every selector needs a matcher that does not accept the absence of its label.
fn check_selectors(expr: &Expr) -> Result<(), ParseError> {
    match expr {
        Expr::Log(log) => check_matchers(&log.matchers),
        Expr::Metric(metric) => check_metric(metric),
    }
}

fn check_metric(expr: &MetricExpr) -> Result<(), ParseError> {
    match expr {
        MetricExpr::Range { range, .. } => check_matchers(&range.log.matchers),
        MetricExpr::Aggregation { inner, .. } | MetricExpr::LabelReplace { inner, .. } => {
            check_metric(inner)
        }
        MetricExpr::Binary { left, right, .. } => {
            check_metric(left)?;
            check_metric(right)
        }
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => Ok(()),
    }
}

fn check_matchers(matchers: &[Matcher]) -> Result<(), ParseError> {
    for matcher in matchers {
        if !matcher.compile()?.comparison.accepts("") {
            return Ok(());
        }
    }
    Err(ParseError::plain(
        "queries require at least one regexp or equality matcher that does not have an \
         empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but \
         app=~\".+\" will",
    ))
}
