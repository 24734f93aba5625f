//! Function calls: evaluates a call by its row in the table of functions, and the functions that need more
//! than a value or a window.

use super::annotations::Note;
use super::calendar;
use super::eval::{Evaluator, Value, map_values, refuse_same_labels};
use super::functions::{self, Evaluation};
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::label_functions::absent_labels;
use super::range::{Mixed, Window, place_of_range};
use super::selector::Take;
use super::{QueryError, elementwise, mixed, over_time, ranking, regression};
use crate::metrics::labels::Labels;
use crate::metrics::lang::ast::{Call, Expr};

/// Tells if the order of an instant vector is part of the expression's meaning.
pub(super) fn sets_order(expr: &Expr) -> bool {
    use crate::metrics::lang::token::Aggregation::{Bottomk, Topk};
    match expr {
        Expr::Call(call) => functions::find(call.function.name)
            .is_some_and(|function| matches!(function.evaluation, Evaluation::Sort { .. })),
        Expr::Aggregate(aggregate) => matches!(aggregate.op, Topk | Bottomk),
        _ => false,
    }
}

impl Evaluator<'_> {
    pub(super) fn call(&self, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
        let name = call.function.name;
        let Some(function) = functions::find(name) else {
            return Err(not_enabled(name));
        };
        let columns = match function.evaluation {
            Evaluation::Window(compute, mixed) => {
                unnamed(self.over_windows(argument(call, 0)?, grid, compute, mixed)?)
            }
            Evaluation::Pick(pick, mixed) => {
                refuse_same_labels(self.over_windows(argument(call, 0)?, grid, pick, mixed)?)
            }
            Evaluation::Counter(compute, mixed) => {
                let columns = self.over_windows(argument(call, 0)?, grid, compute, mixed)?;
                self.note_gauges(&columns, argument(call, 0)?);
                unnamed(columns)
            }
            Evaluation::Value(compute) => {
                map_values(self.vector(argument(call, 0)?, grid)?, |value, _| {
                    Some(compute(value))
                })
            }
            Evaluation::Native(compute) => self.of_histograms(argument(call, 0)?, grid, compute),
            Evaluation::Date(field) => {
                let columns = match call.args.first() {
                    Some(expr) => self.vector(expr, grid)?,
                    None => vec![self.now_column(grid)?],
                };
                map_values(columns, |value, _| Some(calendar::field(field, value)))
            }
            Evaluation::Sort { descending } => self.sort(call, descending, grid),
            Evaluation::Vector(compute) => compute(self, call, grid),
            Evaluation::Scalar(compute) => return compute(self, call, grid).map(Value::Scalar),
            Evaluation::Off => return Err(not_enabled(name)),
        };
        columns.map(Value::Vector)
    }

    /// Sorts by value. A range query has no order, so there Prometheus leaves the vector as it is and
    /// adds an info annotation.
    fn sort(&self, call: &Call, descending: bool, grid: &Grid) -> Result<Vec<Column>, QueryError> {
        let mut columns = self.vector(argument(call, 0)?, grid)?;
        if grid.start() != grid.end() {
            self.annotations()
                .add(Note::sort_in_range_query(), call.place);
        }
        for column in &mut columns {
            column.histograms = Vec::new();
        }
        columns.retain(|column| !column.is_void());
        if grid.len() == 1 {
            ranking::sort(&mut columns, descending);
        }
        Ok(columns)
    }

    /// Adds an info annotation for each metric whose name does not end as a counter's does.
    fn note_gauges(&self, columns: &[Column], argument: &Expr) {
        const COUNTERS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
        let numbers = |it: &&Column| it.values.iter().any(|value| !is_absent(*value));
        for column in columns.iter().filter(numbers) {
            let name = column.labels.metric_name();
            if !name.is_empty() && !COUNTERS.iter().any(|end| name.ends_with(end)) {
                let note = Note::possible_non_counter(name);
                self.annotations().add(note, place_of_range(argument));
            }
        }
    }

    /// The evaluation time of each step, in seconds, as a series without labels.
    fn now_column(&self, grid: &Grid) -> Result<Column, QueryError> {
        self.budget.make(grid.len())?;
        let seconds = (0..grid.len()).map(|step| grid.time(step) as f64 / 1000.0);
        Ok(Column::new(Labels::empty(), seconds.collect()))
    }

    /// One where no series has a value, with the labels that the argument names.
    fn absent(
        &self,
        expr: &Expr,
        columns: &[Column],
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        self.budget.make(grid.len())?;
        let missing = |step: usize| !columns.iter().any(|column| column.has(step));
        let ones = (0..grid.len()).map(|step| if missing(step) { 1.0 } else { ABSENT });
        let column = Column::new(absent_labels(expr), ones.collect());
        Ok(if column.is_void() {
            Vec::new()
        } else {
            vec![column]
        })
    }
}

/// The argument at `index`. The type check has counted the arguments already.
fn argument(call: &Call, index: usize) -> Result<&Expr, QueryError> {
    call.args.get(index).ok_or_else(|| {
        QueryError::BadData(format!(
            "parse error: too few arguments in call to '{}'",
            call.function.name
        ))
    })
}

/// Drops the metric names.
///
/// # Errors
/// When two series differ in their names alone.
fn unnamed(mut columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    for column in &mut columns {
        column.labels = column.labels.without_name();
    }
    refuse_same_labels(columns)
}

