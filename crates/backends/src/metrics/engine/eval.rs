//! The evaluator: one method a kind of node, values for all steps at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::annotations::Annotations;
use super::budget::Budget;
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::selector::Take;
use super::{QueryError, QueryLimits};
use crate::metrics::labels::Labels;
use crate::metrics::lang::ast::{Expr, Unary};
use crate::metrics::lang::token::Place;
use crate::metrics::store::Store;

/// Value of an expression over a grid.
#[derive(Debug)]
pub(super) enum Value {
    /// A number for each step.
    Scalar(Vec<f64>),
    /// Series with values at some steps.
    Vector(Vec<Column>),
    /// A string literal.
    Text(String),
}

/// Evaluates the nodes of one query.
pub(super) struct Evaluator<'a> {
    pub(super) store: &'a Store,
    pub(super) budget: &'a Budget,
    /// Milliseconds.
    pub(super) lookback: i64,
    /// First and last time of the whole query, for `@ start()` and `@ end()`.
    pub(super) query_start: i64,
    pub(super) query_end: i64,
    /// The selectors of whose histograms only count and sum are looked at.
    pub(super) without_buckets: HashSet<Place>,
    annotations: Mutex<Annotations>,
}

impl<'a> Evaluator<'a> {
    /// `times` are the query's own, even where the last step falls short of the end.
    pub(super) fn new(
        store: &'a Store,
        expr: &Expr,
        times: (i64, i64),
        limits: &QueryLimits,
        budget: &'a Budget,
    ) -> Self {
        let mut without_buckets = HashSet::new();
        find_counted(expr, false, &mut without_buckets);
        Self {
            store,
            budget,
            without_buckets,
            lookback: i64::try_from(limits.lookback.as_millis()).unwrap_or(i64::MAX / 8),
            query_start: times.0,
            query_end: times.1,
            annotations: Mutex::default(),
        }
    }

    /// Warnings and infos of the query, to be added to.
    pub(super) fn annotations(&self) -> MutexGuard<'_, Annotations> {
        self.annotations.lock()
    }

    /// As [`Self::annotations`], for what adds few or none.
    pub(super) fn shared_annotations(&self) -> &Mutex<Annotations> {
        &self.annotations
    }

    pub(super) fn into_annotations(self) -> Annotations {
        self.annotations.into_inner()
    }

    /// Evaluates any node that is not a range vector.
    pub(super) fn eval(&self, expr: &Expr, grid: &Grid) -> Result<Value, QueryError> {
        self.budget.check_time()?;
        match expr {
            Expr::Paren(inner, _) => self.eval(inner, grid),
            Expr::Number(number) => self.constant(number.value, grid),
            Expr::Text(text) => Ok(Value::Text(text.value.clone())),
            Expr::Vector(vector) => self.select(vector, grid, Take::Values).map(Value::Vector),
            Expr::Unary(unary) => self.unary(unary, grid),
            Expr::Binary(binary) => self.binary(binary, grid),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, grid).map(Value::Vector),
            Expr::Call(call) => self.call(call, grid),
            Expr::Matrix(_) | Expr::Subquery(_) => Err(mismatch("instant vector", expr)),
        }
    }

    /// Evaluates a node that must be an instant vector.
    pub(super) fn vector(&self, expr: &Expr, grid: &Grid) -> Result<Vec<Column>, QueryError> {
        match self.eval(expr, grid)? {
            Value::Vector(columns) => Ok(columns),
            _ => Err(mismatch("instant vector", expr)),
        }
    }

    /// Evaluates a node that must be a number.
    pub(super) fn scalar(&self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr, grid)? {
            Value::Scalar(values) => Ok(values),
            _ => Err(mismatch("scalar", expr)),
        }
    }

    /// Evaluates a node that must be a string.
    pub(super) fn text(&self, expr: &Expr, grid: &Grid) -> Result<String, QueryError> {
        match self.eval(expr, grid)? {
            Value::Text(text) => Ok(text),
            _ => Err(mismatch("string", expr)),
        }
    }

    pub(super) fn constant(&self, value: f64, grid: &Grid) -> Result<Value, QueryError> {
        self.budget.make(grid.len())?;
        Ok(Value::Scalar(vec![value; grid.len()]))
    }

    fn unary(&self, unary: &Unary, grid: &Grid) -> Result<Value, QueryError> {
        let value = self.eval(&unary.expr, grid)?;
        if !unary.negates {
            return Ok(value);
        }
        match value {
            Value::Scalar(mut values) => {
                values.iter_mut().for_each(|value| *value = -*value);
                Ok(Value::Scalar(values))
            }
            Value::Vector(mut columns) => {
                for column in &mut columns {
                    column.labels = column.labels.without_name();
                    let values = column.values.iter_mut();
                    values
                        .filter(|it| !is_absent(**it))
                        .for_each(|it| *it = -*it);
                    for histogram in column.histograms.iter_mut().flatten() {
                        self.budget.make(histogram.bytes() / size_of::<f64>())?;
                        Arc::make_mut(histogram).multiply(-1.0);
                    }
                }
                merge(columns).map(Value::Vector)
            }
            Value::Text(_) => Err(mismatch("scalar or instant vector", &unary.expr)),
        }
    }
}

