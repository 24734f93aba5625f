//! The newest exemplar of every counter and histogram bucket, and the metrics that record them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, RwLock};
use prometheus::core::{Collector, Metric};
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec};

use super::text;

/// Most characters that the label names and values of one exemplar may have together
/// (OpenMetrics 1.0, section "Exemplars").
pub const MAX_EXEMPLAR_CHARS: usize = 128;

/// The error for exemplar labels that are longer than the format allows: more than
/// [`MAX_EXEMPLAR_CHARS`] characters.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("exemplar labels have {0} characters; the most is {MAX_EXEMPLAR_CHARS}")]
pub struct ExemplarTooLong(usize);

/// Labels that lead from a value to its cause, usually to a trace, and the time of the observation.
///
/// Cheap to clone, so that one can be recorded on several metrics.
#[derive(Clone, Debug)]
pub struct Exemplar {
    /// The labels as they stand in the exposition, braces included.
    labels: Arc<str>,
    at: SystemTime,
}

impl Exemplar {
    /// An exemplar with the current time. Label names are written as given: they must be valid
    /// OpenMetrics label names.
    ///
    /// # Errors
    /// [`ExemplarTooLong`] beyond [`MAX_EXEMPLAR_CHARS`].
    pub fn now<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, ExemplarTooLong> {
        Self::at(labels, SystemTime::now())
    }

    /// An exemplar with a given time. The page shows it in seconds with three decimals; a time
    /// before 1970 is left out.
    ///
    /// # Errors
    /// [`ExemplarTooLong`] beyond [`MAX_EXEMPLAR_CHARS`].
    pub fn at<'a>(
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
        at: SystemTime,
    ) -> Result<Self, ExemplarTooLong> {
        let mut chars = 0;
        let mut text = String::with_capacity(64);
        text.push('{');
        for (name, value) in labels {
            chars += name.chars().count() + value.chars().count();
            if text.len() > 1 {
                text.push(',');
            }
            text::push_label(&mut text, name, value);
        }
        text.push('}');
        if chars > MAX_EXEMPLAR_CHARS {
            return Err(ExemplarTooLong(chars));
        }
        Ok(Self {
            labels: text.into(),
            at,
        })
    }
}

/// An exemplar together with the value that it was recorded for.
#[derive(Clone)]
pub(super) struct Recorded {
    exemplar: Exemplar,
    value: f64,
}

impl Recorded {
    /// Appends ` # {labels} value timestamp`.
    pub(super) fn push_to(&self, out: &mut String) {
        out.push_str(" # ");
        out.push_str(&self.exemplar.labels);
        out.push(' ');
        text::push_number(out, self.value);
        let since_epoch = self.exemplar.at.duration_since(UNIX_EPOCH);
        if let Ok(since_epoch) = since_epoch {
            out.push(' ');
            text::push_seconds(out, since_epoch.as_millis() as i64);
        }
    }
}

/// One place for the newest exemplar of one counter or bucket.
#[derive(Default)]
struct Slot {
    /// When `newest` was recorded, in milliseconds since 1970; 0 before.
    millisecond: AtomicU64,
    newest: Mutex<Option<Recorded>>,
}

/// The slots of one counter (one) or of one histogram (one a bucket, `+Inf` last).
pub(super) struct Slots(Box<[Slot]>);

