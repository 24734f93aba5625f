//! PromQL: parsed by `promql-parser`, evaluated here with the numbers of Prometheus 3.
//!
//! An expression is evaluated once for all steps of a query: each node gives columns with one value a
//! step, see [`grid`]. Two rules keep hostile input harmless: [`guard`] looks at the text before the
//! parser does, and [`budget`] counts what an evaluation reads, writes and how long it takes.

mod admit;
mod aggregate;
mod binary;
mod budget;
mod calendar;
mod call;
mod elementwise;
mod eval;
mod grid;
mod guard;
mod histogram;
mod kahan;
mod label_functions;
mod matching;
mod over_time;
mod range;
mod ranking;
mod rate;
mod regression;
mod selector;
mod set;

use std::time::Duration;

use promql_parser::parser::{self, Expr};

use super::labels::Labels;
use super::store::{Selector, Store};
use budget::Budget;
use eval::{Evaluator, Value};
use grid::Grid;

pub(crate) use grid::{Column, is_absent};

/// Bounds of one query, the first three as Prometheus' own flags and constants.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// How far back an instant selector looks for a sample (`--query.lookback-delta`).
    pub lookback: Duration,
    /// Longest evaluation (`--query.timeout`).
    pub timeout: Duration,
    /// Samples that one query may read (`--query.max-samples`).
    pub max_samples: u64,
    /// Values that one query may compute, over all intermediate results.
    pub max_points: u64,
    /// Values that an answer may have. Written as JSON each takes some thirty bytes.
    pub max_result: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            lookback: Duration::from_secs(300),
            timeout: Duration::from_secs(30),
            max_samples: 50_000_000,
            max_points: 10_000_000,
            max_result: 2_000_000,
        }
    }
}

/// Why a query has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Not a valid or not a supported query.
    #[error("{0}")]
    BadData(String),
    /// Valid, but it fails on the data.
    #[error("{0}")]
    Execution(String),
    /// Took longer than [`QueryLimits::timeout`].
    #[error("query timed out in expression evaluation")]
    Timeout,
}

/// What a query gives.
#[derive(Debug)]
pub enum Answer {
    /// A number at the time of an instant query.
    Scalar(f64),
    /// A string literal.
    Text(String),
    /// One value a series at the time of an instant query.
    Vector(Vec<(Labels, f64)>),
    /// Samples of each series.
    Matrix(Vec<(Labels, Vec<(i64, f64)>)>),
}

/// An answer with the warnings that came up on the way.
#[derive(Debug)]
pub struct Evaluated {
    /// The data.
    pub answer: Answer,
    /// Sorted, each once.
    pub warnings: Vec<String>,
}

/// Parses a query and refuses what the evaluator does not support.
///
/// # Errors
/// [`QueryError::BadData`] with a text that names the position or the construct.
pub fn parse(query: &str) -> Result<Expr, QueryError> {
    guard::check(query).map_err(QueryError::BadData)?;
    let expr =
        parser::parse(query).map_err(|text| QueryError::BadData(format!("parse error: {text}")))?;
    admit::check(&expr).map_err(|text| QueryError::BadData(format!("parse error: {text}")))?;
    Ok(expr)
}

/// The selectors of a query, for requests that ask about series instead of values.
///
/// # Errors
/// As [`parse`].
pub fn selectors(query: &str) -> Result<Vec<Selector>, QueryError> {
    let expr = parse(query)?;
    let mut found = Vec::new();
    admit::visit(&expr, &mut |node, _| {
        let vector = match node {
            Expr::VectorSelector(vector) => vector,
            Expr::MatrixSelector(matrix) => &matrix.vs,
            _ => return Ok(()),
        };
        found.push(selector::compile(vector).map_err(|error| error.to_string())?);
        Ok(())
    })
    .map_err(QueryError::BadData)?;
    Ok(found)
}

/// Parses one series selector, as in `match[]`.
///
/// # Errors
/// [`QueryError::BadData`] for anything but a plain vector selector.
pub fn series_selector(text: &str) -> Result<Selector, QueryError> {
    match parse(text)? {
        Expr::VectorSelector(vector) if vector.offset.is_none() && vector.at.is_none() => {
            selector::compile(&vector)
        }
        _ => Err(QueryError::BadData(format!(
            "parse error: {text:?} is not a series selector"
        ))),
    }
}

