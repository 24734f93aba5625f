//! Binary operators between numbers and vectors.

use std::collections::HashMap;

use super::budget::Budget;
use super::error::QueryError;
use super::matching;
use super::value::{Labels, Series, Value};
use crate::logs::lang::{BinaryOp, BinaryOpKind};

/// Applies an operator.
pub(crate) fn apply(
    op: &BinaryOp,
    left: Value,
    right: Value,
    steps: usize,
    budget: &mut Budget,
) -> Result<Value, QueryError> {
    match (left, right) {
        (Value::Vector(left), Value::Vector(right)) if op.kind.is_set() => {
            set(op, left, right, steps, budget).map(Value::Vector)
        }
        (Value::Vector(left), Value::Vector(right)) => {
            matching::apply(op, &left, &right, steps, budget).map(Value::Vector)
        }
        (Value::Scalar(left), Value::Scalar(right)) => {
            Ok(Value::Scalar(op.kind.apply(left, right)))
        }
        (Value::Scalar(left), Value::Vector(right)) => Ok(Value::Vector(each(right, |value| {
            point(op, left, value, value)
        }))),
        (Value::Vector(left), Value::Scalar(right)) => Ok(Value::Vector(each(left, |value| {
            point(op, value, right, value)
        }))),
    }
}

fn each(mut series: Vec<Series>, map: impl Fn(f64) -> Option<f64>) -> Vec<Series> {
    for value in series.iter_mut().flat_map(|one| &mut one.values) {
        *value = value.and_then(&map);
    }
    without_empty(series)
}

/// Removes series without any value.
pub(super) fn without_empty(mut series: Vec<Series>) -> Vec<Series> {
    series.retain(|one| one.values.iter().any(Option::is_some));
    series
}

/// Computes one point. A filtering comparison gives `kept` if it holds and nothing otherwise.
pub(super) fn point(op: &BinaryOp, left: f64, right: f64, kept: f64) -> Option<f64> {
    match op.kind.comparison() {
        Some(compare) if !op.return_bool => compare.holds(left, right).then_some(kept),
        _ => Some(op.kind.apply(left, right)),
    }
}

/// The labels by which two series match.
pub(super) fn signature(op: &BinaryOp, labels: &Labels) -> Labels {
    match &op.matching {
        Some(matching) => labels.only(&matching.labels, matching.on),
        None => labels.clone(),
    }
}

fn set(
    op: &BinaryOp,
    left: Vec<Series>,
    right: Vec<Series>,
    steps: usize,
    budget: &mut Budget,
) -> Result<Vec<Series>, QueryError> {
    let left_present = presence(op, &left, steps, budget)?;
    let right_present = presence(op, &right, steps, budget)?;
    let filtered = |mut series: Series, others: &HashMap<Labels, Vec<bool>>, wanted: bool| {
        let others = others.get(&signature(op, &series.labels));
        for (at, value) in series.values.iter_mut().enumerate() {
            let present = others.and_then(|steps| steps.get(at).copied());
            *value = value.filter(|_| present.unwrap_or(false) == wanted);
        }
        series
    };
    let keep = |wanted: bool| {
        let left = left.iter().cloned();
        left.map(|one| filtered(one, &right_present, wanted))
            .collect()
    };
    let result = match op.kind {
        BinaryOpKind::And => keep(true),
        BinaryOpKind::Unless => keep(false),
        _ => {
            let mut all = left;
            let mut places: HashMap<Labels, usize> =
                all.iter().map(|one| one.labels.clone()).zip(0..).collect();
            for other in right {
                let rest = filtered(other, &left_present, false);
                let next = all.len();
                let at = *places.entry(rest.labels.clone()).or_insert(next);
                // A series on both sides takes the right value where the left one is absent.
                match all.get_mut(at) {
                    Some(one) => {
                        for (value, other) in one.values.iter_mut().zip(rest.values) {
                            *value = value.or(other);
                        }
                    }
                    None => all.push(rest),
                }
            }
            all
        }
    };
    Ok(without_empty(result))
}

fn presence(
    op: &BinaryOp,
    series: &[Series],
    steps: usize,
    budget: &mut Budget,
) -> Result<HashMap<Labels, Vec<bool>>, QueryError> {
    let mut present: HashMap<Labels, Vec<bool>> = HashMap::new();
    for one in series {
        budget.work(steps)?;
        let entry = present
            .entry(signature(op, &one.labels))
            .or_insert_with(|| vec![false; steps]);
        for (present, value) in entry.iter_mut().zip(&one.values) {
            *present |= value.is_some();
        }
    }
    Ok(present)
}
