//! The functions of histograms: over native ones, and over the buckets of classic ones.

use std::collections::HashMap;

use super::QueryError;
use super::annotations::{Forced, Note};
use super::classic::{self, Bucket};
use super::eval::{Evaluator, merge};
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::kahan::Kahan;
use super::quantile;
use crate::metrics::histogram::Histogram;
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::metrics::lang::ast::Expr;

/// The series of a vector that are buckets of one classic histogram, with their bounds.
struct Buckets<'c> {
    /// The labels without `le`.
    labels: Labels,
    members: Vec<(f64, &'c Column)>,
}

/// The computation of a function for both kinds of histograms.
trait Both {
    fn native(&mut self, step: usize, histogram: &Histogram) -> f64;
    fn classic(&mut self, step: usize, buckets: &mut Vec<Bucket>) -> f64;
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(
        &self,
        quantile_expr: &Expr,
        expr: &Expr,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let wanted = self.quantile_param(quantile_expr, grid)?;
        let mut quantiles = Quantiles {
            evaluator: self,
            expr,
            grid,
            wanted,
            forced: Forced::default(),
        };
        let columns = self.over_histograms(expr, grid, &mut quantiles)?;
        self.annotations()
            .add_forced(quantiles.forced, expr.place());
        Ok(columns)
    }

    pub(super) fn histogram_fraction(
        &self,
        lower: &Expr,
        upper: &Expr,
        expr: &Expr,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let mut fractions = Fractions {
            evaluator: self,
            expr,
            lower: self.scalar(lower, grid)?,
            upper: self.scalar(upper, grid)?,
        };
        self.over_histograms(expr, grid, &mut fractions)
    }

    /// Computes one number from each native histogram.
    pub(super) fn of_histograms(
        &self,
        expr: &Expr,
        grid: &Grid,
        compute: fn(&Histogram) -> f64,
    ) -> Result<Vec<Column>, QueryError> {
        let mut results = Vec::new();
        for column in self.vector(expr, grid)? {
            if column.histograms.is_empty() {
                continue;
            }
            self.budget.make(grid.len())?;
            let values = column.histograms.iter();
            let values = values.map(|it| it.as_ref().map_or(ABSENT, |it| compute(it)));
            // Prometheus drops nothing but the name here.
            let labels = column.labels.filter(|name| name != METRIC_NAME);
            results.push(Column::new(labels, values.collect()));
        }
        results.retain(|column| !column.is_void());
        merge(results)
    }

    /// Applies a function to each native histogram, and to the buckets of each classic one, sorted by their bound, at
    /// each step. Where a metric has both, neither is looked at.
    ///
    /// # Errors
    /// When two histograms differ in their names alone, which the result has no more.
    fn over_histograms(
        &self,
        expr: &Expr,
        grid: &Grid,
        function: &mut impl Both,
    ) -> Result<Vec<Column>, QueryError> {
        let columns = self.vector(expr, grid)?;
        let groups = self.group_buckets(&columns, expr);
        let mut results = Vec::with_capacity(groups.len());
        let mut both: HashMap<&Labels, Vec<bool>> = HashMap::new();
        for column in columns.iter().filter(|it| !it.histograms.is_empty()) {
            self.budget.make(grid.len())?;
            let classic = groups.iter().find(|group| group.labels == column.labels);
            let mut values = vec![ABSENT; grid.len()];
            for (step, slot) in values.iter_mut().enumerate() {
                let Some(histogram) = column.histogram(step) else {
                    continue;
                };
                let here = |it: &(f64, &Column)| !is_absent(it.1.values[step]);
                if classic.is_some_and(|group| group.members.iter().any(here)) {
                    let steps = both.entry(&column.labels);
                    steps.or_insert_with(|| vec![false; grid.len()])[step] = true;
                    let note = Note::mixed_classic_and_native();
                    self.annotations().add(note, expr.place());
                    continue;
                }
                self.budget.read(histogram.len())?;
                *slot = function.native(step, histogram);
            }
            results.push(Column::new(column.labels.without_name(), values));
        }
        let mut buckets = Vec::new();
        for group in groups {
            self.budget.make(grid.len())?;
            self.budget
                .read(group.members.len().saturating_mul(grid.len()) / 8)?;
            let left_out = both.get(&group.labels);
            let mut values = vec![ABSENT; grid.len()];
            for (step, slot) in values.iter_mut().enumerate() {
                if left_out.is_some_and(|steps| steps[step]) {
                    continue;
                }
                buckets.clear();
                buckets.extend(
                    group
                        .members
                        .iter()
                        .map(|(bound, column)| Bucket {
                            bound: *bound,
                            count: column.values[step],
                        })
                        .filter(|bucket| !is_absent(bucket.count)),
                );
                if !buckets.is_empty() {
                    *slot = function.classic(step, &mut buckets);
                }
            }
            results.push(Column::new(group.labels.without_name(), values));
        }
        results.retain(|column| !column.is_void());
        merge(results)
    }

