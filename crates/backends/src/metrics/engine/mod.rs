//! PromQL, read as Prometheus 3 reads it ([`lang`]) and evaluated with its numbers.
//!
//! An expression is evaluated once for all steps of a query: each node gives columns with one value a
//! step, see [`grid`]. Two rules keep hostile input harmless: the parser bounds the length, the depth and the
//! regular expressions of a query, and [`budget`] counts what an evaluation reads, writes and how long it takes.

mod aggregate;
mod annotations;
mod binary;
mod budget;
mod calendar;
mod call;
mod classic;
mod elementwise;
mod eval;
mod functions;
mod grid;
mod histogram;
mod kahan;
mod label_functions;
mod matching;
mod mixed;
mod over_time;
mod quantile;
mod range;
mod ranking;
mod rate;
mod regression;
mod selector;
mod set;

use std::sync::Arc;
use std::time::Duration;

use super::histogram::Histogram;
use super::labels::Labels;
use super::lang::ast::{Expr, Type};
use super::lang::{self, Times};
use super::store::{Selector, Store};
use crate::wire::{Stop, Stopped};
use budget::Budget;
use eval::{Evaluator, Value};
use grid::Grid;

#[cfg(test)]
pub(crate) use functions::signature;
pub use grid::Sample;
pub(crate) use grid::{Column, is_absent};

/// Bounds of one query, the first three as Prometheus' own flags and constants.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    /// Lookback of an instant selector for a sample (`--query.lookback-delta`).
    pub lookback: Duration,
    /// Longest evaluation (`--query.timeout`).
    pub timeout: Duration,
    /// Samples that one query may read (`--query.max-samples`).
    pub max_samples: u64,
    /// Values that one query may compute, over all intermediate results.
    pub max_points: u64,
    /// Values that an answer may have.
    pub max_result: usize,
}

impl QueryLimits {
    /// The defaults beside a store of `max_bytes`: what a query computes and answers takes at most an
    /// eighth as much, or 16 MiB if that is more.
    #[must_use]
    pub fn for_store_of(max_bytes: usize) -> Self {
        let bytes = (max_bytes / 8).max(16 << 20);
        let most = Self::default();
        Self {
            max_points: most.max_points.min(bytes as u64 / 8),
            max_result: most.max_result.min(bytes / JSON_BYTES),
            ..most
        }
    }
}

/// Bytes of a value with its time, written as JSON.
pub(crate) const JSON_BYTES: usize = 30;

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

/// Errors of a query.
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
    /// The client has hung up.
    #[error("query was canceled in expression evaluation")]
    Canceled,
}

impl From<Stopped> for QueryError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Late(_) => Self::Timeout,
            Stopped::Gone => Self::Canceled,
        }
    }
}

/// Data that a query results in.
#[derive(Debug)]
pub enum QueryData {
    /// A number at the time of an instant query.
    Scalar(f64),
    /// A string literal.
    Text(String),
    /// One value a series at the time of an instant query.
    Vector(Vec<(Labels, Sample)>),
    /// Samples of each series.
    Matrix(Vec<(Labels, Points)>),
}

/// Samples of one series, each with its time in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// Numbers.
    pub numbers: Vec<(i64, f64)>,
    /// Histograms.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

impl Points {
    fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.histograms.is_empty()
    }

    /// Values that it has as JSON: a bucket counts as one.
    fn size(&self) -> usize {
        let buckets = self.histograms.iter().map(|it| 2 + 2 * it.1.len());
        self.numbers.len() + buckets.sum::<usize>()
    }

    /// The values of a column at the steps of a query.
    fn of(column: &Column, grid: &Grid) -> Self {
        let histograms = column.histograms.iter().enumerate();
        Self {
            numbers: (column.values.iter().enumerate())
                .filter(|(_, value)| !is_absent(**value))
                .map(|(step, value)| (grid.time(step), *value))
                .collect(),
            histograms: histograms
                .filter_map(|(step, it)| Some((grid.time(step), it.clone()?)))
                .collect(),
        }
    }
}

/// The result of a query, with the warnings that came up on the way.
#[derive(Debug)]
pub struct Evaluated {
    /// The data.
    pub data: QueryData,
    /// Warnings: the result is probably wrong. Sorted, each once.
    pub warnings: Vec<String>,
    /// Infos: the result may surprise. Sorted, each once.
    pub infos: Vec<String>,
}

fn parse(query: &str, times: Times) -> Result<Expr, QueryError> {
    lang::parse(query, times, functions::signature).map_err(QueryError::BadData)
}

/// Parses a query that is not evaluated.
///
/// # Errors
/// [`QueryError::BadData`] with the position and the problem.
pub(crate) fn parse_any(query: &str) -> Result<Expr, QueryError> {
    parse(query, Times::ANY)
}

