//! The language: text to a checked tree, with the errors of Prometheus 3.
//!
//! 1. [`lexer`] makes tokens, as its lexer does
//! 2. [`parser`] makes a tree of them ([`ast`]), by its grammar
//! 3. [`check`] looks at the types
//!
//! What Prometheus has behind a feature flag is refused in its words, as it does with the default flags.

pub(crate) mod ast;
mod check;
mod duration;
mod functions;
mod lexer;
mod literal;
mod parser;
mod selector;
#[cfg(test)]
mod tests;
pub(crate) mod token;

use ast::{Expr, Moved};
use parser::Problem;
use token::Place;

use crate::metrics::store::Selector;

/// Longest query, bytes.
const MAX_LENGTH: usize = 64 * 1024;

/// What `step()` and `range()` stand for in a duration, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Between two evaluations; 0 in an instant query.
    pub(crate) step: f64,
    /// From the first evaluation to the last; 0 in an instant query.
    pub(crate) range: f64,
}

impl Times {
    /// Of an instant query.
    pub(crate) const INSTANT: Self = Self {
        step: 0.0,
        range: 0.0,
    };

    /// For who asks for selectors only: any length of a range does.
    pub(crate) const ANY: Self = Self {
        step: 1.0,
        range: 1.0,
    };
}

/// Parses a query that is evaluated at `times` and checks its types.
///
/// # Errors
/// The text of Prometheus, with line and column.
pub(crate) fn parse(query: &str, times: Times) -> Result<Expr, String> {
    if query.len() > MAX_LENGTH {
        return Err(format!(
            "parse error: query of {} bytes is longer than the limit of {MAX_LENGTH}",
            query.len()
        ));
    }
    let named = |problem: Problem| {
        format!(
            "{}: parse error: {}",
            position(query, problem.place),
            problem.text
        )
    };
    let expr = parser::parse(query, times).map_err(named)?;
    match check::check(&expr).into_iter().next() {
        Some(problem) => Err(named(problem)),
        None => Ok(expr),
    }
}

/// Parses one series selector, as in `match[]`.
///
/// # Errors
/// As [`parse`]; and what is another expression.
pub(crate) fn parse_selector(text: &str) -> Result<Selector, String> {
    match parse(text, Times::ANY)? {
        Expr::Vector(vector) if vector.moved == Moved::default() => Ok(vector.selector),
        _ => Err(format!(
            "1:1: parse error: {} is not a series selector",
            token::quote(text)
        )),
    }
}

/// Line and column of a place, both from 1, the column in bytes.
pub(crate) fn position(query: &str, place: Place) -> String {
    if query.is_empty() {
        return "unknown position".to_owned();
    }
    let before = &query.as_bytes()[..place.0.min(query.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n');
    let column = before.len() - start.map_or(0, |start| start + 1) + 1;
    format!("{line}:{column}")
}
