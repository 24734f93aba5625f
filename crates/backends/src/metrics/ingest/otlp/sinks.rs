//! Where translated samples go: into the store, or nowhere, to see whether the store would take them.

use std::sync::Arc;

use super::report::Reason;
use super::series::Sink;
use crate::metrics::histogram::Histogram;
use crate::metrics::labels::METRIC_NAME;
use crate::metrics::store::{Appended, Exemplar, Series, SeriesLimit, Store};

/// Stores samples and exemplars. Exemplars that the store does not take are counted there.
pub(super) struct Storing<'s> {
    pub(super) store: &'s Store,
    /// Milliseconds since the Unix epoch.
    pub(super) now: i64,
}

impl Storing<'_> {
    /// Appends a sample of one kind to its series, and its exemplars if it is kept.
    fn store(
        &self,
        labels: &[(&str, &str)],
        time: i64,
        exemplars: &[Exemplar],
        append: impl FnOnce(&Arc<Series>) -> Result<(Appended, Arc<Series>), SeriesLimit>,
    ) -> Result<(), (Reason, String)> {
        if self.store.refuses_time(time, self.now) {
            return taken(Appended::OutOfBounds, labels, time, self.now);
        }
        let full = |error: SeriesLimit| (Reason::Full, error.to_string());
        let (series, _) = self.store.series_by_pairs(labels).map_err(full)?;
        let (outcome, series) = append(&series).map_err(full)?;
        taken(outcome, labels, time, self.now)?;
        for exemplar in exemplars {
            self.store
                .add_exemplar(series.labels(), exemplar.clone(), self.now);
        }
        Ok(())
    }
}

impl Sink for Storing<'_> {
    fn sample(
        &mut self,
        labels: &[(&str, &str)],
        time: i64,
        value: f64,
        exemplars: &[Exemplar],
    ) -> Result<(), (Reason, String)> {
        self.store(labels, time, exemplars, |series| {
            self.store.append_to(series, time, value, self.now)
        })
    }

    fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        time: i64,
        histogram: Histogram,
        exemplars: &[Exemplar],
    ) -> Result<(), (Reason, String)> {
        self.store(labels, time, exemplars, |series| {
            let store = self.store;
            store.append_histogram_to(series, time, histogram, self.now)
        })
    }

    fn oldest(&self) -> i64 {
        self.store.oldest(self.now)
    }

    fn minds_order_of_info(&self) -> bool {
        false
    }
}

/// Stores nothing.
pub(super) struct Checking<'s> {
    pub(super) store: &'s Store,
    /// Milliseconds since the Unix epoch.
    pub(super) now: i64,
    /// Samples of series that the store does not have.
    pub(super) new: usize,
}

impl Checking<'_> {
    /// Takes what the store would say of a sample: `None` of one whose series it does not have.
    fn check(
        &mut self,
        labels: &[(&str, &str)],
        time: i64,
        outcome: Option<Appended>,
    ) -> Result<(), (Reason, String)> {
        taken(outcome.unwrap_or(Appended::Stored), labels, time, self.now)?;
        self.new += usize::from(outcome.is_none());
        Ok(())
    }
}

impl Sink for Checking<'_> {
    fn sample(
        &mut self,
        labels: &[(&str, &str)],
        time: i64,
        value: f64,
        _exemplars: &[Exemplar],
    ) -> Result<(), (Reason, String)> {
        let outcome = self.store.would_append(labels, time, value, self.now);
        self.check(labels, time, outcome)
    }

    fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        time: i64,
        histogram: Histogram,
        _exemplars: &[Exemplar],
    ) -> Result<(), (Reason, String)> {
        let store = self.store;
        let outcome = store.would_append_histogram(labels, time, &histogram, self.now);
        self.check(labels, time, outcome)
    }

    fn oldest(&self) -> i64 {
        self.store.oldest(self.now)
    }

    fn minds_order_of_info(&self) -> bool {
        true
    }
}

/// Prometheus' words for a sample that is not taken, and the metric.
fn taken(
    outcome: Appended,
    labels: &[(&str, &str)],
    time: i64,
    now: i64,
) -> Result<(), (Reason, String)> {
    let problem = match outcome {
        Appended::OutOfBounds if time > now => {
            "out of bounds: timestamp is too far in the future".to_owned()
        }
        Appended::OutOfBounds => "out of bounds".to_owned(),
        Appended::OutOfOrder => "out of order sample".to_owned(),
        Appended::Duplicate => format!("duplicate sample for timestamp {time}"),
        _ => return Ok(()),
    };
    let name = labels.iter().find(|(name, _)| *name == METRIC_NAME);
    let name = name.map_or("", |(_, name)| name);
    Err((Reason::Time, format!("{problem} ({name})")))
}