/// The selectors of a query, for requests that ask about series instead of values.
///
/// # Errors
/// [`QueryError::BadData`] with the position and the problem.
pub fn selectors(query: &str) -> Result<Vec<Selector>, QueryError> {
    let expr = parse_any(query)?;
    let mut found = Vec::new();
    let mut waiting = vec![&expr];
    while let Some(node) = waiting.pop() {
        match node {
            Expr::Vector(vector) => found.push(vector.selector.clone()),
            Expr::Matrix(matrix) => found.push(matrix.vector.selector.clone()),
            _ => waiting.extend(node.children().into_iter().rev()),
        }
    }
    Ok(found)
}

/// Parses one series selector, as in `match[]`.
///
/// # Errors
/// [`QueryError::BadData`] for anything but a plain vector selector.
pub(crate) fn series_selector(text: &str) -> Result<Selector, QueryError> {
    lang::parse_selector(text).map_err(QueryError::BadData)
}

/// As [`series_selector`], which may match every series.
///
/// # Errors
/// As [`series_selector`].
pub(crate) fn any_selector(text: &str) -> Result<Selector, QueryError> {
    lang::parse_any_selector(text).map_err(QueryError::BadData)
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
    stop: &Stop,
) -> Result<Evaluated, QueryError> {
    let expr = parse(query, Times::INSTANT)?;
    let grid = Grid::instant(time);
    let budget = Budget::new(limits, stop);
    let evaluator = Evaluator::new(store, &expr, (time, time), limits, &budget);
    let bare = expr.bare();
    let data = if matches!(bare, Expr::Matrix(_) | Expr::Subquery(_)) {
        let matrix = evaluator.raw_ranges(bare, &grid)?;
        check_size(matrix.iter().map(|(_, points)| points.size()).sum(), limits)?;
        QueryData::Matrix(sorted(matrix))
    } else {
        match evaluator.eval(&expr, &grid)? {
            Value::Scalar(values) => QueryData::Scalar(values.first().copied().unwrap_or(f64::NAN)),
            Value::Text(text) => QueryData::Text(text),
            Value::Vector(mut columns) => {
                if !call::sets_order(bare) {
                    columns.sort_by(|left, right| left.labels.cmp(&right.labels));
                }
                let of_histograms = columns.iter().filter_map(|it| it.histogram(0));
                check_size(of_histograms.map(|it| 2 + 2 * it.len()).sum(), limits)?;
                let first = |column: Column| Some((column.labels.clone(), column.sample(0)?));
                QueryData::Vector(columns.into_iter().filter_map(first).collect())
            }
        }
    };
    Ok(evaluated(data, evaluator, query))
}

fn evaluated(data: QueryData, evaluator: Evaluator<'_>, query: &str) -> Evaluated {
    let (warnings, infos) = evaluator.into_annotations().into_texts(query);
    Evaluated {
        data,
        warnings,
        infos,
    }
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
    stop: &Stop,
) -> Result<Evaluated, QueryError> {
    let times = Times {
        step: step as f64 / 1000.0,
        range: (end - start) as f64 / 1000.0,
    };
    let expr = parse(query, times)?;
    let kind = expr.kind();
    if !matches!(kind, Type::Scalar | Type::Vector) {
        return Err(QueryError::BadData(format!(
            "invalid expression type {:?} for range query, must be Scalar or instant Vector",
            kind.name()
        )));
    }
    let grid = Grid::new(start, end, step);
    let budget = Budget::new(limits, stop);
    let evaluator = Evaluator::new(store, &expr, (start, end), limits, &budget);
    let columns = match evaluator.eval(&expr, &grid)? {
        Value::Vector(columns) => columns,
        Value::Scalar(values) => vec![Column::new(Labels::empty(), values)],
        Value::Text(_) => Vec::new(),
    };
    check_size(columns.len() * grid.len(), limits)?;
    let matrix: Matrix = columns
        .into_iter()
        .map(|column| (column.labels.clone(), Points::of(&column, &grid)))
        .filter(|(_, points)| !points.is_empty())
        .collect();
    check_size(matrix.iter().map(|it| it.1.size()).sum(), limits)?;
    Ok(evaluated(
        QueryData::Matrix(sorted(matrix)),
        evaluator,
        query,
    ))
}

/// Refuses a result of too many values.
fn check_size(values: usize, limits: &QueryLimits) -> Result<(), QueryError> {
    if values > limits.max_result {
        return Err(QueryError::Execution(format!(
            "the result of {values} samples is larger than the limit of {}: ask for fewer series or a longer step",
            limits.max_result
        )));
    }
    Ok(())
}

type Matrix = Vec<(Labels, Points)>;

fn sorted(mut matrix: Matrix) -> Matrix {
    matrix.sort_by(|left, right| left.0.cmp(&right.0));
    matrix
}
