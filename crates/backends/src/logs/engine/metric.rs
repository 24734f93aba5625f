//! Metric queries. The tree is evaluated bottom-up, for all steps at once.

use super::aggregation::aggregate;
use super::binary;
use super::budget::Budget;
use super::error::QueryError;
use super::range::{POINT, RangeCall};
use super::value::{Labels, Series, Value};
use crate::logs::lang::{Grouping, MetricExpr, RangeOp, VectorOp};
use crate::logs::store::Store;
use crate::wire::Stop;
use crate::wire::regex::Expression;

/// The times at which a query is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first step, Unix nanoseconds.
    pub start: i64,
    /// No step is later, Unix nanoseconds.
    pub end: i64,
    /// Nanoseconds between two steps, at least 1.
    pub step: i64,
}

impl Steps {
    /// A single time.
    #[must_use]
    pub fn instant(ts: i64) -> Self {
        Self {
            start: ts,
            end: ts,
            step: 1,
        }
    }

    /// Number of steps.
    #[must_use]
    pub fn count(self) -> usize {
        let span = self.end.saturating_sub(self.start).max(0);
        (span / self.step.max(1)) as usize + 1
    }

    /// The time of a step.
    #[must_use]
    pub fn at(self, index: usize) -> i64 {
        let passed = self.step.saturating_mul(index as i64);
        self.start.saturating_add(passed)
    }
}

/// Evaluates a metric query.
///
/// # Errors
/// The query is invalid or exceeds a limit.
pub fn evaluate(
    expr: &MetricExpr,
    store: &Store,
    steps: Steps,
    stop: Stop,
) -> Result<Value, QueryError> {
    let mut evaluation = Evaluation {
        store,
        steps,
        budget: Budget::new(stop, store.limits().max_query_bytes),
    };
    let value = evaluation.value(expr)?;
    if let Value::Vector(series) = &value {
        let limit = store.limits().max_query_series;
        if series.len() > limit {
            return Err(QueryError::TooManySeries(limit));
        }
    }
    Ok(value)
}

struct Evaluation<'s> {
    store: &'s Store,
    steps: Steps,
    budget: Budget,
}

impl Evaluation<'_> {
    fn value(&mut self, expr: &MetricExpr) -> Result<Value, QueryError> {
        match expr {
            MetricExpr::Literal(value) => Ok(Value::Scalar(*value)),
            MetricExpr::Vector(value) => {
                self.budget.hold(self.steps.count().saturating_mul(POINT))?;
                Ok(Value::Vector(vec![Series {
                    labels: Labels::default(),
                    values: vec![Some(*value); self.steps.count()],
                }]))
            }
            MetricExpr::Range {
                op,
                param,
                range,
                grouping,
            } => {
                let call = RangeCall {
                    op: *op,
                    param: *param,
                    range,
                    grouping: grouping.as_ref(),
                };
                let series = call.evaluate(self.store, self.steps, &mut self.budget)?;
                Ok(Value::Vector(series))
            }
            MetricExpr::Aggregation {
                op,
                param,
                inner,
                grouping,
            } => {
                if *op == VectorOp::ApproxTopK {
                    return Err(QueryError::ApproxTopK);
                }
                let grouping = grouping.as_ref();
                let inner = match self.direct_sum(*op, inner, grouping)? {
                    Some(series) => series,
                    None => self.vector(inner)?,
                };
                let result = aggregate(*op, *param, grouping, &inner);
                self.exchange(&[&inner], result)
            }
            MetricExpr::Binary { op, left, right } => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                let held = bytes_of(&left) + bytes_of(&right);
                let result = binary::apply(op, left, right, self.steps.count(), &mut self.budget)?;
                self.budget.hold(bytes_of(&result))?;
                self.budget.release(held);
                Ok(result)
            }
            MetricExpr::LabelReplace {
                inner,
                dst,
                replacement,
                src,
                regex,
            } => {
                let regex = Expression::new(&format!("^(?:{regex})$")).map_err(|error| {
                    QueryError::Invalid(format!("invalid regex in label_replace: {error}"))
                })?;
                let mut series = self.vector(inner)?;
                for one in &mut series {
                    let made = replace_label(&mut one.labels, dst, replacement, src, &regex);
                    self.budget.hold(made)?;
                }
                Ok(Value::Vector(series))
            }
            MetricExpr::Refused(reason) => Err(reason.clone().into()),
        }
    }

    /// Accounts for a result and releases its operands.
    fn exchange(&mut self, from: &[&[Series]], result: Vec<Series>) -> Result<Value, QueryError> {
        let held: usize = from.iter().map(|series| series_bytes(series)).sum();
        self.budget.hold(series_bytes(&result))?;
        self.budget.release(held);
        Ok(Value::Vector(result))
    }

    fn vector(&mut self, expr: &MetricExpr) -> Result<Vec<Series>, QueryError> {
        match self.value(expr)? {
            Value::Vector(series) => Ok(series),
            Value::Scalar(_) => Err(QueryError::Invalid(
                "expected type vector, got scalar".to_owned(),
            )),
        }
    }

    /// A sum of counts is counted with the grouping of the sum, so that series with other labels
    /// need not be kept apart.
    fn direct_sum(
        &mut self,
        op: VectorOp,
        inner: &MetricExpr,
        grouping: Option<&Grouping>,
    ) -> Result<Option<Vec<Series>>, QueryError> {
        let MetricExpr::Range {
            op: function,
            range,
            ..
        } = inner
        else {
            return Ok(None);
        };
        let additive = matches!(
            function,
            RangeOp::Rate
                | RangeOp::CountOverTime
                | RangeOp::BytesRate
                | RangeOp::BytesOverTime
                | RangeOp::SumOverTime
        );
        if op != VectorOp::Sum || !additive {
            return Ok(None);
        }
        let all = Grouping::default();
        let call = RangeCall {
            op: *function,
            param: None,
            range,
            grouping: Some(grouping.unwrap_or(&all)),
        };
        call.evaluate(self.store, self.steps, &mut self.budget)
            .map(Some)
    }
}

/// Memory of series in bytes, including labels.
fn series_bytes(series: &[Series]) -> usize {
    let label = |(name, value): &(String, String)| name.len() + value.len() + 48;
    let one = |one: &Series| {
        one.values.len() * POINT + one.labels.0.iter().map(label).sum::<usize>() + 48
    };
    series.iter().map(one).sum()
}

fn bytes_of(value: &Value) -> usize {
    match value {
        Value::Scalar(_) => 0,
        Value::Vector(series) => series_bytes(series),
    }
}

/// Returns how many bytes the new label has.
fn replace_label(
    labels: &mut Labels,
    dst: &str,
    replacement: &str,
    src: &str,
    regex: &Expression,
) -> usize {
    let value = labels.get(src).to_owned();
    if let Some(captures) = regex.regex().captures(&value) {
        let mut text = String::new();
        regex.expand(replacement, &captures, &mut text);
        labels.set(dst, &text);
        return text.len() + dst.len();
    }
    value.len()
}