fn not_enabled(name: &str) -> QueryError {
    QueryError::BadData(format!("parse error: function \"{name}\" is not enabled"))
}

pub(super) fn time(
    evaluator: &Evaluator<'_>,
    _: &Call,
    grid: &Grid,
) -> Result<Vec<f64>, QueryError> {
    Ok(evaluator.now_column(grid)?.values)
}

pub(super) fn pi(evaluator: &Evaluator<'_>, _: &Call, grid: &Grid) -> Result<Vec<f64>, QueryError> {
    evaluator.budget.make(grid.len())?;
    Ok(vec![std::f64::consts::PI; grid.len()])
}

/// The value at each step that has exactly one series, NaN elsewhere.
pub(super) fn scalar(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<f64>, QueryError> {
    let columns = evaluator.vector(argument(call, 0)?, grid)?;
    evaluator.budget.make(grid.len())?;
    let only = |step: usize| {
        let mut present = columns
            .iter()
            .map(|column| column.values[step])
            .filter(|value| !is_absent(*value));
        match (present.next(), present.next()) {
            (Some(value), None) => value,
            _ => f64::NAN,
        }
    };
    Ok((0..grid.len()).map(only).collect())
}

pub(super) fn vector(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let values = evaluator.scalar(argument(call, 0)?, grid)?;
    Ok(vec![Column::new(Labels::empty(), values)])
}

pub(super) fn histogram_quantile(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    evaluator.histogram_quantile(argument(call, 0)?, argument(call, 1)?, grid)
}

pub(super) fn histogram_fraction(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let (lower, upper) = (argument(call, 0)?, argument(call, 1)?);
    evaluator.histogram_fraction(lower, upper, argument(call, 2)?, grid)
}

pub(super) fn absent(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let argument = argument(call, 0)?;
    let columns = evaluator.vector(argument, grid)?;
    evaluator.absent(argument, &columns, grid)
}

pub(super) fn absent_over_time(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let argument = argument(call, 0)?;
    let columns = evaluator.over_windows(argument, grid, |_| Some(1.0), mixed::present)?;
    evaluator.absent(argument, &columns, grid)
}

pub(super) fn quantile_over_time(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let quantile = argument(call, 0)?;
    let wanted = evaluator.scalar(quantile, grid)?;
    let compute = |window: &Window<'_>| {
        let q = wanted[window.step];
        if !(0.0..=1.0).contains(&q) {
            evaluator
                .annotations()
                .add(Note::invalid_quantile(q), quantile.place());
        }
        Some(over_time::quantile_of(q, window))
    };
    // Prometheus tells the place of the first argument, whatever the note is about.
    let mixed = |it: &Mixed<'_>| it.numbers_alone_at(quantile.place(), compute);
    let range = argument(call, 1)?;
    unnamed(evaluator.over_windows(range, grid, compute, mixed)?)
}

pub(super) fn predict_linear(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let seconds = evaluator.scalar(argument(call, 1)?, grid)?;
    let compute = |window: &Window<'_>| regression::predict(window, seconds[window.step]);
    let mixed = |it: &Mixed<'_>| it.numbers_alone(compute);
    let range = argument(call, 0)?;
    unnamed(evaluator.over_windows(range, grid, compute, mixed)?)
}

pub(super) fn round(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let multiple = match call.args.get(1) {
        Some(expr) => evaluator.scalar(expr, grid)?,
        None => vec![1.0; grid.len()],
    };
    map_values(
        evaluator.vector(argument(call, 0)?, grid)?,
        |value, step| Some(elementwise::round(value, multiple[step])),
    )
}

pub(super) fn clamp(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let min = evaluator.scalar(argument(call, 1)?, grid)?;
    let max = evaluator.scalar(argument(call, 2)?, grid)?;
    map_values(
        evaluator.vector(argument(call, 0)?, grid)?,
        |value, step| {
            (max[step] >= min[step] || max[step].is_nan() || min[step].is_nan())
                .then(|| elementwise::clamp(value, min[step], max[step]))
        },
    )
}

pub(super) fn clamp_min(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let min = evaluator.scalar(argument(call, 1)?, grid)?;
    map_values(
        evaluator.vector(argument(call, 0)?, grid)?,
        |value, step| Some(elementwise::greater(min[step], value)),
    )
}

pub(super) fn clamp_max(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let max = evaluator.scalar(argument(call, 1)?, grid)?;
    map_values(
        evaluator.vector(argument(call, 0)?, grid)?,
        |value, step| Some(elementwise::lesser(max[step], value)),
    )
}

/// The times of the samples where the argument is a selector; of any other vector the evaluation time.
pub(super) fn timestamp(
    evaluator: &Evaluator<'_>,
    call: &Call,
    grid: &Grid,
) -> Result<Vec<Column>, QueryError> {
    let argument = argument(call, 0)?;
    if let Expr::Vector(vector) = argument.bare() {
        let columns = evaluator.select(vector, grid, Take::Times)?;
        return map_values(columns, |time, _| Some(time));
    }
    let mut columns = evaluator.vector(argument, grid)?;
    for column in &mut columns {
        for step in (0..grid.len()).filter(|_| !column.histograms.is_empty()) {
            if column.has(step) {
                column.values[step] = 0.0;
            }
        }
    }
    map_values(columns, |_, step| Some(grid.time(step) as f64 / 1000.0))
}
