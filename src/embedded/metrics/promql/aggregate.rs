//! Aggregation operators: series grouped by labels, folded step by step.

use std::collections::HashMap;

use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV,
    T_STDVAR, T_SUM, T_TOPK,
};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier};

use super::QueryError;
use super::eval::Evaluator;
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::kahan::{Kahan, Mean, quantile};
use crate::embedded::metrics::labels::{Labels, METRIC_NAME};

/// Columns that share the labels an aggregation groups by.
pub(super) struct Group {
    pub(super) labels: Labels,
    pub(super) members: Vec<usize>,
}

/// Sorts columns into groups, in the order in which each group is first met.
fn group(columns: &[Column], modifier: Option<&LabelModifier>) -> Vec<Group> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let labels = match modifier {
            Some(LabelModifier::Include(kept)) => column
                .labels
                .filter(|name| kept.labels.iter().any(|label| label == name)),
            Some(LabelModifier::Exclude(dropped)) => column.labels.filter(|name| {
                name != METRIC_NAME && !dropped.labels.iter().any(|label| label == name)
            }),
            None => Labels::empty(),
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
        aggregate: &AggregateExpr,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let columns = self.vector(&aggregate.expr, grid)?;
        let groups = group(&columns, aggregate.modifier.as_ref());
        let param = || {
            aggregate.param.as_deref().ok_or_else(|| {
                QueryError::BadData(format!("parse error: {} needs a parameter", aggregate.op))
            })
        };
        match aggregate.op.id() {
            op @ (T_TOPK | T_BOTTOMK) => {
                let wanted = self.scalar(param()?, grid)?;
                self.rank(columns, &groups, &wanted, op == T_TOPK, grid)
            }
            T_COUNT_VALUES => {
                let label = self.text(param()?, grid)?;
                self.count_values(&columns, &groups, &label, grid)
            }
            T_QUANTILE => {
                let wanted = self.quantile_param(param()?, grid)?;
                self.each_group(&columns, groups, grid, |members, grid| {
                    let mut present = Vec::new();
                    (0..grid.len())
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
            T_SUM => self.each_group(&columns, groups, grid, fold::<Kahan>),
            T_AVG => self.each_group(&columns, groups, grid, fold::<Mean>),
            T_MIN => self.each_group(&columns, groups, grid, fold::<Min>),
            T_MAX => self.each_group(&columns, groups, grid, fold::<Max>),
            T_COUNT => self.each_group(&columns, groups, grid, fold::<Count>),
            T_GROUP => self.each_group(&columns, groups, grid, fold::<One>),
            T_STDVAR => self.each_group(&columns, groups, grid, fold::<Variance>),
            T_STDDEV => self.each_group(&columns, groups, grid, |members, grid| {
                let mut values = fold::<Variance>(members, grid);
                for value in values.iter_mut().filter(|value| !is_absent(**value)) {
                    *value = value.sqrt();
                }
                values
            }),
            _ => Err(QueryError::BadData(format!(
                "parse error: aggregation \"{}\" is not supported here",
                aggregate.op
            ))),
        }
    }

    /// A quantile parameter; outside 0 to 1 the result is infinite, which deserves a warning.
    pub(super) fn quantile_param(&self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, QueryError> {
        let wanted = self.scalar(expr, grid)?;
        if let Some(wrong) = wanted.iter().find(|q| !(0.0..=1.0).contains(*q)) {
            self.warn(format!(
                "PromQL warning: quantile value should be between 0 and 1, got {wrong}"
            ));
        }
        Ok(wanted)
    }

    fn each_group(
        &self,
        columns: &[Column],
        groups: Vec<Group>,
        grid: &Grid,
        mut combine: impl FnMut(&[&Column], &Grid) -> Vec<f64>,
    ) -> Result<Vec<Column>, QueryError> {
        groups
            .into_iter()
            .map(|group| {
                self.budget.make(grid.len())?;
                let members: Vec<&Column> =
                    group.members.iter().map(|index| &columns[*index]).collect();
                Ok(Column {
                    values: combine(&members, grid),
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

fn fold<F: Fold>(members: &[&Column], grid: &Grid) -> Vec<f64> {
    let mut state: Vec<Option<F>> = vec![None; grid.len()];
    for column in members {
        for (slot, value) in state.iter_mut().zip(&column.values) {
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
