//! Aggregation operators: series grouped by labels, folded step by step.

use std::collections::HashMap;
use std::ops::Range;

use super::QueryError;
use super::annotations::Note;
use super::eval::Evaluator;
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::kahan::{Kahan, Mean, quantile};
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::metrics::lang::ast::{Aggregate, Expr};
use crate::metrics::lang::token::Aggregation;
use crate::wire::parts::in_parts;

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
        match aggregate.op {
            op @ (Aggregation::Topk | Aggregation::Bottomk) => {
                let wanted = self.scalar(param()?, grid)?;
                self.rank(columns, &groups, &wanted, op == Aggregation::Topk, grid)
            }
            Aggregation::CountValues => {
                let label = self.text(param()?, grid)?;
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
            Aggregation::Count => self.each_group(&columns, groups, grid, fold::<Count>),
            Aggregation::Group => self.each_group(&columns, groups, grid, fold::<One>),
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
                Ok(Column {
                    values: parts.concat(),
                    labels: group.labels,
                })
            })
            .collect()
    }
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
