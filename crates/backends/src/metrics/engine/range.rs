//! Range vectors: for each step the samples of each series in a window, open on the left.

use super::QueryError;
use super::eval::{Evaluator, Value};
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::selector::Shift;
use crate::metrics::labels::Labels;
use crate::metrics::lang::ast::Expr;
use crate::metrics::sample::is_stale;

/// Step of a subquery that names none: Prometheus' default `global.evaluation_interval`.
const DEFAULT_SUBQUERY_STEP_MS: i64 = 60_000;

/// The samples of one series at one step. Never empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) times: &'a [i64],
    pub(super) values: &'a [f64],
    /// The window spans `start < time <= end`, milliseconds.
    pub(super) start: i64,
    pub(super) end: i64,
    /// The time of the step, which `offset` and `@` do not move.
    pub(super) time: i64,
    /// Number of the step.
    pub(super) step: usize,
}

impl Window<'_> {
    /// Its length in seconds.
    pub(super) fn seconds(&self) -> f64 {
        (self.end - self.start) as f64 / 1000.0
    }
}

/// The length and place of the windows of one range expression.
#[derive(Debug, Clone, Copy)]
struct Frame {
    shift: Shift,
    range: i64,
}

impl Frame {
    fn bounds(&self, time: i64) -> (i64, i64) {
        let end = self.shift.apply(time);
        (end.saturating_sub(self.range), end)
    }
}

type EachSeries<'f> = dyn FnMut(&Labels, &[i64], &[f64], Frame) -> Result<(), QueryError> + 'f;

impl Evaluator<'_> {
    /// Hands over each series of a range expression with all samples that any step's window may hold.
    fn each_series(
        &self,
        expr: &Expr,
        grid: &Grid,
        each: &mut EachSeries<'_>,
    ) -> Result<(), QueryError> {
        match expr.bare() {
            Expr::Matrix(matrix) => {
                let frame = Frame {
                    shift: Shift::new(&matrix.vector.moved, self),
                    range: matrix.range,
                };
                let (after, until) = (frame.bounds(grid.start()).0, frame.bounds(grid.end()).1);
                let (mut times, mut values) = (Vec::new(), Vec::new());
                for series in self
                    .store
                    .select(&matrix.vector.selector, self.budget.stop())?
                {
                    times.clear();
                    values.clear();
                    series.read(after, until, &mut times, &mut values);
                    self.budget.read(times.len())?;
                    drop_stale(&mut times, &mut values);
                    each(series.labels(), &times, &values, frame)?;
                }
                Ok(())
            }
            Expr::Subquery(subquery) => {
                let frame = Frame {
                    shift: Shift::new(&subquery.moved, self),
                    range: subquery.range,
                };
                let step = subquery.step.unwrap_or(DEFAULT_SUBQUERY_STEP_MS).max(1);
                let (after, until) = (frame.bounds(grid.start()).0, frame.bounds(grid.end()).1);
                // Steps lie on multiples of the step since the epoch, whatever the query's times are.
                let first = (after.div_euclid(step) + 1).saturating_mul(step);
                let inner = Grid::new(first, until, step);
                self.budget.make(inner.len())?;
                let columns = match self.eval(&subquery.expr, &inner)? {
                    Value::Vector(columns) => columns,
                    Value::Scalar(values) => vec![Column {
                        labels: Labels::empty(),
                        values,
                    }],
                    Value::Text(_) => Vec::new(),
                };
                for column in columns {
                    let mut times: Vec<i64> =
                        (0..inner.len()).map(|index| inner.time(index)).collect();
                    let mut values = column.values;
                    drop_stale(&mut times, &mut values);
                    self.budget.read(times.len())?;
                    each(&column.labels, &times, &values, frame)?;
                }
                Ok(())
            }
            other => Err(QueryError::BadData(format!(
                "expected type range vector, got {}",
                other.kind().name()
            ))),
        }
    }

    /// Applies a function to each window. Where it gives `None`, the result has no value.
    pub(super) fn over_windows(
        &self,
        expr: &Expr,
        grid: &Grid,
        mut function: impl FnMut(&Window<'_>) -> Option<f64>,
    ) -> Result<Vec<Column>, QueryError> {
        let mut columns = Vec::new();
        self.each_series(expr, grid, &mut |labels, times, values, frame| {
            if times.is_empty() {
                return Ok(());
            }
            self.budget.make(grid.len())?;
            let mut column = Column {
                labels: labels.clone(),
                values: vec![ABSENT; grid.len()],
            };
            let (mut from, mut to, mut looked_at) = (0, 0, 0);
            for (step, slot) in column.values.iter_mut().enumerate() {
                let time = grid.time(step);
                let (start, end) = frame.bounds(time);
                while to < times.len() && times[to] <= end {
                    to += 1;
                }
                while from < to && times[from] <= start {
                    from += 1;
                }
                if from == to {
                    continue;
                }
                looked_at += to - from;
                let window = Window {
                    times: &times[from..to],
                    values: &values[from..to],
                    start,
                    end,
                    time,
                    step,
                };
                if let Some(value) = function(&window) {
                    *slot = value;
                }
            }
            // Long windows with short steps look at the same samples again and again.
            self.budget.read(looked_at / 8)?;
            if !column.is_void() {
                columns.push(column);
            }
            Ok(())
        })?;
        Ok(columns)
    }

    /// The samples themselves, for an instant query that is a range vector.
    pub(super) fn raw_ranges(&self, expr: &Expr, grid: &Grid) -> Result<super::Matrix, QueryError> {
        let mut matrix = Vec::new();
        self.each_series(expr, grid, &mut |labels, times, values, frame| {
            let (start, end) = frame.bounds(grid.start());
            let samples: Vec<(i64, f64)> = times
                .iter()
                .zip(values)
                .filter(|(time, _)| **time > start && **time <= end)
                .map(|(time, value)| (*time, *value))
                .collect();
            if !samples.is_empty() {
                self.budget.make(samples.len())?;
                matrix.push((labels.clone(), samples));
            }
            Ok(())
        })?;
        Ok(matrix)
    }
}

fn drop_stale(times: &mut Vec<i64>, values: &mut Vec<f64>) {
    if !values.iter().any(|value| is_stale(*value)) {
        return;
    }
    let mut kept = values.iter();
    times.retain(|_| kept.next().is_some_and(|value| !is_absent(*value)));
    values.retain(|value| !is_stale(*value));
}