    /// Puts the series with numbers together by all labels but `le`.
    fn group_buckets<'c>(&self, columns: &'c [Column], expr: &Expr) -> Vec<Buckets<'c>> {
        let mut groups: Vec<Buckets<'c>> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::new();
        for column in columns {
            if !column.histograms.is_empty() && column.values.iter().all(|it| is_absent(*it)) {
                continue;
            }
            let text = column.labels.get("le");
            let Ok(bound) = text.parse::<f64>() else {
                self.annotations()
                    .add(Note::bad_bucket_label(text), expr.place());
                continue;
            };
            let labels = column.labels.filter(|name| name != "le");
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                groups.push(Buckets {
                    labels,
                    members: Vec::new(),
                });
                groups.len() - 1
            });
            groups[place].members.push((bound, column));
        }
        for group in &mut groups {
            let order = |left: &(f64, _), right: &(f64, _)| left.0.total_cmp(&right.0);
            group.members.sort_by(order);
        }
        groups
    }
}

struct Quantiles<'e> {
    evaluator: &'e Evaluator<'e>,
    expr: &'e Expr,
    grid: &'e Grid,
    wanted: Vec<f64>,
    forced: Forced,
}

impl Both for Quantiles<'_> {
    fn native(&mut self, step: usize, histogram: &Histogram) -> f64 {
        let (value, note) = quantile::of(self.wanted[step], histogram);
        if let Some(note) = note {
            self.evaluator.annotations().add(note, self.expr.place());
        }
        value
    }

    fn classic(&mut self, step: usize, buckets: &mut Vec<Bucket>) -> f64 {
        let time = self.grid.time(step);
        classic::quantile(self.wanted[step], buckets, &mut self.forced, time)
    }
}

struct Fractions<'e> {
    evaluator: &'e Evaluator<'e>,
    expr: &'e Expr,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Both for Fractions<'_> {
    fn native(&mut self, step: usize, histogram: &Histogram) -> f64 {
        let (value, note) = quantile::fraction(self.lower[step], self.upper[step], histogram);
        if let Some(note) = note {
            self.evaluator.annotations().add(note, self.expr.place());
        }
        value
    }

    fn classic(&mut self, step: usize, buckets: &mut Vec<Bucket>) -> f64 {
        classic::fraction(self.lower[step], self.upper[step], buckets)
    }
}

/// `histogram_stdvar`: each observation is taken to lie in the middle of its bucket, which is the geometric one
/// between exponential bounds.
pub(super) fn variance(histogram: &Histogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut variance = Kahan::default();
    for bucket in histogram.all_buckets() {
        if bucket.count == 0.0 {
            continue;
        }
        let middle = if histogram.is_custom() {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            let middle = (bucket.upper * bucket.lower).sqrt();
            if bucket.upper < 0.0 { -middle } else { middle }
        };
        let delta = middle - mean;
        variance.add(bucket.count * delta * delta);
    }
    (variance.sum + variance.lost) / histogram.count
}
