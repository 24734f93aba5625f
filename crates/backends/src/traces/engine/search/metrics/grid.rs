//! The intervals of a metrics query, laid out as Tempo lays them out, so that the same query
//! gives the same points.

use std::time::Duration;

/// Intervals of one length, open at their start and closed at their end. Times are in nanoseconds
/// since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    start: u64,
    end: u64,
    step: u64,
    instant: bool,
}

impl Grid {
    /// Intervals of length `step`, which must not be 0, from before `start` until after `end`.
    ///
    /// Both ends are moved outwards to a multiple of the step, and one interval comes before, so
    /// that a graph does not change when it is drawn again a second later.
    #[must_use]
    pub(crate) fn range(start: u64, end: u64, step: u64) -> Self {
        let first = start - start % step;
        Self {
            start: if first > step { first - step } else { first },
            end: end.div_ceil(step).saturating_mul(step),
            step,
            instant: false,
        }
    }

    /// One interval, exactly as it is asked for. The step only says what a rate is about.
    #[must_use]
    pub(crate) fn instant(start: u64, end: u64, step: u64) -> Self {
        Self {
            start,
            end,
            step,
            instant: true,
        }
    }

    /// Start of the first interval, nanoseconds since the Unix epoch.
    #[must_use]
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// From the start of the first interval to the end of the last.
    #[must_use]
    pub(crate) fn length(&self) -> Duration {
        Duration::from_nanos(self.end.saturating_sub(self.start))
    }

    /// Length of an interval.
    #[must_use]
    pub(crate) fn step(&self) -> Duration {
        Duration::from_nanos(self.step)
    }

    /// Number of intervals.
    #[must_use]
    pub(crate) fn intervals(&self) -> usize {
        let count = if self.instant {
            1
        } else {
            (self.end.saturating_sub(self.start)) / self.step
        };
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// The interval that a time falls into, from 0.
    pub(super) fn interval(&self, time: u64) -> Option<usize> {
        if time <= self.start || time > self.end {
            return None;
        }
        if self.instant {
            return Some(0);
        }
        // The end of an interval belongs to it.
        let at = (time - self.start - 1) / self.step;
        usize::try_from(at).ok()
    }

    /// The time that stands for an interval: its end, in milliseconds since the Unix epoch.
    #[must_use]
    pub(crate) fn stamp_ms(&self, interval: usize) -> u64 {
        if self.instant {
            return self.end / 1_000_000;
        }
        let after = (interval as u64 + 1).saturating_mul(self.step);
        self.start.saturating_add(after) / 1_000_000
    }

    /// The window of traces that can have a span in it.
    pub(super) fn window(&self) -> (u64, u64) {
        (self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_range_is_moved_outwards_and_begins_one_interval_earlier() {
        let grid = Grid::range(101 * SECOND, 119 * SECOND, 10 * SECOND);
        assert_eq!(grid.intervals(), 3);
        let stamps: Vec<u64> = (0..3).map(|at| grid.stamp_ms(at)).collect();
        assert_eq!(stamps, [100_000, 110_000, 120_000]);
        let at = |seconds: u64| grid.interval(seconds * SECOND);
        assert_eq!(
            [at(90), at(91), at(100), at(101), at(120), at(121)],
            [None, Some(0), Some(0), Some(1), Some(2), None]
        );
    }

    #[test]
    fn an_instant_is_one_interval() {
        let grid = Grid::instant(101 * SECOND, 119 * SECOND, SECOND);
        assert_eq!((grid.intervals(), grid.stamp_ms(0)), (1, 119_000));
        let at = |seconds: u64| grid.interval(seconds * SECOND);
        assert_eq!(
            [at(101), at(102), at(119), at(120)],
            [None, Some(0), Some(0), None]
        );
    }
}
