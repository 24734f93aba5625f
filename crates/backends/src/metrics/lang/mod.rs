//! The language: text to a checked tree, with the errors of Prometheus 3.
//!
//! 1. [`lexer`] makes tokens, as its lexer does
//! 2. [`parser`] makes a tree of them ([`ast`]), by its grammar
//! 3. [`check`] looks at the types
//!
//! Features behind a flag of Prometheus are refused in its words, as it does with the default flags.

pub(crate) mod ast;
mod calls;
mod check;
mod duration;
mod lexer;
mod literal;
mod metric;
mod modifiers;
mod parser;
mod pretty;
pub(crate) mod print;
mod selector;
pub(crate) mod signature;
#[cfg(test)]
mod tests;
pub(crate) mod token;

use ast::Expr;
use parser::Problem;
use signature::Lookup;
use token::Place;

use crate::metrics::store::Selector;

/// Longest query, bytes.
const MAX_LENGTH: usize = 64 * 1024;

/// Values of `step()` and `range()` in a duration, in seconds.
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

/// Parses a query that is evaluated at `times`, of the functions that `functions` finds, and checks its types.
///
/// # Errors
/// The text of Prometheus, with line and column.
pub(crate) fn parse(query: &str, times: Times, functions: Lookup) -> Result<Expr, String> {
    check_length(query)?;
    let expr = parser::parse(query, times, functions).map_err(|it| named(query, it))?;
    match check::check(&expr).into_iter().next() {
        Some(problem) => Err(named(query, problem)),
        None => Ok(expr),
    }
}

/// Parses one series selector, as in `match[]`.
///
/// # Errors
/// As [`parse`]; and for a selector that every series matches.
pub(crate) fn parse_selector(text: &str) -> Result<Selector, String> {
    let selector = parse_any_selector(text)?;
    if selector.matchers().iter().all(|it| it.accepts("")) {
        return Err("match[] must contain at least one non-empty matcher".to_owned());
    }
    Ok(selector)
}

/// Parses one series selector, which may match every series.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_any_selector(text: &str) -> Result<Selector, String> {
    check_length(text)?;
    let parsed = parser::parse_selector(text).map_err(|it| named(text, it))?;
    Ok(parsed.selector)
}

/// Parses the labels of one series, `name{label="value"}`. The name is the label `__name__`.
///
/// # Errors
/// As [`parse`].
pub(crate) fn parse_metric(text: &str) -> Result<Vec<(String, String)>, String> {
    check_length(text)?;
    parser::parse_metric(text).map_err(|it| named(text, it))
}

fn check_length(text: &str) -> Result<(), String> {
    if text.len() > MAX_LENGTH {
        return Err(format!(
            "parse error: query of {} bytes is longer than the limit of {MAX_LENGTH}",
            text.len()
        ));
    }
    Ok(())
}

/// A problem with its place in the text.
fn named(text: &str, problem: Problem) -> String {
    let place = position(text, problem.place);
    format!("{place}: parse error: {}", problem.text)
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