impl Slots {
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| Slot::default()).collect())
    }

    /// True if an exemplar of the time `at` would be newer on the page, which has milliseconds.
    fn is_due(&self, index: usize, at: SystemTime) -> bool {
        let slot = self.0.get(index);
        slot.is_some_and(|slot| slot.millisecond.load(Ordering::Relaxed) < milliseconds(at))
    }

    /// Keeps `exemplar` unless another thread is writing to the same slot: that one is equally new,
    /// and recording never waits for a lock.
    fn record(&self, index: usize, exemplar: &Exemplar, value: f64) {
        if let Some(slot) = self.0.get(index)
            && let Some(mut newest) = slot.newest.try_lock()
            // Two threads can reach this line in another order than they read the clock.
            && newest.as_ref().is_none_or(|held| held.exemplar.at <= exemplar.at)
        {
            *newest = Some(Recorded {
                exemplar: exemplar.clone(),
                value,
            });
            slot.millisecond
                .store(milliseconds(exemplar.at), Ordering::Relaxed);
        }
    }

    pub(super) fn newest(&self, index: usize) -> Option<Recorded> {
        self.0
            .get(index)
            .and_then(|slot| slot.newest.lock().clone())
    }
}

/// Since 1970; a time before is 0.
fn milliseconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// The exemplars of one metric family, by the labels of its metrics as the encoder writes them.
#[derive(Default)]
pub(super) struct FamilyExemplars {
    children: RwLock<HashMap<String, Arc<Slots>>>,
}

impl FamilyExemplars {
    pub(super) fn child(&self, labels: &str) -> Option<Arc<Slots>> {
        self.children.read().get(labels).cloned()
    }

    pub(super) fn newest(&self, labels: &str, index: usize) -> Option<Recorded> {
        self.child(labels).and_then(|slots| slots.newest(index))
    }

    fn slots_of(&self, metric: &impl Metric, count: usize) -> Arc<Slots> {
        let mut labels = String::new();
        text::push_labels(&mut labels, metric.metric().get_label());
        if let Some(slots) = self.child(&labels) {
            return slots;
        }
        let mut children = self.children.write();
        let slots = children
            .entry(labels)
            .or_insert_with(|| Arc::new(Slots::new(count)));
        Arc::clone(slots)
    }
}

/// Remembers the newest exemplar of each counter and histogram bucket made through it.
///
/// A clone shares what it remembers. Memory grows with the number of metrics, never with the
/// number of observations.
#[derive(Clone, Default)]
pub struct Exemplars {
    families: Arc<RwLock<HashMap<String, Arc<FamilyExemplars>>>>,
}

impl fmt::Debug for Exemplars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exemplars")
            .field("families", &self.families.read().len())
            .finish()
    }
}

impl Exemplars {
    /// Wraps `vec` so that its counters can carry exemplars. Register `vec` itself (a clone) with the
    /// registry: the wrapper is for recording only.
    #[must_use]
    pub fn counter_vec(&self, vec: IntCounterVec) -> ExemplarCounterVec {
        let family = self.family_of(&vec);
        ExemplarCounterVec { vec, family }
    }

    /// Wraps `vec` so that its buckets can carry exemplars. Register `vec` itself (a clone) with the
    /// registry: the wrapper is for recording only.
    #[must_use]
    pub fn histogram_vec(&self, vec: HistogramVec) -> ExemplarHistogramVec {
        let family = self.family_of(&vec);
        ExemplarHistogramVec { vec, family }
    }

    pub(super) fn family(&self, name: &str) -> Option<Arc<FamilyExemplars>> {
        self.families.read().get(name).cloned()
    }

    fn family_of(&self, collector: &impl Collector) -> Arc<FamilyExemplars> {
        let name = collector.desc().first().map(|desc| desc.fq_name.clone());
        #[expect(clippy::expect_used, reason = "a metric vector has one descriptor")]
        let name = name.expect("a metric vector without a descriptor");
        Arc::clone(self.families.write().entry(name).or_default())
    }
}

/// A counter vector whose counters can carry an exemplar.
#[derive(Clone)]
pub struct ExemplarCounterVec {
    vec: IntCounterVec,
    family: Arc<FamilyExemplars>,
}

