//! One series: its labels and its samples in time order.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::chunk::{CHUNK_SAMPLES, Chunk};
use super::column::Column;
use crate::metrics::histogram::Histogram;
use crate::metrics::labels::Labels;

/// Outcome of a sample, by the rules of Prometheus without out-of-order ingestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// Stored as the newest sample of its series.
    Stored,
    /// The very same sample was there already; nothing to do.
    Repeated,
    /// Older than the newest sample of the series; dropped.
    OutOfOrder,
    /// The newest sample has this timestamp and another value; dropped.
    Duplicate,
    /// Outside the retention, or more than ten minutes ahead of the clock; dropped.
    OutOfBounds,
    /// The series was evicted in the meantime; the caller looks it up again.
    Gone,
}

/// One series of the store.
#[derive(Debug)]
pub struct Series {
    pub(crate) id: u64,
    pub(crate) labels: Labels,
    samples: Mutex<Samples>,
}

#[derive(Debug, Default)]
struct Samples {
    sealed: VecDeque<Chunk>,
    times: Vec<i64>,
    values: Vec<f64>,
    /// Of a histogram the value means nothing.
    newest: Option<(i64, f64)>,
    gone: bool,
    /// Most series never have one.
    histograms: Option<Box<Column>>,
}

/// Samples and bytes that an eviction freed.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Freed {
    pub(crate) samples: usize,
    pub(crate) bytes: usize,
    /// Nothing is left: the series itself may go.
    pub(crate) empty: bool,
}

impl Series {
    pub(crate) fn new(id: u64, labels: Labels) -> Self {
        Self {
            id,
            labels,
            samples: Mutex::default(),
        }
    }

    /// The labels, metric name included.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Adds a sample after the newest one. Returns also by how many bytes the series grew or shrank.
    pub(crate) fn append(&self, time: i64, value: f64) -> (Appended, isize) {
        let mut samples = self.samples.lock();
        if samples.gone {
            return (Appended::Gone, 0);
        }
        let outcome = samples.outcome(time, value);
        if outcome != Appended::Stored {
            return (outcome, 0);
        }
        let before = samples.open_bytes();
        let mut sealed = 0;
        let first = samples.times.first().copied().unwrap_or(time);
        if samples.times.len() >= CHUNK_SAMPLES || time - first > i64::from(u32::MAX) {
            let chunk = Chunk::seal(&samples.times, &samples.values);
            sealed = chunk.bytes();
            samples.sealed.push_back(chunk);
            samples.times = Vec::new();
            samples.values = Vec::new();
        }
        samples.times.push(time);
        samples.values.push(value);
        samples.newest = Some((time, value));
        let growth = (samples.open_bytes() + sealed) as isize - before as isize;
        (Appended::Stored, growth)
    }

    /// As [`append`](Self::append), with a histogram.
    pub(crate) fn append_histogram(&self, time: i64, histogram: Histogram) -> (Appended, isize) {
        let mut samples = self.samples.lock();
        if samples.gone {
            return (Appended::Gone, 0);
        }
        let outcome = samples.outcome_of_histogram(time, &histogram);
        if outcome != Appended::Stored {
            return (outcome, 0);
        }
        let before = samples.histogram_bytes();
        let newest = samples.newest;
        let column = samples.histograms.get_or_insert_default();
        let last = column.newest().map(|(time, _)| time);
        column.push(time, histogram, last == newest.map(|(time, _)| time));
        samples.newest = Some((time, 0.0));
        let growth = samples.histogram_bytes() as isize - before as isize;
        (Appended::Stored, growth)
    }

    /// The outcome that [`append`](Self::append) would have.
    pub(crate) fn would_append(&self, time: i64, value: f64) -> Appended {
        self.samples.lock().outcome(time, value)
    }

    /// The outcome that [`append_histogram`](Self::append_histogram) would have.
    pub(crate) fn would_append_histogram(&self, time: i64, histogram: &Histogram) -> Appended {
        self.samples.lock().outcome_of_histogram(time, histogram)
    }

    /// Appends the numbers with `after < timestamp <= until` to the two columns, staleness markers included.
    pub fn read(&self, after: i64, until: i64, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        self.samples.lock().read(after, until, times, values);
    }

    /// As [`read`](Self::read), and hands over the histograms of the same time, until one is refused.
    pub(crate) fn read_all<E>(
        &self,
        after: i64,
        until: i64,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
        mut each: impl FnMut(i64, &Histogram) -> Result<(), E>,
    ) -> Result<(), E> {
        let samples = self.samples.lock();
        samples.read(after, until, times, values);
        match &samples.histograms {
            Some(column) => column.read(after, until, &mut each),
            None => Ok(()),
        }
    }

    /// The time of its newest histogram.
    pub(crate) fn newest_histogram(&self) -> Option<i64> {
        let samples = self.samples.lock();
        let newest = samples.histograms.as_ref()?.newest()?;
        Some(newest.0)
    }