/// Evaluates a query at one time (milliseconds).
///
/// # Errors
/// See [`QueryError`].
pub fn instant(
    store: &Store,
    query: &str,
    time: i64,
    limits: &QueryLimits,
) -> Result<Evaluated, QueryError> {
    let expr = parse(query)?;
    let grid = Grid::instant(time);
    let budget = Budget::new(limits);
    let evaluator = Evaluator::new(store, (time, time), limits, &budget);
    let bare = strip_parens(&expr);
    let answer = if matches!(bare, Expr::MatrixSelector(_) | Expr::Subquery(_)) {
        let matrix = evaluator.raw_ranges(bare, &grid)?;
        check_size(
            matrix.iter().map(|(_, samples)| samples.len()).sum(),
            limits,
        )?;
        Answer::Matrix(sorted(matrix))
    } else {
        match evaluator.eval(&expr, &grid)? {
            Value::Scalar(values) => Answer::Scalar(values.first().copied().unwrap_or(f64::NAN)),
            Value::Text(text) => Answer::Text(text),
            Value::Vector(mut columns) => {
                if !call::sets_order(bare) {
                    columns.sort_by(|left, right| left.labels.cmp(&right.labels));
                }
                let vector = columns
                    .into_iter()
                    .filter_map(|column| {
                        let value = *column.values.first()?;
                        (!is_absent(value)).then_some((column.labels, value))
                    })
                    .collect();
                Answer::Vector(vector)
            }
        }
    };
    Ok(Evaluated {
        answer,
        warnings: evaluator.into_warnings(),
    })
}

/// Evaluates a query at `start`, `start + step`, … up to `end` (milliseconds).
///
/// # Errors
/// See [`QueryError`].
pub fn range(
    store: &Store,
    query: &str,
    start: i64,
    end: i64,
    step: i64,
    limits: &QueryLimits,
) -> Result<Evaluated, QueryError> {
    let expr = parse(query)?;
    let kind = match strip_parens(&expr) {
        Expr::MatrixSelector(_) | Expr::Subquery(_) => Some("range vector"),
        Expr::StringLiteral(_) => Some("string"),
        _ => None,
    };
    if let Some(kind) = kind {
        return Err(QueryError::BadData(format!(
            "invalid expression type {kind:?} for range query, must be Scalar or instant Vector"
        )));
    }
    let grid = Grid::new(start, end, step);
    let budget = Budget::new(limits);
    let evaluator = Evaluator::new(store, (start, end), limits, &budget);
    let columns = match evaluator.eval(&expr, &grid)? {
        Value::Vector(columns) => columns,
        Value::Scalar(values) => vec![Column {
            labels: Labels::empty(),
            values,
        }],
        Value::Text(_) => Vec::new(),
    };
    check_size(columns.len() * grid.len(), limits)?;
    let matrix = columns
        .into_iter()
        .map(|column| {
            let points = column
                .values
                .iter()
                .enumerate()
                .filter(|(_, value)| !is_absent(**value))
                .map(|(index, value)| (grid.time(index), *value))
                .collect::<Vec<_>>();
            (column.labels, points)
        })
        .filter(|(_, points)| !points.is_empty())
        .collect();
    Ok(Evaluated {
        answer: Answer::Matrix(sorted(matrix)),
        warnings: evaluator.into_warnings(),
    })
}

/// Refuses an answer of too many values.
fn check_size(values: usize, limits: &QueryLimits) -> Result<(), QueryError> {
    if values > limits.max_result {
        return Err(QueryError::Execution(format!(
            "the result of {values} samples is larger than the limit of {}: ask for fewer series or a longer step",
            limits.max_result
        )));
    }
    Ok(())
}

type Matrix = Vec<(Labels, Vec<(i64, f64)>)>;

fn sorted(mut matrix: Matrix) -> Matrix {
    matrix.sort_by(|left, right| left.0.cmp(&right.0));
    matrix
}

/// The expression inside any parentheses around it.
fn strip_parens(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expr {
        expr = &paren.expr;
    }
    expr
}
