//! Aggregations of vectors, step by step.

use super::over_time;
use super::value::{Labels, Series, grouped};
use crate::logs::lang::{Grouping, VectorOp};

/// Computes an aggregation.
pub(crate) fn aggregate(
    op: VectorOp,
    param: Option<u32>,
    grouping: Option<&Grouping>,
    series: &[Series],
) -> Vec<Series> {
    match op {
        VectorOp::Sort | VectorOp::SortDesc => return sorted(series, op == VectorOp::SortDesc),
        VectorOp::TopK | VectorOp::BottomK => {
            return extremes(series, param, grouping, op == VectorOp::TopK);
        }
        _ => {}
    }
    let mut result: Vec<Series> = grouped(series, |one| one.labels.grouped(grouping))
        .into_iter()
        .map(|(labels, members)| combine(op, labels, &members))
        .collect();
    result.sort_by(|a, b| a.labels.cmp(&b.labels));
    result
}

fn combine(op: VectorOp, labels: Labels, members: &[&Series]) -> Series {
    let steps = members.first().map_or(0, |series| series.values.len());
    let values = (0..steps)
        .map(|at| {
            let values: Vec<f64> = members
                .iter()
                .filter_map(|series| series.values.get(at).copied().flatten())
                .collect();
            reduce(op, &values)
        })
        .collect();
    Series { labels, values }
}

fn reduce(op: VectorOp, values: &[f64]) -> Option<f64> {
    let first = *values.first()?;
    let all = || values.iter().copied();
    Some(match op {
        VectorOp::Avg => {
            let mut mean = first;
            for (value, count) in all().zip(1_u32..).skip(1) {
                mean += (value - mean) / f64::from(count);
            }
            mean
        }
        VectorOp::Min => over_time::extreme(all(), |value, least| value < least),
        VectorOp::Max => over_time::extreme(all(), |value, most| value > most),
        VectorOp::Count => values.len() as f64,
        VectorOp::Stdvar => over_time::variance(all()),
        VectorOp::Stddev => over_time::variance(all()).sqrt(),
        _ => all().sum(),
    })
}

/// Order of values for sorting and `topk`: NaN and absent values come last.
fn ranked(left: Option<f64>, right: Option<f64>, largest_first: bool) -> std::cmp::Ordering {
    let numbered = |value: Option<f64>| value.filter(|value| !value.is_nan());
    match (numbered(left), numbered(right)) {
        (Some(left), Some(right)) if largest_first => right.total_cmp(&left),
        (Some(left), Some(right)) => left.total_cmp(&right),
        (None, None) => right.is_some().cmp(&left.is_some()),
        (left, right) => right.is_some().cmp(&left.is_some()),
    }
}

fn sorted(series: &[Series], largest_first: bool) -> Vec<Series> {
    let mut sorted = series.to_vec();
    let value = |one: &Series| one.values.first().copied().flatten();
    sorted.sort_by(|a, b| ranked(value(a), value(b), largest_first));
    sorted
}

/// Keeps the k largest or smallest values of each group at each step.
fn extremes(
    series: &[Series],
    k: Option<u32>,
    grouping: Option<&Grouping>,
    largest: bool,
) -> Vec<Series> {
    let k = k.unwrap_or(1) as usize;
    let mut result = Vec::new();
    for (_, members) in grouped(series, |one| one.labels.grouped(grouping)) {
        let steps = members.first().map_or(0, |series| series.values.len());
        let mut kept: Vec<Vec<Option<f64>>> = vec![vec![None; steps]; members.len()];
        for at in 0..steps {
            let mut order: Vec<(usize, f64)> = members
                .iter()
                .enumerate()
                .filter_map(|(index, one)| Some((index, one.values.get(at).copied().flatten()?)))
                .collect();
            order.sort_by(|a, b| ranked(Some(a.1), Some(b.1), largest));
            for (index, value) in order.into_iter().take(k) {
                if let Some(cell) = kept.get_mut(index).and_then(|values| values.get_mut(at)) {
                    *cell = Some(value);
                }
            }
        }
        let named = members.iter().zip(kept).map(|(one, values)| Series {
            labels: one.labels.clone(),
            values,
        });
        result.extend(named.filter(|one| one.values.iter().any(Option::is_some)));
    }
    sorted(&result, largest)
}
