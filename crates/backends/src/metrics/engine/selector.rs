//! Instant vector selectors: for each step the newest sample of each series within the lookback.

use std::sync::Arc;

use super::QueryError;
use super::eval::Evaluator;
use super::grid::{Column, Grid, Sample};
use super::range::{points_of, strip_buckets};
use crate::metrics::histogram::Histogram;
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
            let histograms = &mut scratch.histograms;
            let after = first.saturating_sub(self.lookback);
            // Only the newest histogram before a step is looked at, unless each tells about the next.
            let stripped = self.without_buckets.contains(&vector.place);
            let mut step = 0;
            let needs_last = |time: i64| {
                let before = step;
                while step < grid.len() && shift.apply(grid.time(step)) < time {
                    step += 1;
                }
                stripped || step > before
            };
            let paid = self.read(series, (after, last), times, values, histograms, needs_last)?;
            if times.is_empty() && histograms.is_empty() {
                return Ok(None);
            }
            self.budget.make(grid.len())?;
            let mut column = Column::void(series.labels().clone(), grid.len());
            if !histograms.is_empty() {
                if stripped {
                    strip_buckets(histograms);
                }
                let newest = |time: i64| newest(time, (times, values), histograms);
                for step in 0..grid.len() {
                    let time = shift.apply(grid.time(step));
                    if let Some((at, sample)) = newest(time)
                        && at > time - self.lookback
                    {
                        let sample = match take {
                            Take::Values => sample,
                            Take::Times => Sample::Number(at as f64 / 1000.0),
                        };
                        column.set(step, Some(sample));
                    }
                }
                let mut kept: Vec<_> = column.histograms.iter().flatten().collect();
                kept.dedup_by(|next, known| Arc::ptr_eq(next, known));
                self.budget
                    .make(points_of(kept.into_iter().map(|it| &**it)))?;
                self.budget.release(paid);
                return Ok((!column.is_void()).then_some(column));
            }
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

/// The newest sample that is not after a time; none where a marker ends the series.
fn newest(
    time: i64,
    (times, values): (&[i64], &[f64]),
    histograms: &[(i64, Arc<Histogram>)],
) -> Option<(i64, Sample)> {
    let place = times.partition_point(|it| *it <= time).checked_sub(1);
    let number = place.map(|place| (times[place], values[place]));
    let place = histograms.partition_point(|it| it.0 <= time).checked_sub(1);
    let histogram = place.map(|place| &histograms[place]);
    match (number, histogram) {
        (number, Some((at, histogram))) if number.is_none_or(|it| it.0 < *at) => {
            Some((*at, Sample::Histogram(histogram.clone())))
        }
        (Some((at, value)), _) if !is_stale(value) => Some((at, Sample::Number(value))),
        _ => None,
    }
}
