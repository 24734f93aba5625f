//! The series store: label-indexed columns in memory, bounded by age and by bytes.

mod cardinality;
mod chunk;
mod column;
mod exemplars;
mod index;
mod limits;
mod packed;
mod retention;
mod selector;
mod series;
mod stats;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

pub(crate) use cardinality::Count;
pub use exemplars::{Exemplar, ExemplarAppended};
pub use limits::Limits;
pub use selector::{Matcher, Selector};
pub use series::{Appended, Series};
pub use stats::Stats;

use super::histogram::Histogram;
use super::labels::Labels;
use super::sample::{is_stale, stale_nan};
use crate::wire::{Denied, Stop, Stopped, TokenBucket};
use exemplars::Exemplars;
use index::Index;
use stats::{Counters, count};

/// Time that a sample may lie ahead of the clock, as for Prometheus' scrapes.
const MAX_AHEAD_MS: i64 = 10 * 60 * 1000;

/// The store has as many series as [`Limits::max_series`] allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "series limit exceeded: the store holds {held} series and {new} more would exceed its limit of {limit}"
)]
pub struct SeriesLimit {
    /// Series held now.
    pub held: usize,
    /// Series that were to be added.
    pub new: usize,
    /// The limit.
    pub limit: usize,
}

/// More came over OTLP than [`Limits::ingest_bytes_per_second`] allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ingestion rate limit of {per_second} bytes/s exceeded while adding {bytes} bytes")]
pub struct RateLimit {
    /// Bytes of the request.
    pub bytes: usize,
    /// The limit.
    pub per_second: u64,
    /// Time after which they fit; `None` if they never do.
    pub retry_after: Option<Duration>,
}

