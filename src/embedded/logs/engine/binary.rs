//! Binary operators between numbers and vectors.

use std::collections::HashMap;

use super::error::QueryError;
use super::value::{Labels, Series, Value};
use crate::embedded::logs::logql::{BinaryOp, BinaryOpKind, CompareOp};

/// Applies an operator.
pub(crate) fn apply(
    op: &BinaryOp,
    left: Value,
    right: Value,
    steps: usize,
) -> Result<Value, QueryError> {
    let is_set = matches!(
        op.kind,
        BinaryOpKind::And | BinaryOpKind::Or | BinaryOpKind::Unless
    );
    match (left, right) {
        (Value::Vector(left), Value::Vector(right)) if is_set => {
            Ok(Value::Vector(set(op, left, &right, steps)))
        }
        (Value::Vector(left), Value::Vector(right)) => vectors(op, left, right).map(Value::Vector),
        _ if is_set => Err(QueryError::Invalid(
            "unexpected literal for side of logical/set binary operation".to_owned(),
        )),
        (Value::Scalar(left), Value::Scalar(right)) => {
            Ok(Value::Scalar(match comparison(op.kind) {
                Some(compare) => f64::from(u8::from(compare.holds(left, right))),
                None => arithmetic(op.kind, left, right),
            }))
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

fn without_empty(mut series: Vec<Series>) -> Vec<Series> {
    series.retain(|one| one.values.iter().any(Option::is_some));
    series
}

/// One point; a comparison that fails leaves nothing, one that holds leaves `kept`.
fn point(op: &BinaryOp, left: f64, right: f64, kept: f64) -> Option<f64> {
    let Some(compare) = comparison(op.kind) else {
        return Some(arithmetic(op.kind, left, right));
    };
    let holds = compare.holds(left, right);
    if op.return_bool {
        return Some(f64::from(u8::from(holds)));
    }
    holds.then_some(kept)
}

fn comparison(kind: BinaryOpKind) -> Option<CompareOp> {
    Some(match kind {
        BinaryOpKind::Equal => CompareOp::Equal,
        BinaryOpKind::NotEqual => CompareOp::NotEqual,
        BinaryOpKind::Greater => CompareOp::Greater,
        BinaryOpKind::GreaterOrEqual => CompareOp::GreaterOrEqual,
        BinaryOpKind::Less => CompareOp::Less,
        BinaryOpKind::LessOrEqual => CompareOp::LessOrEqual,
        _ => return None,
    })
}

fn arithmetic(kind: BinaryOpKind, left: f64, right: f64) -> f64 {
    match kind {
        BinaryOpKind::Add => left + right,
        BinaryOpKind::Sub => left - right,
        BinaryOpKind::Mul => left * right,
        // Loki answers NaN where Prometheus has an infinity.
        BinaryOpKind::Div if right == 0.0 => f64::NAN,
        BinaryOpKind::Mod if right == 0.0 => f64::NAN,
        BinaryOpKind::Div => left / right,
        BinaryOpKind::Mod => left % right,
        BinaryOpKind::Pow => left.powf(right),
        _ => f64::NAN,
    }
}

/// The labels by which two series find each other; they are the labels of the result as well.
fn signature(op: &BinaryOp, labels: &Labels) -> Labels {
    match &op.matching {
        Some(matching) => labels.only(&matching.labels, matching.on),
        None => labels.clone(),
    }
}

fn vectors(
    op: &BinaryOp,
    left: Vec<Series>,
    right: Vec<Series>,
) -> Result<Vec<Series>, QueryError> {
    let mut others: HashMap<Labels, Series> = HashMap::with_capacity(right.len());
    for series in right {
        if others
            .insert(signature(op, &series.labels), series)
            .is_some()
        {
            return Err(QueryError::ManyToOne);
        }
    }
    let mut result = Vec::new();
    for series in left {
        let labels = signature(op, &series.labels);
        // Each series of the right side meets one of the left at most.
        let Some(other) = others.remove(&labels) else {
            if result.iter().any(|done: &Series| done.labels == labels) {
                return Err(QueryError::ManyToOne);
            }
            continue;
        };
        let values = series
            .values
            .iter()
            .zip(&other.values)
            .map(|(left, right)| {
                let (left, right) = ((*left)?, (*right)?);
                point(op, left, right, left)
            })
            .collect();
        result.push(Series { labels, values });
    }
    Ok(without_empty(result))
}

fn set(op: &BinaryOp, left: Vec<Series>, right: &[Series], steps: usize) -> Vec<Series> {
    let left_present = presence(op, &left, steps);
    let right_present = presence(op, right, steps);
    let is_present = |all: &HashMap<Labels, Vec<bool>>, labels: &Labels, at: usize| {
        all.get(&signature(op, labels))
            .and_then(|steps| steps.get(at).copied())
            .unwrap_or(false)
    };
    let filtered = |mut series: Series, keep: &dyn Fn(&Labels, usize) -> bool| {
        for (at, value) in series.values.iter_mut().enumerate() {
            *value = value.filter(|_| keep(&series.labels, at));
        }
        series
    };
    let result = match op.kind {
        BinaryOpKind::And => left
            .into_iter()
            .map(|one| filtered(one, &|labels, at| is_present(&right_present, labels, at)))
            .collect(),
        BinaryOpKind::Unless => left
            .into_iter()
            .map(|one| filtered(one, &|labels, at| !is_present(&right_present, labels, at)))
            .collect(),
        _ => {
            let mut all = left;
            for other in right {
                let rest = filtered(other.clone(), &|labels, at| {
                    !is_present(&left_present, labels, at)
                });
                // A series that both sides have goes on where the left one stops.
                match all.iter_mut().find(|one| one.labels == rest.labels) {
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
    without_empty(result)
}

fn presence(op: &BinaryOp, series: &[Series], steps: usize) -> HashMap<Labels, Vec<bool>> {
    let mut present: HashMap<Labels, Vec<bool>> = HashMap::new();
    for one in series {
        let entry = present
            .entry(signature(op, &one.labels))
            .or_insert_with(|| vec![false; steps]);
        for (present, value) in entry.iter_mut().zip(&one.values) {
            *present |= value.is_some();
        }
    }
    present
}
