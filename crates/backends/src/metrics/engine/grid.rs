//! The steps of a query and columns of values over them.

use crate::metrics::labels::Labels;
use crate::metrics::sample::{STALE_NAN_BITS, is_stale};

/// Marks a step of a column that has no value. The staleness marker can stand for it: a marker is never
/// a result, and no arithmetic yields a signalling NaN.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// True if a column has no value at a step.
pub(crate) fn is_absent(value: f64) -> bool {
    is_stale(value)
}

/// The times at which an expression is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    start: i64,
    step: i64,
    count: usize,
}

impl Grid {
    /// One time only.
    pub(crate) fn instant(time: i64) -> Self {
        Self {
            start: time,
            step: 1,
            count: 1,
        }
    }

    /// `start`, `start + step`, … not after `end`; none when `end` is before `start`.
    pub(crate) fn new(start: i64, end: i64, step: i64) -> Self {
        let step = step.max(1);
        let count = if end < start {
            0
        } else {
            (end.saturating_sub(start) / step) as usize + 1
        };
        Self { start, step, count }
    }

    /// Number of steps.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Time of a step, milliseconds.
    pub(crate) fn time(&self, index: usize) -> i64 {
        self.start + self.step * index as i64
    }

    /// Time of the first step.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// Time of the last step.
    pub(crate) fn end(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }
}

/// One series of a result: a value, or [`ABSENT`], for each step.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) labels: Labels,
    pub(crate) values: Vec<f64>,
}

impl Column {
    /// True if it has no value at any step.
    pub(crate) fn is_void(&self) -> bool {
        self.values.iter().all(|value| is_absent(*value))
    }
}