    /// True if a sample lies in `from <= timestamp <= until`, seen by chunks.
    pub(crate) fn overlaps(&self, from: i64, until: i64) -> bool {
        let samples = self.samples.lock();
        let oldest = samples.oldest().unwrap_or(i64::MAX);
        oldest <= until && samples.newest.is_some_and(|(newest, _)| newest >= from)
    }

    /// The times of its oldest and its newest sample.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let samples = self.samples.lock();
        let (newest, _) = samples.newest?;
        Some((samples.oldest().unwrap_or(newest), newest))
    }

    /// Number of its chunks.
    pub(crate) fn chunks(&self) -> usize {
        let samples = self.samples.lock();
        let histograms = samples.histograms.as_ref().map_or(0, |column| column.len());
        samples.sealed.len() + usize::from(!samples.times.is_empty()) + histograms
    }

    /// The last timestamp and the bytes of each chunk, oldest first.
    pub(crate) fn chunk_sizes(&self, mut each: impl FnMut(i64, usize)) {
        let samples = self.samples.lock();
        for chunk in &samples.sealed {
            each(chunk.end(), chunk.bytes());
        }
        if let Some(end) = samples.times.last() {
            each(*end, samples.open_bytes());
        }
        if let Some(column) = &samples.histograms {
            column.chunk_sizes(each);
        }
    }

    /// Drops the chunks whose last sample is older than `before`; an empty series is marked as gone.
    pub(crate) fn drop_before(&self, before: i64) -> Freed {
        let mut samples = self.samples.lock();
        let mut freed = Freed::default();
        while samples
            .sealed
            .front()
            .is_some_and(|chunk| chunk.end() < before)
        {
            if let Some(chunk) = samples.sealed.pop_front() {
                freed.samples += chunk.len();
                freed.bytes += chunk.bytes();
            }
        }
        if samples.times.last().is_some_and(|end| *end < before) {
            freed.samples += samples.times.len();
            freed.bytes += samples.open_bytes();
            samples.times = Vec::new();
            samples.values = Vec::new();
        }
        if let Some(mut column) = samples.histograms.take() {
            let bytes = column.bytes();
            freed.samples += column.drop_before(before);
            if !column.is_empty() {
                freed.bytes += bytes - column.bytes();
                samples.histograms = Some(column);
            } else {
                freed.bytes += bytes;
            }
        }
        let newest_is_old = samples.newest.is_none_or(|(newest, _)| newest < before);
        let empty = samples.sealed.is_empty() && samples.times.is_empty();
        if empty && samples.histograms.is_none() && newest_is_old {
            samples.gone = true;
            freed.empty = true;
        }
        freed
    }
}

impl Samples {
    fn read(&self, after: i64, until: i64, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        for chunk in &self.sealed {
            chunk.read(after, until, times, values);
        }
        let from = self.times.partition_point(|time| *time <= after);
        let to = self.times.partition_point(|time| *time <= until);
        if from < to {
            times.extend_from_slice(&self.times[from..to]);
            values.extend_from_slice(&self.values[from..to]);
        }
    }

    /// The outcome of a number after those that are here.
    fn outcome(&self, time: i64, value: f64) -> Appended {
        match self.newest {
            Some((newest, _)) if time < newest => Appended::OutOfOrder,
            Some((newest, _)) if time == newest && self.histogram_at(time).is_some() => {
                Appended::Duplicate
            }
            Some((newest, known)) if time == newest => match known.to_bits() == value.to_bits() {
                true => Appended::Repeated,
                false => Appended::Duplicate,
            },
            _ => Appended::Stored,
        }
    }

    /// The outcome of a histogram after the samples that are here.
    fn outcome_of_histogram(&self, time: i64, histogram: &Histogram) -> Appended {
        match self.newest {
            Some((newest, _)) if time < newest => Appended::OutOfOrder,
            Some((newest, _)) if time == newest => match self.histogram_at(time) {
                Some(known) if known.equals(histogram) => Appended::Repeated,
                _ => Appended::Duplicate,
            },
            _ => Appended::Stored,
        }
    }

    /// The histogram of this time, if it is the newest one.
    fn histogram_at(&self, time: i64) -> Option<&Histogram> {
        let (newest, histogram) = self.histograms.as_ref()?.newest()?;
        (newest == time).then_some(histogram)
    }

    /// The time of the oldest sample.
    fn oldest(&self) -> Option<i64> {
        let number = match self.sealed.front() {
            Some(chunk) => Some(chunk.start()),
            None => self.times.first().copied(),
        };
        let histogram = self.histograms.as_ref().and_then(|column| column.oldest());
        number.into_iter().chain(histogram).min()
    }

    fn open_bytes(&self) -> usize {
        self.times.capacity() * 8 + self.values.capacity() * 8
    }

    fn histogram_bytes(&self) -> usize {
        self.histograms.as_ref().map_or(0, |column| column.bytes())
    }
}
