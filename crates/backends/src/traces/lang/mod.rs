//! TraceQL: the language in which Tempo is asked for spans
//! (<https://grafana.com/docs/tempo/latest/traceql/>).
//!
//! A query is split into lexemes, parsed, checked, and then evaluated trace by trace. What cannot
//! be answered is refused by name: `parent.` attributes and arithmetic between aggregates.

pub(crate) mod ast;
pub(crate) mod check;
mod cursor;
mod expression;
mod lexer;
pub(crate) mod literal;
mod metrics;
mod parse;
mod unfinished;

use thiserror::Error;

use crate::wire::quote;

pub use ast::Query;
pub(crate) use ast::{AttributeScope, Field, Intrinsic, KINDS, STATUSES};
pub(crate) use literal::duration as parse_duration;
pub(crate) use metrics::{Compare, Metrics, MetricsFunction, Ranked};
pub(crate) use unfinished::parse_unfinished;

/// Errors of a query, in the form of Tempo's.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum QueryError {
    /// The text is not TraceQL.
    #[error("parse error {}: {message}", place(*line, *column))]
    Syntax {
        /// From 1; 0 where Tempo loses it.
        line: usize,
        /// In characters, from 1; 0 where there is no place.
        column: usize,
        /// The lexeme that was found, and those expected.
        message: String,
    },
    /// It is, but makes no sense or is not supported.
    #[error("{0}")]
    Invalid(String),
}

/// A place as Tempo writes it.
fn place(line: usize, column: usize) -> String {
    match (line, column) {
        (0, 0) => String::new(),
        _ => format!("at line {line}, col {column}"),
    }
}

/// Parses and checks a query.
///
/// # Errors
///
/// [`QueryError`], naming the place or the construct. Never panics, and takes time and memory
/// proportional to the text.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    parse_bytes(text.as_bytes())
}

/// As [`parse()`], of bytes that may be no UTF-8.
///
/// # Errors
///
/// As [`parse()`]; also for bytes that are not UTF-8.
pub(crate) fn parse_bytes(query: &[u8]) -> Result<Query, QueryError> {
    let invalid = std::str::from_utf8(query).err();
    let text = quote::valid(query);
    let query = parse::query(&text, invalid.map(|error| error.valid_up_to()))?;
    check::query(&query)?;
    Ok(query)
}

/// Parses the name of one attribute or intrinsic, as it stands in a query.
///
/// # Errors
///
/// [`QueryError`] if it is anything else.
pub(crate) fn parse_field(text: &str) -> Result<Field, QueryError> {
    parse::single_field(text)
}
