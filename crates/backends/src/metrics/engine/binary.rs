//! Binary operators: arithmetic and comparison of numbers, and of a number with each series.

use std::sync::Arc;

use super::QueryError;
use super::annotations::Note;
use super::eval::{Evaluator, Value, merge};
use super::grid::{ABSENT, Column, Grid, Sample, is_absent};
use crate::metrics::histogram::{Cut, Hint, Histogram};
use crate::metrics::lang::ast::Binary;
use crate::metrics::lang::token::Op;

/// The result of an operator on two numbers, and for a comparison whether it holds.
fn apply(op: Op, left: f64, right: f64) -> (f64, bool) {
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

/// The result of an operator on two samples.
pub(super) struct Outcome {
    sample: Sample,
    /// False if a filter fails.
    holds: bool,
    /// What may surprise about it.
    pub(super) note: Option<Note>,
}

impl Outcome {
    /// The sample: `0` or `1` with `bool`, nothing when a filter fails.
    pub(super) fn sample(self, return_bool: bool) -> Option<Sample> {
        if return_bool {
            return Some(Sample::Number(truth(self.holds)));
        }
        self.holds.then_some(self.sample)
    }
}

/// The reason why an operator gives nothing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refused {
    /// It does not take these types.
    Types(&'static str, &'static str),
    /// One histogram has exponential buckets and the other custom ones.
    Buckets,
    /// One histogram came after a counter reset, and the other did not.
    Resets(&'static str),
}

impl Refused {
    pub(super) fn note(self, op: Op) -> Note {
        match self {
            Self::Types(left, right) => Note::incompatible_types(left, op, right),
            Self::Buckets => Note::incompatible_buckets(op),
            Self::Resets(operation) => Note::resets_collide(operation),
        }
    }
}

/// The result of an operator on numbers and histograms.
pub(super) fn pair(op: Op, left: &Sample, right: &Sample) -> Result<Outcome, Refused> {
    match (left, right) {
        (Sample::Number(_), Sample::Number(_)) if op.trims() => {
            Err(Refused::Types("float", "float"))
        }
        (Sample::Number(left), Sample::Number(right)) => {
            let (value, holds) = apply(op, *left, *right);
            Ok(Outcome {
                sample: Sample::Number(value),
                holds,
                note: None,
            })
        }
        (Sample::Number(factor), Sample::Histogram(histogram)) => {
            if op != Op::Mul {
                return Err(Refused::Types("float", "histogram"));
            }
            Ok(changed(histogram, |it| it.multiply(*factor)))
        }
        (Sample::Histogram(histogram), Sample::Number(number)) => match op {
            Op::Mul => Ok(changed(histogram, |it| it.multiply(*number))),
            Op::Div => Ok(changed(histogram, |it| it.divide(*number))),
            Op::TrimUpper => Ok(trimmed(histogram, *number, Cut::Above)),
            Op::TrimLower => Ok(trimmed(histogram, *number, Cut::Below)),
            _ => Err(Refused::Types("histogram", "float")),
        },
        (Sample::Histogram(left), Sample::Histogram(right)) => histograms(op, left, right),
    }
}

fn histograms(op: Op, left: &Arc<Histogram>, right: &Histogram) -> Result<Outcome, Refused> {
    let (operation, joined, mut result) = match op {
        Op::Equal | Op::NotEqual => {
            return Ok(Outcome {
                sample: Sample::Histogram(left.clone()),
                holds: left.equals(right) == (op == Op::Equal),
                note: None,
            });
        }
        Op::Add => {
            let mut sum = Histogram::clone(left);
            ("addition", sum.add(right), sum)
        }
        Op::Sub => {
            let mut difference = Histogram::clone(left);
            ("subtraction", difference.subtract(right), difference)
        }
        _ => return Err(Refused::Types("histogram", "histogram")),
    };
    let joined = joined.map_err(|_| Refused::Buckets)?;
    if joined.resets_collide {
        return Err(Refused::Resets(operation));
    }
    if op == Op::Sub {
        result.hint = Hint::Gauge;
    }
    result.compact();
    Ok(Outcome {
        sample: result.into(),
        holds: true,
        note: joined.bounds_differ.then(|| Note::bounds_differ(operation)),
    })
}

fn changed(histogram: &Histogram, change: impl FnOnce(&mut Histogram)) -> Outcome {
    let mut changed = histogram.clone();
    change(&mut changed);
    changed.compact();
    Outcome {
        sample: changed.into(),
        holds: true,
        note: None,
    }
}

/// As [`changed`], but what is not trimmed stays as it is.
fn trimmed(histogram: &Histogram, at: f64, cut: Cut) -> Outcome {
    let mut trimmed = histogram.clone();
    trimmed.trim(at, cut);
    Outcome {
        sample: trimmed.into(),
        holds: true,
        note: None,
    }
}

impl Evaluator<'_> {
    pub(super) fn binary(&self, binary: &Binary, grid: &Grid) -> Result<Value, QueryError> {
        let left = self.eval(&binary.left, grid)?;
        let right = self.eval(&binary.right, grid)?;
        let op = binary.op;
        match (left, right) {
            (Value::Scalar(_), Value::Scalar(_)) if op.trims() => Err(QueryError::Execution(
                format!("operator {:?} not allowed for Scalar operations", op.text()),
            )),
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
                self.with_scalar(binary, left, &right, false)
            }
            (Value::Scalar(left), Value::Vector(right)) => {
                self.with_scalar(binary, right, &left, true)
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

    /// Applies an operator to each sample of a vector and a number, which is the left operand if `swapped`.
    fn with_scalar(
        &self,
        binary: &Binary,
        mut columns: Vec<Column>,
        scalar: &[f64],
        swapped: bool,
    ) -> Result<Value, QueryError> {
        let (op, return_bool) = (binary.op, binary.return_bool);
        if op.is_set() {
            return Err(QueryError::BadData(format!(
                "parse error: set operator {:?} not allowed in binary scalar expression",
                op.text()
            )));
        }
        // A filter keeps the series' value, on whichever side it stands.
        let filters = op.is_comparison();
        let mut last = None;
        for column in &mut columns {
            if column.histograms.is_empty() && !op.trims() {
                let values = column.values.iter_mut().zip(scalar);
                for (value, scalar) in values.filter(|it| !is_absent(*it.0)) {
                    let (result, holds) = match swapped {
                        true => apply(op, *scalar, *value),
                        false => apply(op, *value, *scalar),
                    };
                    if return_bool {
                        *value = truth(holds);
                    } else if !filters {
                        *value = result;
                    } else if !holds {
                        *value = ABSENT;
                    }
                }
                continue;
            }
            for (step, scalar) in scalar.iter().enumerate() {
                let Some(sample) = column.sample(step) else {
                    continue;
                };
                let scalar = Sample::Number(*scalar);
                let outcome = match swapped {
                    true => self::pair(op, &scalar, &sample),
                    false => self::pair(op, &sample, &scalar),
                };
                let result = match outcome {
                    Ok(mut outcome) => {
                        if filters {
                            outcome.sample = sample;
                        }
                        outcome.sample(return_bool)
                    }
                    Err(refused) => {
                        last = Some(refused);
                        None
                    }
                };
                self.pay_for_sample(result.as_ref())?;
                column.set(step, result);
            }
        }
        if let Some(refused) = last {
            self.annotations()
                .add(refused.note(op), binary.left.place());
        }
        columns.retain(|column| !column.is_void());
        if !op.changes_metric() && !return_bool {
            return Ok(Value::Vector(columns));
        }
        for column in &mut columns {
            column.labels = column.labels.without_name();
        }
        merge(columns).map(Value::Vector)
    }

    /// Pays for a histogram that an operator made.
    pub(super) fn pay_for_sample(&self, sample: Option<&Sample>) -> Result<(), QueryError> {
        match sample {
            Some(Sample::Histogram(histogram)) => {
                self.budget.make(histogram.bytes() / size_of::<f64>())
            }
            _ => Ok(()),
        }
    }
}