/// Series, samples and exemplars. All methods take `&self`; share it with an `Arc`.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    index: RwLock<Index>,
    exemplars: Mutex<Exemplars>,
    sample_bytes: AtomicUsize,
    index_bytes: AtomicUsize,
    exemplar_bytes: AtomicUsize,
    newest_age_pass: AtomicI64,
    rate: Mutex<TokenBucket>,
    evicting: Mutex<()>,
    counters: Counters,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Self {
        Self {
            index: RwLock::default(),
            exemplars: Mutex::new(Exemplars::new(limits.max_exemplars)),
            sample_bytes: AtomicUsize::new(0),
            index_bytes: AtomicUsize::new(0),
            exemplar_bytes: AtomicUsize::new(0),
            newest_age_pass: AtomicI64::new(i64::MIN),
            rate: Mutex::new(TokenBucket::new(
                limits.ingest_bytes_per_second,
                limits.ingest_burst_bytes,
            )),
            evicting: Mutex::new(()),
            counters: Counters::default(),
            limits,
        }
    }

    /// The bounds that the store was built with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The series with these labels, made when it is new.
    ///
    /// # Errors
    /// [`SeriesLimit`] when it is new and the store is full.
    pub fn series(&self, labels: &Labels) -> Result<Arc<Series>, SeriesLimit> {
        self.series_by_pairs(labels.pairs())
            .map(|(series, _)| series)
    }

    /// As [`Store::series`], from sorted pairs without empty values; says also whether it is new.
    pub(crate) fn series_by_pairs<N: AsRef<str>, V: AsRef<str>>(
        &self,
        pairs: &[(N, V)],
    ) -> Result<(Arc<Series>, bool), SeriesLimit> {
        if let Some(series) = self.index.read().find(pairs) {
            return Ok((series.clone(), false));
        }
        let mut index = self.index.write();
        if let Some(series) = index.find(pairs) {
            return Ok((series.clone(), false));
        }
        if index.len() >= self.limits.max_series {
            count(&self.counters.refused_series, 1);
            return Err(SeriesLimit {
                held: index.len(),
                new: 1,
                limit: self.limits.max_series,
            });
        }
        let series = index.insert(pairs);
        self.index_bytes.store(index.bytes(), Ordering::Relaxed);
        Ok((series, true))
    }

    /// True if a series with these sorted pairs exists.
    pub(crate) fn knows<N: AsRef<str>, V: AsRef<str>>(&self, pairs: &[(N, V)]) -> bool {
        self.index.read().find(pairs).is_some()
    }

    /// Refuses a batch that would bring `new` series too many.
    ///
    /// # Errors
    /// [`SeriesLimit`], and then nothing of the batch should be stored.
    pub(crate) fn room_for(&self, new: usize) -> Result<(), SeriesLimit> {
        let held = self.index.read().len();
        if new == 0 || held + new <= self.limits.max_series {
            return Ok(());
        }
        count(&self.counters.refused_series, new as u64);
        Err(SeriesLimit {
            held,
            new,
            limit: self.limits.max_series,
        })
    }

    /// Stores one sample by labels. `now` is the clock in milliseconds, which the bounds are measured from.
    ///
    /// # Errors
    /// [`SeriesLimit`] when the series is new and the store is full.
    pub fn append(
        &self,
        labels: &Labels,
        time: i64,
        value: f64,
        now: i64,
    ) -> Result<Appended, SeriesLimit> {
        if self.refuses_time(time, now) {
            return Ok(Appended::OutOfBounds);
        }
        let series = self.series(labels)?;
        self.append_to(&series, time, value, now)
            .map(|(outcome, _)| outcome)
    }

    /// Refuses, and counts, a time outside of the bounds. Asked before a series is made: one that never gets a sample
    /// would take the place of another.
    pub(crate) fn refuses_time(&self, time: i64, now: i64) -> bool {
        let refused = self.is_out_of_bounds(time, now);
        if refused {
            count(&self.counters.refused_out_of_bounds, 1);
        }
        refused
    }

    fn is_out_of_bounds(&self, time: i64, now: i64) -> bool {
        time < now - self.max_age_ms() || time > now + MAX_AHEAD_MS
    }

    /// Stores one sample in a series at hand; returns the series that took it, a new one when the
    /// one at hand had been evicted.
    pub(crate) fn append_to(
        &self,
        series: &Arc<Series>,
        time: i64,
        value: f64,
        now: i64,
    ) -> Result<(Appended, Arc<Series>), SeriesLimit> {
        self.append_with(series, time, now, |series| series.append(time, value))
    }

    /// Stores one histogram by labels, as [`Store::append`] does with a number.
    ///
    /// # Errors
    /// [`SeriesLimit`] when the series is new and the store is full.
    pub(crate) fn append_histogram(
        &self,
        labels: &Labels,
        time: i64,
        histogram: Histogram,
        now: i64,
    ) -> Result<Appended, SeriesLimit> {
        if self.refuses_time(time, now) {
            return Ok(Appended::OutOfBounds);
        }
        let series = self.series(labels)?;
        self.append_histogram_to(&series, time, histogram, now)
            .map(|(outcome, _)| outcome)
    }

    /// As [`Store::append_to`], with a histogram. One that ends its series becomes a marker.
    pub(crate) fn append_histogram_to(
        &self,
        series: &Arc<Series>,
        time: i64,
        histogram: Histogram,
        now: i64,
    ) -> Result<(Appended, Arc<Series>), SeriesLimit> {
        if is_stale(histogram.sum) {
            return self.append_to(series, time, stale_nan(), now);
        }
        self.append_with(series, time, now, |series| {
            series.append_histogram(time, histogram.clone())
        })
    }

    fn append_with(
        &self,
        series: &Arc<Series>,
        time: i64,
        now: i64,
        append: impl Fn(&Series) -> (Appended, isize),
    ) -> Result<(Appended, Arc<Series>), SeriesLimit> {
        let mut series = series.clone();
        if self.refuses_time(time, now) {
            return Ok((Appended::OutOfBounds, series));
        }
        let outcome = loop {
            let (outcome, growth) = append(&series);
            if outcome == Appended::Gone {
                series = self.series(series.labels())?;
                continue;
            }
            if growth >= 0 {
                self.sample_bytes
                    .fetch_add(growth as usize, Ordering::Relaxed);
            } else {
                self.sample_bytes
                    .fetch_sub(growth.unsigned_abs(), Ordering::Relaxed);
            }
            break outcome;
        };
        match outcome {
            Appended::Stored => count(&self.counters.samples_ingested, 1),
            Appended::OutOfOrder => count(&self.counters.refused_out_of_order, 1),
            Appended::Duplicate => count(&self.counters.refused_duplicate, 1),
            _ => {}
        }
        self.keep_bounds(now);
        Ok((outcome, series))
    }

    /// Stores one exemplar of a series. `now` is the clock in milliseconds.
    pub fn add_exemplar(&self, series: &Labels, exemplar: Exemplar, now: i64) -> ExemplarAppended {
        let time = exemplar.timestamp;
        let outcome = if self.is_out_of_bounds(time, now) {
            ExemplarAppended::Refused
        } else {
            let mut exemplars = self.exemplars.lock();
            let outcome = exemplars.add(series, exemplar);
            self.exemplar_bytes
                .store(exemplars.bytes(), Ordering::Relaxed);
            outcome
        };
        match outcome {
            ExemplarAppended::Stored => {
                count(&self.counters.exemplars_ingested, 1);
                self.keep_bounds(now);
            }
            ExemplarAppended::Refused => count(&self.counters.refused_exemplars, 1),
            ExemplarAppended::Repeated => {}
        }
        outcome
    }

    /// The outcome that a sample would have, without storing or counting it; `None` if its series does not exist.
    pub(crate) fn would_append(
        &self,
        pairs: &[(&str, &str)],
        time: i64,
        value: f64,
        now: i64,
    ) -> Option<Appended> {
        if self.is_out_of_bounds(time, now) {
            return Some(Appended::OutOfBounds);
        }
        let series = self.index.read().find(pairs).cloned()?;
        Some(series.would_append(time, value))
    }

    /// As [`Store::would_append`], for a histogram.
    pub(crate) fn would_append_histogram(
        &self,
        pairs: &[(&str, &str)],
        time: i64,
        histogram: &Histogram,
        now: i64,
    ) -> Option<Appended> {
        if self.is_out_of_bounds(time, now) {
            return Some(Appended::OutOfBounds);
        }
        let series = self.index.read().find(pairs).cloned()?;
        Some(series.would_append_histogram(time, histogram))
    }

    /// The oldest time that a sample may have, in milliseconds.
    pub(crate) fn oldest(&self, now: i64) -> i64 {
        now - self.max_age_ms()
    }

    /// Counts bytes of OTLP against the ingest rate. `now` is the clock in milliseconds.
    ///
    /// # Errors
    /// [`RateLimit`]: what they bring must not be stored.
    pub(crate) fn charge(&self, bytes: usize, now: i64) -> Result<(), RateLimit> {
        let taken = self.rate.lock().take(bytes, now.saturating_mul(1_000_000));
        taken.map_err(|denied| {
            count(&self.counters.refused_rate, 1);
            RateLimit {
                bytes,
                per_second: self.limits.ingest_bytes_per_second,
                retry_after: match denied {
                    Denied::RetryAfter(wait) => Some(wait),
                    Denied::Never => None,
                },
            }
        })
    }

    /// The series that a selector accepts, oldest first.
    ///
    /// # Errors
    /// [`Stopped`]: comparing labels with regular expressions takes time.
    pub(crate) fn select(
        &self,
        selector: &Selector,
        stop: &Stop,
    ) -> Result<Vec<Arc<Series>>, Stopped> {
        self.index.read().select(selector, stop)
    }

    /// The label sets that a selector accepts and that have samples in the time range, sorted.
    ///
    /// # Errors
    /// As [`Self::select`].
    pub(crate) fn select_labels(
        &self,
        selector: &Selector,
        from: i64,
        until: i64,
        stop: &Stop,
    ) -> Result<BTreeSet<Labels>, Stopped> {
        let found = self.select(selector, stop)?;
        let within = found.iter().filter(|series| series.overlaps(from, until));
        Ok(within.map(|series| series.labels().clone()).collect())
    }

    /// Exemplars of the series that any of the selectors accepts, sorted by series.
    pub(crate) fn select_exemplars(
        &self,
        selectors: &[Selector],
        from: i64,
        until: i64,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let wanted = |labels: &Labels| selectors.iter().any(|selector| selector.accepts(labels));
        self.exemplars.lock().select(wanted, from, until)
    }

    /// Names of all labels, sorted.
    pub fn label_names(&self) -> Vec<String> {
        self.index.read().label_names()
    }

    /// Values of one label, sorted.
    pub fn label_values(&self, name: &str) -> Vec<String> {
        self.index.read().label_values(name)
    }

    /// Sizes of now and counts since the start.
    pub fn stats(&self) -> Stats {
        Stats {
            bytes: self.bytes() as u64,
            series: self.index.read().len() as u64,
            exemplars: self.exemplars.lock().len() as u64,
            ..self.counters.snapshot()
        }
    }

    /// Counts a scrape that was refused as a whole.
    pub(crate) fn count_refused_scrape(&self) {
        count(&self.counters.refused_scrapes, 1);
    }

    /// Counts a remote write that was refused as a whole.
    pub(crate) fn count_refused_request(&self) {
        count(&self.counters.refused_requests, 1);
    }

    fn max_age_ms(&self) -> i64 {
        i64::try_from(self.limits.max_age.as_millis()).unwrap_or(i64::MAX / 4)
    }

    fn bytes(&self) -> usize {
        self.sample_bytes.load(Ordering::Relaxed)
            + self.index_bytes.load(Ordering::Relaxed)
            + self.exemplar_bytes.load(Ordering::Relaxed)
    }
}
