//! Range vectors: for each step the samples of each series in a window, open on the left.

use std::cell::Cell;

use super::QueryError;
use super::eval::{Evaluator, Value};
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::selector::Shift;
use crate::metrics::labels::Labels;
use crate::metrics::lang::ast::Expr;
use crate::metrics::sample::is_stale;
use crate::wire::parts::in_parts;

/// Step of a subquery that names none: Prometheus' default `global.evaluation_interval`.
const DEFAULT_SUBQUERY_STEP_MS: i64 = 60_000;

/// What it takes to read a series, in steps of the grid.
const STEPS_TO_START: usize = 32;

/// Work that pays for a thread, in steps of the grid: about half a millisecond.
const STEPS_OF_A_THREAD: usize = 50_000;

/// Most spacings that a thread remembers.
const SPACINGS: usize = 512;

/// The samples of one series at one step. Never empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) times: &'a [i64],
    pub(super) values: &'a [f64],
    /// True if a value is lower than the one before it.
    pub(super) falls: bool,
    /// The window spans `start < time <= end`, milliseconds.
    pub(super) start: i64,
    pub(super) end: i64,
    /// The time of the step, which `offset` and `@` do not move.
    pub(super) time: i64,
    /// Number of the step.
    pub(super) step: usize,
    spacing: &'a Cell<Spacing>,
}

/// Where the samples of a window lie, for [`rate`](super::rate). The series of one target are scraped at the same
/// times, so that their windows at one step mostly have the same.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spacing {
    /// Milliseconds from the start to the first sample, from there to the last, from there to the end.
    pub(super) distances: [i64; 3],
    pub(super) samples: usize,
    /// Seconds between the first and the last sample.
    pub(super) sampled: f64,
    /// Seconds before the first and after the last sample that a rate is extrapolated to.
    pub(super) to_start: f64,
    pub(super) to_end: f64,
    /// What the change between the samples is multiplied with for the whole window, and for a second of it.
    pub(super) factor: f64,
    pub(super) per_second: f64,
}

impl Window<'_> {
    /// Computes a spacing, unless the last window at this step had the same.
    pub(super) fn spacing(&self, compute: impl FnOnce([f64; 3]) -> Spacing) -> Spacing {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return Spacing::default();
        };
        let distances = [first - self.start, last - first, self.end - last];
        let known = self.spacing.get();
        if known.distances == distances && known.samples == self.times.len() {
            return known;
        }
        let spacing = Spacing {
            distances,
            samples: self.times.len(),
            ..compute(distances.map(|distance| distance as f64 / 1000.0))
        };
        self.spacing.set(spacing);
        spacing
    }

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

/// One series of a range expression, with all samples that any step's window may hold.
struct Samples<'a> {
    labels: &'a Labels,
    times: &'a [i64],
    values: &'a [f64],
    frame: Frame,
    spacings: &'a [Cell<Spacing>],
}

/// What a thread works in, one series after the other.
pub(super) struct Scratch {
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
    /// One a step; of many steps some share one.
    spacings: Vec<Cell<Spacing>>,
}

impl Scratch {
    fn samples<'a>(&'a mut self, labels: &'a Labels, frame: Frame) -> Samples<'a> {
        drop_stale(&mut self.times, &mut self.values);
        Samples {
            labels,
            times: &self.times,
            values: &self.values,
            frame,
            spacings: &self.spacings,
        }
    }
}

