//! Binary operators: arithmetic and comparison of numbers, and of a number with each series.

use super::QueryError;
use super::annotations::Note;
use super::eval::{Evaluator, Value, map_values};
use super::grid::{ABSENT, Column, Grid, is_absent};
use crate::metrics::lang::ast::Binary;
use crate::metrics::lang::token::{Op, Place};

/// The result of an operator on two numbers, and for a comparison whether it holds.
pub(super) fn apply(op: Op, left: f64, right: f64) -> (f64, bool) {
    match op {
        Op::Add => (left + right, true),
        Op::Sub => (left - right, true),
        Op::Mul => (left * right, true),
        Op::Div => (left / right, true),
        Op::Mod => (left % right, true),
        Op::Pow => (left.powf(right), true),
        Op::Atan2 => (left.atan2(right), true),
        Op::Equal => (left, left == right),
        Op::NotEqual => (left, left != right),
        Op::Greater => (left, left > right),
        Op::Less => (left, left < right),
        Op::GreaterOrEqual => (left, left >= right),
        Op::LessOrEqual => (left, left <= right),
        // Histograms are trimmed, numbers are not; and set operators look at no value.
        Op::TrimUpper | Op::TrimLower | Op::And | Op::Or | Op::Unless => (f64::NAN, false),
    }
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// Outcome for a pair: a number, `0` or `1` with `bool`, or nothing when a filter fails.
pub(super) fn outcome(op: Op, left: f64, right: f64, return_bool: bool) -> Option<f64> {
    let (value, holds) = apply(op, left, right);
    if return_bool {
        Some(truth(holds))
    } else {
        holds.then_some(value)
    }
}

impl Evaluator<'_> {
    pub(super) fn binary(&self, binary: &Binary, grid: &Grid) -> Result<Value, QueryError> {
        let left = self.eval(&binary.left, grid)?;
        let right = self.eval(&binary.right, grid)?;
        let (op, return_bool) = (binary.op, binary.return_bool);
        if matches!(op, Op::TrimUpper | Op::TrimLower) {
            return self.trim(op, &left, &right, binary.left.place());
        }
        match (left, right) {
            (Value::Scalar(left), Value::Scalar(right)) => {
                let values = left.into_iter().zip(right).map(|(left, right)| {
                    let (value, holds) = apply(op, left, right);
                    if op.is_comparison() {
                        truth(holds)
                    } else {
                        value
                    }
                });
                Ok(Value::Scalar(values.collect()))
            }
            (Value::Vector(left), Value::Scalar(right)) => {
                each(left, op, return_bool, |value, step| {
                    outcome(op, value, right[step], return_bool)
                })
            }
            (Value::Scalar(left), Value::Vector(right)) => {
                each(right, op, return_bool, |value, step| {
                    // A filter keeps the series' value, on whichever side it stands.
                    if op.is_comparison() && !return_bool {
                        return apply(op, left[step], value).1.then_some(value);
                    }
                    outcome(op, left[step], value, return_bool)
                })
            }
            (Value::Vector(left), Value::Vector(right)) => {
                let columns = if op.is_set() {
                    self.set_operation(op, left, right, &binary.matching, grid)?
                } else {
                    self.match_vectors(binary, left, right, grid)?
                };
                Ok(Value::Vector(columns))
            }
            (Value::Text(_), _) | (_, Value::Text(_)) => Err(QueryError::BadData(
                "parse error: binary expression must contain only scalar and instant vector types"
                    .to_owned(),
            )),
        }
    }

    /// Trimming is for native histograms: of numbers nothing is left.
    fn trim(&self, op: Op, left: &Value, right: &Value, place: Place) -> Result<Value, QueryError> {
        let empty = |value: &Value| matches!(value, Value::Vector(columns) if columns.is_empty());
        if let (Value::Scalar(_), Value::Scalar(_)) = (left, right) {
            return Err(QueryError::Execution(format!(
                "operator {:?} not allowed for Scalar operations",
                op.text()
            )));
        }
        if !empty(left) && !empty(right) {
            self.annotations().add(Note::incompatible_floats(op), place);
        }
        Ok(Value::Vector(Vec::new()))
    }
}

fn each(
    mut columns: Vec<Column>,
    op: Op,
    return_bool: bool,
    mut function: impl FnMut(f64, usize) -> Option<f64>,
) -> Result<Value, QueryError> {
    if op.is_set() {
        return Err(QueryError::BadData(format!(
            "parse error: set operator {:?} not allowed in binary scalar expression",
            op.text()
        )));
    }
    if op.is_comparison() && !return_bool {
        for column in &mut columns {
            for (step, value) in column.values.iter_mut().enumerate() {
                if !is_absent(*value) {
                    *value = function(*value, step).unwrap_or(ABSENT);
                }
            }
        }
        columns.retain(|column| !column.is_void());
        return Ok(Value::Vector(columns));
    }
    map_values(columns, function).map(Value::Vector)
}
