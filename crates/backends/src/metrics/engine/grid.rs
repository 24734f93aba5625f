//! The steps of a query and columns of values over them.

use std::sync::Arc;

use crate::metrics::histogram::Histogram;
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

/// A number or a histogram.
#[derive(Debug, Clone)]
pub enum Sample {
    /// A number.
    Number(f64),
    /// A histogram.
    Histogram(Arc<Histogram>),
}

impl From<f64> for Sample {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<Histogram> for Sample {
    fn from(histogram: Histogram) -> Self {
        Self::Histogram(Arc::new(histogram))
    }
}

/// One series of a result: for each step a number, a histogram, or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) labels: Labels,
    /// [`ABSENT`] also where there is a histogram: what looks at numbers alone takes no notice of it.
    pub(crate) values: Vec<f64>,
    /// As long as the values, or empty if there is no histogram at all.
    pub(crate) histograms: Vec<Option<Arc<Histogram>>>,
}

impl Column {
    /// A column of numbers.
    pub(crate) fn new(labels: Labels, values: Vec<f64>) -> Self {
        Self {
            labels,
            values,
            histograms: Vec::new(),
        }
    }

    /// A column without any value.
    pub(crate) fn void(labels: Labels, steps: usize) -> Self {
        Self::new(labels, vec![ABSENT; steps])
    }

    /// True if it has no value at any step.
    pub(crate) fn is_void(&self) -> bool {
        self.values.iter().all(|value| is_absent(*value))
            && self.histograms.iter().all(Option::is_none)
    }

    /// The histogram at a step.
    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<Histogram>> {
        self.histograms.get(step)?.as_ref()
    }

    /// True if it has a number or a histogram at a step.
    pub(crate) fn has(&self, step: usize) -> bool {
        !is_absent(self.values[step]) || self.histogram(step).is_some()
    }

    /// The number or the histogram at a step.
    pub(crate) fn sample(&self, step: usize) -> Option<Sample> {
        match self.histogram(step) {
            Some(histogram) => Some(Sample::Histogram(histogram.clone())),
            None => Some(self.values[step])
                .filter(|value| !is_absent(*value))
                .map(Sample::Number),
        }
    }

    /// Sets the number or the histogram of a step; `None` takes away either.
    pub(crate) fn set(&mut self, step: usize, sample: Option<Sample>) {
        if let Some(slot) = self.histograms.get_mut(step) {
            *slot = None;
        }
        self.values[step] = ABSENT;
        match sample {
            None => {}
            Some(Sample::Number(value)) => self.values[step] = value,
            Some(Sample::Histogram(histogram)) => {
                self.histograms.resize(self.values.len(), None);
                self.histograms[step] = Some(histogram);
            }
        }
    }
}
