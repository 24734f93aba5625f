//! Aggregation operators: series grouped by labels, folded step by step.

use std::collections::HashMap;
use std::ops::Range;

use super::QueryError;
use super::annotations::Note;
use super::eval::Evaluator;
use super::grid::{ABSENT, Column, Grid, Sample, is_absent};
use super::kahan::{Kahan, Mean, quantile};
use super::label_functions::invalid_bytes;
use super::mixed::Total;
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::metrics::lang::ast::{Aggregate, Expr};
use crate::metrics::lang::token::Aggregation;
use crate::wire::parts::in_parts;
use crate::wire::quote;

/// Values for which a thread pays: they take about half a millisecond.
const VALUES_OF_A_THREAD: usize = 200_000;

/// Columns that share the labels an aggregation groups by.
pub(super) struct Group {
    pub(super) labels: Labels,
    pub(super) members: Vec<usize>,
}

/// Sorts columns into groups, in the order in which each group is first met.
fn group(columns: &[Column], aggregate: &Aggregate) -> Vec<Group> {
    let named = |name: &str| aggregate.grouping.iter().any(|label| label == name);
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let labels = if aggregate.without {
            column
                .labels
                .filter(|name| name != METRIC_NAME && !named(name))
        } else {
            column.labels.filter(named)
        };
        match places.get(&labels) {
            Some(place) => groups[*place].members.push(index),
            None => {
                places.insert(labels.clone(), groups.len());
                groups.push(Group {
                    labels,
                    members: vec![index],
                });
            }
        }
    }
    groups
}