impl ExemplarCounterVec {
    /// The counter with these label values, made at the first call. Keep it where it is used
    /// often: looking it up takes the vector's locks, counting on it takes none.
    ///
    /// # Errors
    /// [`prometheus::Error::InconsistentCardinality`] when the number of values is wrong.
    pub fn with_label_values(&self, values: &[&str]) -> prometheus::Result<ExemplarCounter> {
        let counter = self.vec.get_metric_with_label_values(values)?;
        let slots = self.family.slots_of(&counter, 1);
        Ok(ExemplarCounter { counter, slots })
    }
}

/// A counter that remembers its newest exemplar.
#[derive(Clone)]
pub struct ExemplarCounter {
    counter: IntCounter,
    slots: Arc<Slots>,
}

impl ExemplarCounter {
    /// Adds one.
    pub fn inc(&self) {
        self.counter.inc();
    }

    /// Adds one and keeps `exemplar` as the newest of this counter. Never blocks: if another thread
    /// writes the exemplar at the same moment, that one stays.
    pub fn inc_with_exemplar(&self, exemplar: &Exemplar) {
        self.counter.inc();
        self.slots.record(0, exemplar, 1.0);
    }

    /// Adds one, and keeps what `exemplar` makes as the newest of this counter, unless it has one from the
    /// millisecond of `at` or later: the page could not tell them apart. Then none is made, which under load saves
    /// nearly all of them.
    pub fn inc_with_exemplar_at(&self, at: SystemTime, exemplar: impl FnOnce() -> Exemplar) {
        self.counter.inc();
        if self.slots.is_due(0, at) {
            self.slots.record(0, &exemplar(), 1.0);
        }
    }
}

/// A histogram vector whose buckets can carry exemplars.
#[derive(Clone)]
pub struct ExemplarHistogramVec {
    vec: HistogramVec,
    family: Arc<FamilyExemplars>,
}

impl ExemplarHistogramVec {
    /// The histogram with these label values, made at the first call. Keep it where it is used
    /// often: looking it up takes the vector's locks, observing takes none.
    ///
    /// # Errors
    /// [`prometheus::Error::InconsistentCardinality`] when the number of values is wrong.
    pub fn with_label_values(&self, values: &[&str]) -> prometheus::Result<ExemplarHistogram> {
        let histogram = self.vec.get_metric_with_label_values(values)?;
        let bounds: Box<[f64]> = histogram
            .metric()
            .get_histogram()
            .get_bucket()
            .iter()
            .map(|bucket| bucket.upper_bound())
            .filter(|bound| bound.is_finite())
            .collect();
        let slots = self.family.slots_of(&histogram, bounds.len() + 1);
        Ok(ExemplarHistogram {
            histogram,
            bounds,
            slots,
        })
    }
}

/// A histogram that remembers the newest exemplar of each bucket.
#[derive(Clone)]
pub struct ExemplarHistogram {
    histogram: Histogram,
    /// Finite upper bounds, rising; the slot after the last is that of `+Inf`.
    bounds: Box<[f64]>,
    slots: Arc<Slots>,
}

impl ExemplarHistogram {
    /// Counts `value`, in the unit of the histogram.
    pub fn observe(&self, value: f64) {
        self.histogram.observe(value);
    }

    /// Counts `value` and keeps `exemplar` as the newest of the bucket that `value` falls into. Never
    /// blocks: if another thread writes that exemplar at the same moment, that one stays.
    pub fn observe_with_exemplar(&self, value: f64, exemplar: &Exemplar) {
        self.histogram.observe(value);
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.slots.record(bucket, exemplar, value);
    }

    /// Counts `value`, and keeps what `exemplar` makes as the newest of its bucket, unless that has one from the
    /// millisecond of `at` or later: the page could not tell them apart. Then none is made, which under load saves
    /// nearly all of them.
    pub fn observe_with_exemplar_at(
        &self,
        value: f64,
        at: SystemTime,
        exemplar: impl FnOnce() -> Exemplar,
    ) {
        self.histogram.observe(value);
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if self.slots.is_due(bucket, at) {
            self.slots.record(bucket, &exemplar(), value);
        }
    }
}
