//! One series: its labels and its samples in time order.

use std::collections::VecDeque;

use parking_lot::Mutex;

use super::chunk::{CHUNK_SAMPLES, Chunk};
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
    newest: Option<(i64, f64)>,
    gone: bool,
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

    /// The outcome that [`append`](Self::append) would have.
    pub(crate) fn would_append(&self, time: i64, value: f64) -> Appended {
        self.samples.lock().outcome(time, value)
    }

    /// Appends the samples with `after < timestamp <= until` to the two columns, staleness markers included.
    pub fn read(&self, after: i64, until: i64, times: &mut Vec<i64>, values: &mut Vec<f64>) {
        let samples = self.samples.lock();
        for chunk in &samples.sealed {
            chunk.read(after, until, times, values);
        }
        let from = samples.times.partition_point(|time| *time <= after);
        let to = samples.times.partition_point(|time| *time <= until);
        if from < to {
            times.extend_from_slice(&samples.times[from..to]);
            values.extend_from_slice(&samples.values[from..to]);
        }
    }

    /// True if a sample lies in `from <= timestamp <= until`, seen by chunks.
    pub(crate) fn overlaps(&self, from: i64, until: i64) -> bool {
        let samples = self.samples.lock();
        let oldest = match samples.sealed.front() {
            Some(chunk) => chunk.start(),
            None => samples.times.first().copied().unwrap_or(i64::MAX),
        };
        oldest <= until && samples.newest.is_some_and(|(newest, _)| newest >= from)
    }

    /// The times of its oldest and its newest sample.
    pub(crate) fn span(&self) -> Option<(i64, i64)> {
        let samples = self.samples.lock();
        let (newest, _) = samples.newest?;
        let oldest = match samples.sealed.front() {
            Some(chunk) => chunk.start(),
            None => samples.times.first().copied().unwrap_or(newest),
        };
        Some((oldest, newest))
    }

    /// Number of its chunks.
    pub(crate) fn chunks(&self) -> usize {
        let samples = self.samples.lock();
        samples.sealed.len() + usize::from(!samples.times.is_empty())
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
        let newest_is_old = samples.newest.is_none_or(|(newest, _)| newest < before);
        if samples.sealed.is_empty() && samples.times.is_empty() && newest_is_old {
            samples.gone = true;
            freed.empty = true;
        }
        freed
    }
}

impl Samples {
    /// The outcome of a sample after those that are here.
    fn outcome(&self, time: i64, value: f64) -> Appended {
        match self.newest {
            Some((newest, _)) if time < newest => Appended::OutOfOrder,
            Some((newest, known)) if time == newest => match known.to_bits() == value.to_bits() {
                true => Appended::Repeated,
                false => Appended::Duplicate,
            },
            _ => Appended::Stored,
        }
    }

    fn open_bytes(&self) -> usize {
        self.times.capacity() * 8 + self.values.capacity() * 8
    }
}
