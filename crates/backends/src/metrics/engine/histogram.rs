//! `histogram_quantile` and `histogram_fraction` over classic buckets (`le`).

use std::collections::HashMap;

use super::QueryError;
use super::annotations::{Forced, Note};
use super::eval::{Evaluator, merge};
use super::grid::{ABSENT, Column, Grid, is_absent};
use crate::metrics::labels::Labels;
use crate::metrics::lang::ast::Expr;

/// Counts of neighbouring buckets that differ by less than this share are equal but for rounding.
const TOLERANCE: f64 = 1e-12;

/// A cumulative bucket: observations up to and with the bound.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    bound: f64,
    count: f64,
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(
        &self,
        quantile_expr: &Expr,
        expr: &Expr,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let wanted = self.quantile_param(quantile_expr, grid)?;
        let mut forced = Forced::default();
        let columns = self.over_buckets(expr, grid, |step, buckets| {
            quantile(wanted[step], buckets, &mut forced, grid.time(step))
        })?;
        self.annotations().add_forced(forced, expr.place());
        Ok(columns)
    }

    pub(super) fn histogram_fraction(
        &self,
        lower: &Expr,
        upper: &Expr,
        expr: &Expr,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let lower = self.scalar(lower, grid)?;
        let upper = self.scalar(upper, grid)?;
        self.over_buckets(expr, grid, |step, buckets| {
            fraction(lower[step], upper[step], buckets)
        })
    }

    /// Applies a function to the buckets of each histogram at each step, sorted by their bound.
    ///
    /// # Errors
    /// When two histograms differ in their names alone, which the result has no more.
    fn over_buckets(
        &self,
        expr: &Expr,
        grid: &Grid,
        mut function: impl FnMut(usize, &mut Vec<Bucket>) -> f64,
    ) -> Result<Vec<Column>, QueryError> {
        let columns = self.vector(expr, grid)?;
        let mut groups: Vec<(Labels, Vec<(f64, &Column)>)> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::new();
        for column in &columns {
            let text = column.labels.get("le");
            let Ok(bound) = text.parse::<f64>() else {
                self.annotations()
                    .add(Note::bad_bucket_label(text), expr.place());
                continue;
            };
            let labels = column.labels.filter(|name| name != "le");
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                groups.push((labels, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push((bound, column));
        }
        let mut results = Vec::with_capacity(groups.len());
        let mut buckets = Vec::new();
        for (labels, mut members) in groups {
            members.sort_by(|left, right| left.0.total_cmp(&right.0));
            self.budget.make(grid.len())?;
            self.budget
                .read(members.len().saturating_mul(grid.len()) / 8)?;
            let mut values = vec![ABSENT; grid.len()];
            for (step, slot) in values.iter_mut().enumerate() {
                buckets.clear();
                buckets.extend(
                    members
                        .iter()
                        .map(|(bound, column)| Bucket {
                            bound: *bound,
                            count: column.values[step],
                        })
                        .filter(|bucket| !is_absent(bucket.count)),
                );
                if !buckets.is_empty() {
                    *slot = function(step, &mut buckets);
                }
            }
            let labels = labels.without_name();
            results.push(Column { labels, values });
        }
        results.retain(|column| !column.is_void());
        merge(results)
    }
}

/// The share of observations between two values, by straight lines inside of buckets.
fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    let infinite = |bucket: &Bucket| bucket.bound == f64::INFINITY;
    if !buckets.last().is_some_and(infinite) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets.last().map_or(0.0, |last| last.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (mut lower_rank, mut upper_rank) = (None, None);
    let mut rank = 0.0;
    // With positive buckets alone the first starts at zero.
    let positive = buckets.first().is_some_and(|first| first.bound > 0.0);
    let mut start = if positive { 0.0 } else { f64::NEG_INFINITY };
    for bucket in buckets.iter() {
        let end = bucket.bound;
        let inside = |value: f64| {
            if start == f64::NEG_INFINITY {
                bucket.count
            } else {
                rank + (bucket.count - rank) * (value - start) / (end - start)
            }
        };
        for (value, slot) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if slot.is_none() && start >= value {
                *slot = Some(rank);
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        for (value, slot) in [(lower, &mut lower_rank), (upper, &mut upper_rank)] {
            if slot.is_none() && start < value && end > value {
                *slot = Some(inside(value));
            }
        }
        if lower_rank.is_some() && upper_rank.is_some() {
            break;
        }
        rank = bucket.count;
        start = end;
    }
    let lower_rank = lower_rank.map_or(count, |rank: f64| if rank > count { count } else { rank });
    let upper_rank = upper_rank.map_or(count, |rank: f64| if rank > count { count } else { rank });
    (upper_rank - lower_rank) / count
}

/// Adds up buckets of the same bound.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|next, kept| {
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
}

/// Quantile of buckets sorted by their bound.
fn quantile(q: f64, buckets: &mut Vec<Bucket>, forced: &mut Forced, time: i64) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets
        .last()
        .is_none_or(|last| last.bound != f64::INFINITY)
    {
        return f64::NAN;
    }
    coalesce(buckets);
    make_monotonic(buckets, forced, time);
    let [.., before_last, last] = buckets.as_slice() else {
        return f64::NAN;
    };
    let observations = last.count;
    if observations == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * observations;
    let hit = binary_search(&buckets[..buckets.len() - 1], rank);
    if hit == buckets.len() - 1 {
        return before_last.bound;
    }
    let end = buckets[hit].bound;
    if hit == 0 && end <= 0.0 {
        return end;
    }
    let (mut start, mut count) = (0.0, buckets[hit].count);
    if hit > 0 {
        start = buckets[hit - 1].bound;
        count -= buckets[hit - 1].count;
        rank -= buckets[hit - 1].count;
    }
    start + (end - start) * (rank / count)
}

/// The first bucket that holds the rank. With NaN among the counts the answer depends on which
/// positions are looked at, so this halves as Go's `sort.Search` does.
fn binary_search(buckets: &[Bucket], rank: f64) -> usize {
    let (mut low, mut high) = (0, buckets.len());
    while low < high {
        let middle = (low + high) / 2;
        if buckets[middle].count >= rank {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// Buckets scraped or rated apart may fall where they must only grow: hold them at the last height.
fn make_monotonic(buckets: &mut [Bucket], forced: &mut Forced, time: i64) {
    let Some((first, rest)) = buckets.split_first_mut() else {
        return;
    };
    let mut height = first.count;
    for bucket in rest {
        if bucket.count == height {
            continue;
        }
        if nearly_equal(height, bucket.count) {
            bucket.count = height;
        } else if bucket.count < height {
            forced.bucket(bucket.bound, height - bucket.count);
            bucket.count = height;
        } else {
            height = bucket.count;
        }
    }
    forced.end_of_histogram(time);
}

fn nearly_equal(left: f64, right: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    let (sum, difference) = (left.abs() + right.abs(), (left - right).abs());
    if left == 0.0 || right == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}
