//! Instant vector selectors: for each step the newest sample of each series within the lookback.

use std::time::Duration;

use promql_parser::label::MatchOp;
use promql_parser::parser::{AtModifier, Offset, VectorSelector};

use super::QueryError;
use super::eval::Evaluator;
use super::grid::{ABSENT, Column, Grid};
use crate::embedded::metrics::labels::METRIC_NAME;
use crate::embedded::metrics::sample::is_stale;
use crate::embedded::metrics::store::{Matcher, Selector};

/// Turns the parser's matchers into the store's.
pub(super) fn compile(vector: &VectorSelector) -> Result<Selector, QueryError> {
    let mut matchers = Vec::new();
    if let Some(name) = &vector.name {
        matchers.push(Matcher::equal(METRIC_NAME, name.as_str()));
    }
    for matcher in &vector.matchers.matchers {
        let name = matcher.name.as_str();
        matchers.push(match &matcher.op {
            MatchOp::Equal => Matcher::equal(name, matcher.value.as_str()),
            MatchOp::NotEqual => Matcher::not_equal(name, matcher.value.as_str()),
            MatchOp::Re(_) => regex(name, &matcher.value, false)?,
            MatchOp::NotRe(_) => regex(name, &matcher.value, true)?,
        });
    }
    Ok(Selector::new(matchers))
}

fn regex(name: &str, pattern: &str, negated: bool) -> Result<Matcher, QueryError> {
    Matcher::regex(name, pattern, negated)
        .map_err(|text| QueryError::BadData(format!("parse error: {text}")))
}

/// Milliseconds of a duration, as far as they fit.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 8)
}

/// Where in time a selector or subquery looks: `@` fixes the time, `offset` shifts it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    at: Option<i64>,
    offset: i64,
}

impl Shift {
    pub(super) fn new(
        at: Option<&AtModifier>,
        offset: Option<&Offset>,
        evaluator: &Evaluator<'_>,
    ) -> Self {
        let at = at.map(|at| match at {
            AtModifier::Start => evaluator.query_start,
            AtModifier::End => evaluator.query_end,
            AtModifier::At(time) => match time.duration_since(std::time::UNIX_EPOCH) {
                Ok(after) => millis(after),
                Err(before) => -millis(before.duration()),
            },
        });
        let offset = match offset {
            Some(Offset::Pos(by)) => millis(*by),
            Some(Offset::Neg(by)) => -millis(*by),
            None => 0,
        };
        Self { at, offset }
    }

    /// The time looked at when the query evaluates at `time`.
    pub(super) fn apply(self, time: i64) -> i64 {
        self.at.unwrap_or(time).saturating_sub(self.offset)
    }
}

/// Whether an instant selector gives its samples' values or their times (for `timestamp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    Values,
    Times,
}

impl Evaluator<'_> {
    /// Evaluates an instant vector selector at every step.
    pub(super) fn select(
        &self,
        vector: &VectorSelector,
        grid: &Grid,
        take: Take,
    ) -> Result<Vec<Column>, QueryError> {
        let selector = compile(vector)?;
        let shift = Shift::new(vector.at.as_ref(), vector.offset.as_ref(), self);
        let (first, last) = (shift.apply(grid.start()), shift.apply(grid.end()));
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let mut columns = Vec::new();
        for series in self.store.select(&selector) {
            times.clear();
            values.clear();
            series.read(
                first.saturating_sub(self.lookback),
                last,
                &mut times,
                &mut values,
            );
            self.budget.read(times.len())?;
            if times.is_empty() {
                continue;
            }
            self.budget.make(grid.len())?;
            let mut column = Column {
                labels: series.labels().clone(),
                values: vec![ABSENT; grid.len()],
            };
            let mut next = 0;
            for (index, slot) in column.values.iter_mut().enumerate() {
                let time = shift.apply(grid.time(index));
                while next < times.len() && times[next] <= time {
                    next += 1;
                }
                if next == 0
                    || times[next - 1] <= time - self.lookback
                    || is_stale(values[next - 1])
                {
                    continue;
                }
                *slot = match take {
                    Take::Values => values[next - 1],
                    Take::Times => times[next - 1] as f64 / 1000.0,
                };
            }
            if !column.is_void() {
                columns.push(column);
            }
        }
        Ok(columns)
    }
}