/// Finds the selectors inside of functions that look at the count and the sum of histograms alone, unless something
/// around them looks at buckets.
fn find_counted(expr: &Expr, counted: bool, found: &mut HashSet<Place>) {
    let counted = match expr {
        Expr::Subquery(_) => return,
        Expr::Binary(binary) if binary.op.trims() => return,
        Expr::Call(call) => match call.function.name {
            "histogram_count" | "histogram_sum" | "histogram_avg" => true,
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => return,
            _ => counted,
        },
        _ => counted,
    };
    match expr {
        Expr::Vector(_) | Expr::Matrix(_) if counted => {
            found.insert(expr.place());
        }
        _ => {
            for child in expr.children() {
                find_counted(child, counted, found);
            }
        }
    }
}

fn mismatch(wanted: &str, expr: &Expr) -> QueryError {
    QueryError::BadData(format!(
        "parse error: expected type {wanted}, got {}",
        expr.kind().name()
    ))
}

/// Applies a function to each number (with the number of its step) and drops the metric's name.
/// `None` takes the number out; histograms are taken out in any case.
pub(super) fn map_values(
    mut columns: Vec<Column>,
    mut function: impl FnMut(f64, usize) -> Option<f64>,
) -> Result<Vec<Column>, QueryError> {
    for column in &mut columns {
        column.labels = column.labels.without_name();
        column.histograms = Vec::new();
        for (step, value) in column.values.iter_mut().enumerate() {
            if !is_absent(*value) {
                *value = function(*value, step).unwrap_or(ABSENT);
            }
        }
    }
    columns.retain(|column| !column.is_void());
    merge(columns)
}

/// Joins columns of the same labels.
///
/// # Errors
/// When two of them have a value at the same step.
pub(super) fn merge(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(columns.len());
    let mut merged: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        let Some(place) = places.get(&column.labels) else {
            places.insert(column.labels.clone(), merged.len());
            merged.push(column);
            continue;
        };
        let known = &mut merged[*place];
        for step in 0..column.values.len() {
            let sample = column.sample(step);
            if sample.is_none() {
                continue;
            }
            if known.has(step) {
                return Err(same_labelset());
            }
            known.set(step, sample);
        }
    }
    Ok(merged)
}

/// As [`merge`] for functions over ranges, where Prometheus refuses two series of the same labels even
/// if they never have a value at the same step.
pub(super) fn refuse_same_labels(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut seen = std::collections::HashSet::with_capacity(columns.len());
    if columns.iter().all(|column| seen.insert(&column.labels)) {
        return Ok(columns);
    }
    Err(same_labelset())
}

/// The error of Prometheus for two results that cannot be told apart.
pub(super) fn same_labelset() -> QueryError {
    QueryError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}