impl Evaluator<'_> {
    /// Hands over each series of a range expression, on several threads when there are many. The results have the
    /// order of the series; where `each` gives `None`, there is none.
    fn each_series<T: Send>(
        &self,
        expr: &Expr,
        grid: &Grid,
        each: impl Fn(Samples<'_>) -> Result<Option<T>, QueryError> + Sync,
    ) -> Result<Vec<T>, QueryError> {
        match expr.bare() {
            Expr::Matrix(matrix) => {
                let frame = Frame {
                    shift: Shift::new(&matrix.vector.moved, self),
                    range: matrix.range,
                };
                let (after, until) = (frame.bounds(grid.start()).0, frame.bounds(grid.end()).1);
                let selector = &matrix.vector.selector;
                let selected = self.store.select(selector, self.budget.stop())?;
                self.on_all_processors(&selected, grid, |series, scratch| {
                    series.read(after, until, &mut scratch.times, &mut scratch.values);
                    self.budget.read(scratch.times.len())?;
                    each(scratch.samples(series.labels(), frame))
                })
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
                self.on_all_processors(&columns, grid, |column, scratch| {
                    let times = (0..inner.len()).map(|index| inner.time(index));
                    scratch.times.extend(times);
                    scratch.values.extend_from_slice(&column.values);
                    let samples = scratch.samples(&column.labels, frame);
                    self.budget.read(samples.times.len())?;
                    each(samples)
                })
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
        function: impl Fn(&Window<'_>) -> Option<f64> + Sync,
    ) -> Result<Vec<Column>, QueryError> {
        self.each_series(expr, grid, |samples| {
            let (times, values) = (samples.times, samples.values);
            if times.is_empty() {
                return Ok(None);
            }
            self.budget.make(grid.len())?;
            let mut column = Column {
                labels: samples.labels.clone(),
                values: vec![ABSENT; grid.len()],
            };
            let (mut from, mut to, mut looked_at) = (0, 0, 0);
            let mut last_fall = 0;
            let spacings = samples.spacings.iter().cycle();
            for ((step, slot), spacing) in column.values.iter_mut().enumerate().zip(spacings) {
                let time = grid.time(step);
                let (start, end) = samples.frame.bounds(time);
                while to < times.len() && times[to] <= end {
                    if to > 0 && values[to] < values[to - 1] {
                        last_fall = to;
                    }
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
                    falls: last_fall > from,
                    start,
                    end,
                    time,
                    step,
                    spacing,
                };
                if let Some(value) = function(&window) {
                    *slot = value;
                }
            }
            // Long windows with short steps look at the same samples again and again.
            self.budget.read(looked_at / 8)?;
            Ok((!column.is_void()).then_some(column))
        })
    }

    /// The samples themselves, for an instant query that is a range vector.
    pub(super) fn raw_ranges(&self, expr: &Expr, grid: &Grid) -> Result<super::Matrix, QueryError> {
        self.each_series(expr, grid, |samples| {
            let (start, end) = samples.frame.bounds(grid.start());
            let within: Vec<(i64, f64)> = samples
                .times
                .iter()
                .zip(samples.values)
                .filter(|(time, _)| **time > start && **time <= end)
                .map(|(time, value)| (*time, *value))
                .collect();
            if within.is_empty() {
                return Ok(None);
            }
            self.budget.make(within.len())?;
            Ok(Some((samples.labels.clone(), within)))
        })
    }

    /// Calls `each` for every item with an empty scratch to work in, on several threads when there are many items.
    /// The results have the order of the items.
    pub(super) fn on_all_processors<I: Sync, T: Send>(
        &self,
        items: &[I],
        grid: &Grid,
        each: impl Fn(&I, &mut Scratch) -> Result<Option<T>, QueryError> + Sync,
    ) -> Result<Vec<T>, QueryError> {
        let weight = grid.len() + STEPS_TO_START;
        let parts = in_parts(
            items,
            |_| weight,
            STEPS_OF_A_THREAD,
            |part| {
                let mut scratch = Scratch {
                    times: Vec::new(),
                    values: Vec::new(),
                    spacings: vec![Cell::default(); grid.len().clamp(1, SPACINGS)],
                };
                let mut found = Vec::with_capacity(part.len());
                for item in part {
                    scratch.times.clear();
                    scratch.values.clear();
                    found.extend(each(item, &mut scratch)?);
                }
                Ok::<_, QueryError>(found)
            },
        );
        let mut all = Vec::with_capacity(items.len());
        for part in parts {
            all.extend(part?);
        }
        Ok(all)
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
