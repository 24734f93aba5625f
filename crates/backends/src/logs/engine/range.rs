//! Range functions: at each step they read the samples in `(t - range, t]`.

use std::ops::RangeInclusive;

use super::budget::Budget;
use super::error::QueryError;
use super::metric::Steps;
use super::over_time;
use super::samples::{Extractor, Sample};
use super::value::{Labels, Series};
use crate::logs::lang::{Grouping, LogRange, MatchOp, RangeOp};
use crate::logs::store::Store;

/// Bytes of a point of a series.
pub(crate) const POINT: usize = size_of::<Option<f64>>();

/// A function of a range with its arguments.
pub(crate) struct RangeCall<'q> {
    pub(crate) op: RangeOp,
    pub(crate) param: Option<f64>,
    pub(crate) range: &'q LogRange,
    /// The grouping that names the series; all labels when absent.
    pub(crate) grouping: Option<&'q Grouping>,
}

impl RangeCall<'_> {
    /// The series of the function.
    pub(crate) fn evaluate(
        &self,
        store: &Store,
        steps: Steps,
        budget: &mut Budget,
    ) -> Result<Vec<Series>, QueryError> {
        let none = Grouping::default();
        if self.op == RangeOp::AbsentOverTime {
            let windows = Windows::new(steps, self.range);
            let all = Extractor::new(self.range, Some(&none))?;
            let series = self.totals(&all, windows, store, budget, |_| 1)?;
            return Ok(absent(self.range, series, windows.count));
        }
        let windows = Windows::new(steps, self.range);
        let extractor = Extractor::new(self.range, self.grouping)?;
        if self.range.unwrap.is_some() {
            return self.of_samples(&extractor, windows, store, budget);
        }
        let seconds = self.range.range as f64 / 1e9;
        let bytes = matches!(self.op, RangeOp::BytesRate | RangeOp::BytesOverTime);
        let weigh = |sample: Sample| if bytes { sample.bytes as i64 } else { 1 };
        let mut series = self.totals(&extractor, windows, store, budget, weigh)?;
        if matches!(self.op, RangeOp::Rate | RangeOp::BytesRate) {
            for value in series.iter_mut().flat_map(|s| &mut s.values).flatten() {
                *value /= seconds;
            }
        }
        Ok(series)
    }

    /// Sums of integers over each window. Each sample is added at the first window that contains it
    /// and subtracted after the last, so the cost does not depend on the overlap of windows.
    fn totals(
        &self,
        extractor: &Extractor<'_>,
        windows: Windows,
        store: &Store,
        budget: &mut Budget,
        weigh: impl Fn(Sample) -> i64 + Sync,
    ) -> Result<Vec<Series>, QueryError> {
        let bytes = (windows.count + 1).saturating_mul(POINT);
        #[derive(Default)]
        struct Counted {
            series: Vec<Vec<(i64, i64)>>,
            /// The windows of the latest sample, which are those of the next one too for the most part.
            within: Within,
        }
        let count = |counted: &mut Counted, series: usize, sample: Sample, budget: &mut Budget| {
            if series >= counted.series.len() {
                budget.hold(bytes)?;
                let none = vec![(0, 0); windows.count + 1];
                counted.series.resize(series + 1, none);
            }
            if !counted.within.times.contains(&sample.ts) {
                counted.within = windows.of(sample.ts);
            }
            let weight = weigh(sample);
            if let (Some((first, after)), Some(change)) =
                (counted.within.windows, counted.series.get_mut(series))
            {
                if let Some((count, total)) = change.get_mut(first) {
                    *count += 1;
                    *total += weight;
                }
                if let Some((count, total)) = change.get_mut(after) {
                    *count -= 1;
                    *total -= weight;
                }
            }
            Ok(())
        };
        let found = extractor.read(store, windows.bounds(), budget, count)?;
        let mut changes = vec![Vec::new(); found.labels.len()];
        for part in found.parts {
            for (series, own) in part.series.into_iter().zip(part.collected.series) {
                match changes.get_mut(series) {
                    Some(all) if all.is_empty() => *all = own,
                    Some(all) => {
                        for (sum, own) in all.iter_mut().zip(own) {
                            *sum = (sum.0 + own.0, sum.1 + own.1);
                        }
                        budget.release(bytes);
                    }
                    None => {}
                }
            }
        }
        let running = |change: Vec<(i64, i64)>| {
            let (mut count, mut total) = (0, 0);
            let sums = change.into_iter().take(windows.count).map(move |change| {
                count += change.0;
                total += change.1;
                (count > 0).then_some(total as f64)
            });
            sums.collect()
        };
        Ok(named(found.labels, changes.into_iter().map(running)))
    }

    /// Functions that read each value of a window.
    fn of_samples(
        &self,
        extractor: &Extractor<'_>,
        windows: Windows,
        store: &Store,
        budget: &mut Budget,
    ) -> Result<Vec<Series>, QueryError> {
        type Points = Vec<Vec<(i64, f64)>>;
        let keep = |points: &mut Points, series: usize, sample: Sample, budget: &mut Budget| {
            budget.hold(POINT)?;
            if series >= points.len() {
                points.resize_with(series + 1, Vec::new);
            }
            if let Some(points) = points.get_mut(series) {
                points.push((sample.ts, sample.value));
            }
            Ok(())
        };
        let found = extractor.read(store, windows.bounds(), budget, keep)?;
        let labels = found.labels;
        let mut samples: Points = vec![Vec::new(); labels.len()];
        for part in found.parts {
            for (series, mut own) in part.series.into_iter().zip(part.collected) {
                if let Some(all) = samples.get_mut(series) {
                    all.append(&mut own);
                }
            }
        }
        let held = samples.iter().map(Vec::len).sum::<usize>() * POINT;
        budget.hold(
            labels
                .len()
                .saturating_mul(windows.count)
                .saturating_mul(POINT),
        )?;
        let seconds = self.range.range as f64 / 1e9;
        let mut all = Vec::with_capacity(samples.len());
        for mut samples in samples {
            samples.sort_by_key(|(ts, _)| *ts);
            let mut values = Vec::with_capacity(windows.count);
            for at in 0..windows.count {
                let (after, until) = windows.window(at);
                let from = samples.partition_point(|(ts, _)| *ts <= after);
                let to = samples.partition_point(|(ts, _)| *ts <= until);
                let window = samples.get(from..to).unwrap_or_default();
                for _ in window {
                    budget.spend()?;
                }
                values.push(over_time::reduce(self.op, self.param, window, seconds));
            }
            all.push(values);
        }
        budget.release(held);
        Ok(named(labels, all.into_iter()))
    }
}