impl Evaluator<'_> {
    pub(super) fn aggregate(
        &self,
        aggregate: &Aggregate,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let columns = self.vector(&aggregate.expr, grid)?;
        let groups = group(&columns, aggregate);
        let param = || {
            aggregate.param.as_deref().ok_or_else(|| {
                QueryError::BadData(format!(
                    "parse error: {} needs a parameter",
                    aggregate.op.text()
                ))
            })
        };
        let native = columns.iter().any(|column| !column.histograms.is_empty());
        if native {
            self.note_ignored(aggregate);
        }
        match aggregate.op {
            op @ (Aggregation::Sum | Aggregation::Avg) if native => {
                self.add_up(&columns, groups, aggregate, op == Aggregation::Avg, grid)
            }
            op @ (Aggregation::Topk | Aggregation::Bottomk) => {
                let wanted = self.scalar(param()?, grid)?;
                if native {
                    self.note_unranked(&columns, &wanted, aggregate);
                }
                self.rank(columns, &groups, &wanted, op == Aggregation::Topk, grid)
            }
            Aggregation::CountValues => {
                let param = param()?;
                let label = self.text(param, grid)?;
                let written = invalid_bytes(param).unwrap_or(label.as_bytes());
                if label.is_empty() || written != label.as_bytes() {
                    return Err(QueryError::Execution(format!(
                        "invalid label name {}",
                        quote::quoted(written)
                    )));
                }
                self.count_values(&columns, &groups, &label, grid)
            }
            Aggregation::Quantile => {
                let wanted = self.quantile_param(param()?, grid)?;
                self.each_group(&columns, groups, grid, |members, steps| {
                    let mut present = Vec::new();
                    steps
                        .map(|step| {
                            present.clear();
                            present.extend(
                                members
                                    .iter()
                                    .map(|column| column.values[step])
                                    .filter(|value| !is_absent(*value)),
                            );
                            if present.is_empty() {
                                ABSENT
                            } else {
                                quantile(wanted[step], &mut present)
                            }
                        })
                        .collect()
                })
            }
            Aggregation::Sum => self.each_group(&columns, groups, grid, fold::<Kahan>),
            Aggregation::Avg => self.each_group(&columns, groups, grid, fold::<Mean>),
            Aggregation::Min => self.each_group(&columns, groups, grid, fold::<Min>),
            Aggregation::Max => self.each_group(&columns, groups, grid, fold::<Max>),
            Aggregation::Count => {
                self.each_group(&seen_as_numbers(columns), groups, grid, fold::<Count>)
            }
            Aggregation::Group => {
                self.each_group(&seen_as_numbers(columns), groups, grid, fold::<One>)
            }
            Aggregation::Stdvar => self.each_group(&columns, groups, grid, fold::<Variance>),
            Aggregation::Stddev => self.each_group(&columns, groups, grid, |members, steps| {
                let mut values = fold::<Variance>(members, steps);
                for value in values.iter_mut().filter(|value| !is_absent(**value)) {
                    *value = value.sqrt();
                }
                values
            }),
            op @ (Aggregation::Limitk | Aggregation::LimitRatio) => Err(QueryError::BadData(
                format!("parse error: {}() is experimental", op.text()),
            )),
        }
    }

    /// A quantile parameter; outside 0 to 1 the result is infinite, which deserves a warning.
    pub(super) fn quantile_param(&self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, QueryError> {
        let wanted = self.scalar(expr, grid)?;
        let mut annotations = self.annotations();
        for q in wanted.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            annotations.add(Note::invalid_quantile(*q), expr.place());
        }
        drop(annotations);
        Ok(wanted)
    }

    fn each_group(
        &self,
        columns: &[Column],
        groups: Vec<Group>,
        grid: &Grid,
        combine: impl Fn(&[&Column], Range<usize>) -> Vec<f64> + Sync,
    ) -> Result<Vec<Column>, QueryError> {
        let steps: Vec<usize> = (0..grid.len()).collect();
        groups
            .into_iter()
            .map(|group| {
                self.budget.make(grid.len())?;
                let members: Vec<&Column> =
                    group.members.iter().map(|index| &columns[*index]).collect();
                // Threads share the steps, not the members: the order in which values are added is part of the sum.
                let parts = in_parts(
                    &steps,
                    |_| members.len(),
                    VALUES_OF_A_THREAD,
                    |part| {
                        let first = part.first().copied().unwrap_or(0);
                        combine(&members, first..first + part.len())
                    },
                );
                Ok(Column::new(group.labels, parts.concat()))
            })
            .collect()
    }

    /// Notes that an aggregation of numbers takes no notice of histograms.
    fn note_ignored(&self, aggregate: &Aggregate) {
        use Aggregation::{Max, Min, Quantile, Stddev, Stdvar};
        if matches!(aggregate.op, Min | Max | Quantile | Stddev | Stdvar) {
            let note = Note::ignored_in_aggregation(aggregate.op.text());
            self.annotations().add(note, aggregate.expr.place());
        }
    }

    /// As [`Self::note_ignored`] for `topk` and `bottomk`, which look at nothing where they keep nothing.
    fn note_unranked(&self, columns: &[Column], wanted: &[f64], aggregate: &Aggregate) {
        let looks = |step: usize| wanted.get(step).is_some_and(|k| *k >= 1.0);
        let there =
            |it: &Column| (0..wanted.len()).any(|step| looks(step) && it.histogram(step).is_some());
        if columns.iter().any(there) {
            let note = Note::ignored_in_aggregation(aggregate.op.text());
            self.annotations().add(note, aggregate.place);
        }
    }

    /// `sum` and `avg` of groups that have histograms.
    fn add_up(
        &self,
        columns: &[Column],
        groups: Vec<Group>,
        aggregate: &Aggregate,
        average: bool,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let mut results = Vec::with_capacity(groups.len());
        for group in groups {
            self.budget.make(grid.len())?;
            let members: Vec<&Column> =
                group.members.iter().map(|index| &columns[*index]).collect();
            let numbers = match average {
                true => fold::<Mean>(&members, 0..grid.len()),
                false => fold::<Kahan>(&members, 0..grid.len()),
            };
            let mut result = Column::new(group.labels, numbers);
            for step in 0..grid.len() {
                if members.iter().any(|it| it.histogram(step).is_some()) {
                    let total = self.total(&members, step, aggregate, average)?;
                    result.set(step, total);
                }
            }
            results.push(result);
        }
        results.retain(|column| !column.is_void());
        Ok(results)
    }

    /// The sum or the average of a group at a step that has histograms; none where they do not go together.
    fn total(
        &self,
        members: &[&Column],
        step: usize,
        aggregate: &Aggregate,
        average: bool,
    ) -> Result<Option<Sample>, QueryError> {
        let place = aggregate.expr.place();
        let note = |note: Note| self.annotations().add(note, place);
        let mut total: Option<Total> = None;
        let (mut has_number, mut incompatible) = (false, false);
        for column in members {
            let Some(histogram) = column.histogram(step) else {
                has_number |= !is_absent(column.values[step]);
                continue;
            };
            self.budget.read(histogram.len() + 1)?;
            let Some(total) = &mut total else {
                // After a number there is no sum of histograms.
                if !has_number {
                    total = Some(Total::new(histogram, average));
                }
                continue;
            };
            if total.add(histogram).is_err() {
                note(Note::mixed_schemas(column.labels.metric_name()));
                incompatible = true;
                break;
            }
        }
        if let Some(total) = &total
            && total.bounds_differ
        {
            note(Note::bounds_differ("aggregation"));
        }
        if has_number {
            note(Note::mixed_aggregation());
            return Ok(None);
        }
        let Some(total) = total.filter(|_| !incompatible) else {
            return Ok(None);
        };
        if total.resets_collide() {
            note(Note::resets_collide("aggregation"));
        }
        let mut histogram = total.value();
        histogram.compact();
        self.budget.make(histogram.bytes() / size_of::<f64>())?;
        Ok(Some(histogram.into()))
    }
}

