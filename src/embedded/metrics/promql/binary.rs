//! Binary operators: arithmetic and comparison of numbers, and of a number with each series.

use promql_parser::parser::BinaryExpr;
use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LSS, T_LTE, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB,
    TokenType,
};

use super::QueryError;
use super::eval::{Evaluator, Value, map_values};
use super::grid::{ABSENT, Column, Grid, is_absent};

/// The result of an operator on two numbers, and for a comparison whether it holds.
pub(super) fn apply(op: TokenType, left: f64, right: f64) -> (f64, bool) {
    match op.id() {
        T_ADD => (left + right, true),
        T_SUB => (left - right, true),
        T_MUL => (left * right, true),
        T_DIV => (left / right, true),
        T_MOD => (left % right, true),
        T_POW => (left.powf(right), true),
        T_ATAN2 => (left.atan2(right), true),
        T_EQLC => (left, left == right),
        T_NEQ => (left, left != right),
        T_GTR => (left, left > right),
        T_LSS => (left, left < right),
        T_GTE => (left, left >= right),
        T_LTE => (left, left <= right),
        _ => (f64::NAN, false),
    }
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// What stays of a pair: a number, `0` or `1` with `bool`, or nothing when a filter fails.
pub(super) fn outcome(op: TokenType, left: f64, right: f64, return_bool: bool) -> Option<f64> {
    let (value, holds) = apply(op, left, right);
    if return_bool {
        Some(truth(holds))
    } else {
        holds.then_some(value)
    }
}

impl Evaluator<'_> {
    pub(super) fn binary(&self, binary: &BinaryExpr, grid: &Grid) -> Result<Value, QueryError> {
        let left = self.eval(&binary.lhs, grid)?;
        let right = self.eval(&binary.rhs, grid)?;
        let (op, return_bool) = (binary.op, binary.return_bool());
        match (left, right) {
            (Value::Scalar(left), Value::Scalar(right)) => {
                let values = left.into_iter().zip(right).map(|(left, right)| {
                    let (value, holds) = apply(op, left, right);
                    if op.is_comparison_operator() {
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
                    if op.is_comparison_operator() && !return_bool {
                        return apply(op, left[step], value).1.then_some(value);
                    }
                    outcome(op, left[step], value, return_bool)
                })
            }
            (Value::Vector(left), Value::Vector(right)) => {
                let modifier = binary.modifier.as_ref();
                let columns = if op.is_set_operator() {
                    self.set_operation(op, left, right, modifier, grid)?
                } else {
                    self.match_vectors(op, left, right, modifier, grid)?
                };
                Ok(Value::Vector(columns))
            }
            _ => Err(QueryError::BadData(
                "parse error: binary expression must contain only scalar and instant vector types"
                    .to_owned(),
            )),
        }
    }
}

fn each(
    mut columns: Vec<Column>,
    op: TokenType,
    return_bool: bool,
    mut function: impl FnMut(f64, usize) -> Option<f64>,
) -> Result<Value, QueryError> {
    if op.is_set_operator() {
        return Err(QueryError::BadData(format!(
            "parse error: set operator '{op}' not allowed in binary scalar expression"
        )));
    }
    if op.is_comparison_operator() && !return_bool {
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