fn named(labels: Vec<Labels>, values: impl Iterator<Item = Vec<Option<f64>>>) -> Vec<Series> {
    let mut series: Vec<Series> = labels
        .into_iter()
        .zip(values)
        .filter(|(_, values)| values.iter().any(Option::is_some))
        .map(|(labels, values)| Series { labels, values })
        .collect();
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

/// `absent_over_time`: 1 at each step without samples, with the labels of the selector's equality
/// matchers.
fn absent(range: &LogRange, found: Vec<Series>, count: usize) -> Vec<Series> {
    let present = |at: usize| {
        found
            .iter()
            .any(|series| series.values.get(at).is_some_and(Option::is_some))
    };
    let values: Vec<Option<f64>> = (0..count).map(|at| (!present(at)).then_some(1.0)).collect();
    let mut labels = Labels::default();
    let mut ambiguous: Vec<&str> = Vec::new();
    for matcher in &range.log.matchers {
        if matcher.op == MatchOp::Equal && labels.get(&matcher.name).is_empty() {
            labels.set(&matcher.name, &matcher.value);
        } else {
            ambiguous.push(&matcher.name);
        }
    }
    for name in ambiguous {
        labels.set(name, "");
    }
    named(vec![labels], std::iter::once(values))
}

/// The windows of all steps.
#[derive(Clone, Copy, Debug)]
struct Windows {
    /// End of the first window, Unix nanoseconds.
    first: i64,
    step: i64,
    count: usize,
    range: i64,
}

impl Windows {
    fn new(steps: Steps, range: &LogRange) -> Self {
        Self {
            first: steps.start.saturating_sub(range.offset),
            step: steps.step.max(1),
            count: steps.count(),
            range: range.range,
        }
    }

    /// The times that the windows cover, `[start, end)`.
    fn bounds(&self) -> (i64, i64) {
        let (after, _) = self.window(0);
        let (_, until) = self.window(self.count.saturating_sub(1));
        (after.saturating_add(1), until.saturating_add(1))
    }

    /// A window `(start, end]`.
    fn window(&self, at: usize) -> (i64, i64) {
        let passed = self.step.saturating_mul(at as i64);
        let until = self.first.saturating_add(passed);
        (until.saturating_sub(self.range), until)
    }

    /// The windows that contain a time.
    fn of(&self, ts: i64) -> Within {
        let wide = i128::from;
        let (step, range) = (wide(self.step), wide(self.range));
        let since = wide(ts) - wide(self.first);
        // Window `n` contains the times after `n * step - range`, up to `n * step`.
        let first = (since + step - 1).div_euclid(step);
        let last = (since + range - 1).div_euclid(step);
        // The first window is the same after the end of the one before it, the last one until the next begins.
        let from = ((first - 1) * step + 1).max(last * step - range + 1);
        let until = (first * step).min((last + 1) * step - range);
        let time = |since: i128| {
            let time = since + wide(self.first);
            time.clamp(wide(i64::MIN), wide(i64::MAX)) as i64
        };
        let (first, last) = (first.max(0), last.min(self.count as i128 - 1));
        Within {
            times: time(from)..=time(until),
            windows: (first <= last).then(|| (first as usize, last as usize + 1)),
        }
    }
}

/// The windows that contain each of some times.
#[derive(Debug, PartialEq)]
struct Within {
    /// Unix nanoseconds.
    times: RangeInclusive<i64>,
    /// The first one, and the one after the last; none contains the times if absent.
    windows: Option<(usize, usize)>,
}

impl Default for Within {
    /// Of no time.
    fn default() -> Self {
        Self {
            times: RangeInclusive::new(1, 0),
            windows: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_of_a_time_are_those_that_contain_it() {
        for (step, range) in [(15, 60), (60, 15), (7, 7), (10, 25), (1, 3), (5, 1)] {
            let windows = Windows {
                first: -20,
                step,
                count: 9,
                range,
            };
            let contain = |ts: i64| -> Vec<usize> {
                let is_in = |at: &usize| {
                    let (after, until) = windows.window(*at);
                    after < ts && ts <= until
                };
                (0..windows.count).filter(is_in).collect()
            };
            for ts in -100..700 {
                let within = windows.of(ts);
                assert!(within.times.contains(&ts), "{step} {range} {ts}");
                let (first, after) = within.windows.unwrap_or_default();
                for same in within.times.clone() {
                    let all: Vec<usize> = (first..after).collect();
                    assert_eq!(contain(same), all, "{step} {range} {ts} {same}");
                }
            }
        }
    }
}
