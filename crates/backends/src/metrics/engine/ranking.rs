//! Aggregations that give more than one series a group: `topk`, `bottomk`, `count_values`.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::QueryError;
use super::aggregate::Group;
use super::eval::Evaluator;
use super::grid::{ABSENT, Column, Grid, Sample, is_absent};
use crate::metrics::labels::Labels;
use crate::metrics::number::general;

/// Largest first or smallest first; NaN last in both.
fn order(left: f64, right: f64, largest_first: bool) -> Ordering {
    match (left.is_nan(), right.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        _ => {
            let ascending = left.partial_cmp(&right).unwrap_or(Ordering::Equal);
            if largest_first {
                ascending.reverse()
            } else {
                ascending
            }
        }
    }
}

/// Sorts an instant vector by value, for `sort` and `sort_desc`.
pub(super) fn sort(columns: &mut [Column], largest_first: bool) {
    let value = |column: &Column| column.values.first().copied().unwrap_or(f64::NAN);
    columns.sort_by(|left, right| order(value(left), value(right), largest_first));
}

impl Evaluator<'_> {
    /// Keeps the first `wanted` series of each group at each step. At a single step they come sorted.
    pub(super) fn rank(
        &self,
        mut columns: Vec<Column>,
        groups: &[Group],
        wanted: &[f64],
        largest_first: bool,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        // As Prometheus: where every k is below one there is nothing to look at.
        if wanted.iter().all(|k| *k < 1.0 || k.is_nan()) && wanted.iter().any(|k| *k < 1.0) {
            return Ok(Vec::new());
        }
        if wanted.iter().any(|k| k.is_nan()) {
            return Err(QueryError::Execution("Parameter value is NaN".to_owned()));
        }
        if let Some(k) = wanted.iter().find(|k| k.abs() >= 9.2e18) {
            return Err(QueryError::Execution(format!(
                "Scalar value {} {} int64",
                general(*k, None),
                if *k > 0.0 { "overflows" } else { "underflows" }
            )));
        }
        let mut ranked: Vec<usize> = Vec::new();
        for group in groups {
            for (step, k) in wanted.iter().enumerate() {
                let mut present: Vec<usize> = group
                    .members
                    .iter()
                    .copied()
                    .filter(|index| !is_absent(columns[*index].values[step]))
                    .collect();
                self.budget.read(present.len())?;
                present.sort_by(|left, right| {
                    order(
                        columns[*left].values[step],
                        columns[*right].values[step],
                        largest_first,
                    )
                });
                let kept = present.len().min(if *k < 1.0 { 0 } else { *k as usize });
                for index in present.split_off(kept) {
                    columns[index].values[step] = ABSENT;
                }
                if grid.len() == 1 {
                    ranked.extend(present);
                }
            }
        }
        for column in &mut columns {
            column.histograms = Vec::new();
        }
        if grid.len() == 1 {
            return Ok(ranked
                .into_iter()
                .map(|index| columns[index].clone())
                .collect());
        }
        columns.retain(|column| !column.is_void());
        Ok(columns)
    }

    /// Counts the series of a group that have the same value, which becomes a label.
    pub(super) fn count_values(
        &self,
        columns: &[Column],
        groups: &[Group],
        label: &str,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut counted: Vec<Column> = Vec::new();
        for group in groups {
            for column in group.members.iter().map(|index| &columns[*index]) {
                for step in 0..grid.len() {
                    let value = match column.sample(step) {
                        None => continue,
                        Some(Sample::Number(value)) => text_of(value),
                        Some(Sample::Histogram(histogram)) => histogram.to_string(),
                    };
                    self.budget.make(value.len() / size_of::<f64>())?;
                    let labels = group.labels.with(label, &value);
                    let place = match places.get(&labels) {
                        Some(place) => *place,
                        None => {
                            self.budget.make(grid.len())?;
                            places.insert(labels.clone(), counted.len());
                            counted.push(Column::void(labels, grid.len()));
                            counted.len() - 1
                        }
                    };
                    let slot = &mut counted[place].values[step];
                    *slot = if is_absent(*slot) { 1.0 } else { *slot + 1.0 };
                }
            }
        }
        Ok(counted)
    }
}

/// A value as a label shows it.
fn text_of(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}
