//! Instant vector selectors: for each step the newest sample of each series within the lookback.

use super::QueryError;
use super::eval::Evaluator;
use super::grid::{ABSENT, Column, Grid};
use crate::metrics::lang::ast::{At, Moved, VectorSelector};
use crate::metrics::sample::is_stale;

/// Where in time a selector or subquery looks: `@` fixes the time, `offset` shifts it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    at: Option<i64>,
    offset: i64,
}

impl Shift {
    pub(super) fn new(moved: &Moved, evaluator: &Evaluator<'_>) -> Self {
        let at = moved.at.map(|at| match at {
            At::Start => evaluator.query_start,
            At::End => evaluator.query_end,
            At::Time(time) => time,
        });
        Self {
            at,
            offset: moved.offset,
        }
    }

    /// The time looked at when the query evaluates at `time`.
    pub(super) fn apply(self, time: i64) -> i64 {
        self.at.unwrap_or(time).saturating_sub(self.offset)
    }
}

/// True if an instant selector gives its samples' values or their times (for `timestamp`).
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
        let shift = Shift::new(&vector.moved, self);
        let (first, last) = (shift.apply(grid.start()), shift.apply(grid.end()));
        let selected = self.store.select(&vector.selector, self.budget.stop())?;
        self.on_all_processors(&selected, grid, |series, scratch| {
            let (times, values) = (&mut scratch.times, &mut scratch.values);
            series.read(first.saturating_sub(self.lookback), last, times, values);
            self.budget.read(times.len())?;
            if times.is_empty() {
                return Ok(None);
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
            Ok((!column.is_void()).then_some(column))
        })
    }
}
