//! `histogram_quantile` over classic buckets (`le`).

use std::collections::HashMap;

use promql_parser::parser::Expr;

use super::QueryError;
use super::eval::Evaluator;
use super::grid::{ABSENT, Column, Grid, is_absent};
use crate::embedded::metrics::labels::{Labels, METRIC_NAME};

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
        let columns = self.vector(expr, grid)?;
        let mut groups: Vec<(Labels, Vec<(f64, &Column)>)> = Vec::new();
        let mut places: HashMap<Labels, usize> = HashMap::new();
        for column in &columns {
            let text = column.labels.get("le");
            let Ok(bound) = text.parse::<f64>() else {
                self.warn(format!(
                    "PromQL warning: bucket label \"le\" is missing or has a malformed value of {text:?}"
                ));
                continue;
            };
            let labels = column
                .labels
                .filter(|name| name != "le" && name != METRIC_NAME);
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
                    *slot = quantile(wanted[step], &mut buckets);
                }
            }
            results.push(Column { labels, values });
        }
        results.retain(|column| !column.is_void());
        Ok(results)
    }
}

/// Quantile of buckets sorted by their bound.
fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> f64 {
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
    buckets.dedup_by(|next, kept| {
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
    make_monotonic(buckets);
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
fn make_monotonic(buckets: &mut [Bucket]) {
    let Some((first, rest)) = buckets.split_first_mut() else {
        return;
    };
    let mut height = first.count;
    for bucket in rest {
        if bucket.count < height || nearly_equal(height, bucket.count) {
            bucket.count = height;
        } else {
            height = bucket.count;
        }
    }
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