/// Columns in which a number stands for each histogram, for what only counts.
fn seen_as_numbers(mut columns: Vec<Column>) -> Vec<Column> {
    for column in &mut columns {
        let histograms = std::mem::take(&mut column.histograms);
        for (value, histogram) in column.values.iter_mut().zip(histograms) {
            if histogram.is_some() {
                *value = 0.0;
            }
        }
    }
    columns
}

/// One way of combining the values of a step.
trait Fold: Copy {
    fn first(value: f64) -> Self;
    fn add(&mut self, value: f64);
    fn value(self) -> f64;
}

fn fold<F: Fold>(members: &[&Column], steps: Range<usize>) -> Vec<f64> {
    let mut state: Vec<Option<F>> = vec![None; steps.len()];
    for column in members {
        for (slot, value) in state.iter_mut().zip(&column.values[steps.clone()]) {
            if is_absent(*value) {
                continue;
            }
            match slot {
                Some(state) => state.add(*value),
                None => *slot = Some(F::first(*value)),
            }
        }
    }
    state
        .into_iter()
        .map(|slot| slot.map_or(ABSENT, F::value))
        .collect()
}

impl Fold for Kahan {
    fn first(value: f64) -> Self {
        Self::new(value)
    }
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }
    fn value(self) -> f64 {
        self.total()
    }
}

impl Fold for Mean {
    fn first(value: f64) -> Self {
        Self::new(value)
    }
    fn add(&mut self, value: f64) {
        Self::add(self, value);
    }
    fn value(self) -> f64 {
        Self::value(self)
    }
}

#[derive(Clone, Copy)]
struct Min(f64);

impl Fold for Min {
    fn first(value: f64) -> Self {
        Self(value)
    }
    fn add(&mut self, value: f64) {
        if value < self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn value(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Max(f64);

impl Fold for Max {
    fn first(value: f64) -> Self {
        Self(value)
    }
    fn add(&mut self, value: f64) {
        if value > self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn value(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct Count(f64);

impl Fold for Count {
    fn first(_: f64) -> Self {
        Self(1.0)
    }
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }
    fn value(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct One;

impl Fold for One {
    fn first(_: f64) -> Self {
        Self
    }
    fn add(&mut self, _: f64) {}
    fn value(self) -> f64 {
        1.0
    }
}

/// Population variance by Welford's method.
#[derive(Clone, Copy)]
struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Fold for Variance {
    fn first(value: f64) -> Self {
        Self {
            count: 1.0,
            mean: value,
            squares: if value.is_finite() { 0.0 } else { f64::NAN },
        }
    }
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
    fn value(self) -> f64 {
        self.squares / self.count
    }
}
