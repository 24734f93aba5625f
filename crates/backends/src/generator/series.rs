//! Counters, and the way of all series into the store.

use std::sync::Arc;

use super::Config;
use crate::metrics::store::{Appended, Exemplar, Series};
use crate::metrics::{Labels, METRIC_NAME, Store};

/// Name and value of a label.
pub(super) type Label = (&'static str, Arc<str>);

/// The series of everything that found no room.
pub(super) fn overflow() -> Vec<Label> {
    vec![("metric_overflow", Arc::from("true"))]
}

/// What names a series: its metric, the labels of its span or edge, and a bucket's bound.
pub(super) struct Name<'a> {
    pub(super) metric: &'a str,
    pub(super) labels: &'a [Label],
    pub(super) bound: Option<&'a str>,
}

/// Writes the samples of one collection.
pub(super) struct Writer<'a> {
    store: &'a Store,
    config: &'a Config,
    /// Milliseconds.
    time: i64,
    /// All series are written, not only new ones.
    pub(super) all: bool,
    /// The store did not take everything.
    pub(super) refused: bool,
}

const MINUTE: i64 = 60_000;

impl<'a> Writer<'a> {
    pub(super) fn new(store: &'a Store, config: &'a Config, time: i64, all: bool) -> Self {
        Self {
            store,
            config,
            time,
            all,
            refused: false,
        }
    }

    /// Writes a sample. A counter that is `new` gets a 0 before, at the end of the last minute, so that its first
    /// increase is seen.
    pub(super) fn write(
        &mut self,
        series: &mut Option<Arc<Series>>,
        name: Name<'_>,
        value: f64,
        new: bool,
    ) {
        let found = match series {
            Some(known) => Ok(Arc::clone(known)),
            None => self.series(name),
        };
        let taken = found.and_then(|found| {
            let start = self.time - self.time % MINUTE - 1000;
            let kept = start >= self.store.oldest(self.time);
            // The series may have been written until it was stale, and later than that.
            if new && kept && found.would_append(start, 0.0) == Appended::Stored {
                self.store.append_to(&found, start, 0.0, self.time)?;
            }
            self.store.append_to(&found, self.time, value, self.time)
        });
        match taken {
            Ok((_, kept)) => *series = Some(kept),
            Err(_) => self.refused = true,
        }
    }

    fn series(&self, name: Name<'_>) -> Result<Arc<Series>, crate::metrics::store::SeriesLimit> {
        let own = [(METRIC_NAME, name.metric)].into_iter();
        let external = self.config.external_labels.iter();
        let labels = name
            .labels
            .iter()
            .map(|(name, value)| (*name, value.as_ref()));
        let mut pairs: Vec<(&str, &str)> = own
            .chain(name.bound.map(|bound| ("le", bound)))
            .chain(external.map(|(name, value)| (name.as_str(), value.as_str())))
            .chain(labels)
            .collect();
        // The sort is stable: of equal names the first one stays.
        pairs.sort_by(|one, other| one.0.cmp(other.0));
        pairs.dedup_by(|next, kept| next.0 == kept.0);
        pairs.retain(|(_, value)| !value.is_empty());
        self.store.series_by_pairs(&pairs).map(|(series, _)| series)
    }

    /// Writes an exemplar.
    pub(super) fn exemplar(&self, series: &Series, trace: u128, value: f64) {
        let label = self.config.trace_id_label.as_str();
        let exemplar = Exemplar {
            // Without leading zeros, as Tempo writes ids.
            labels: Labels::from_pairs([(label, format!("{trace:x}").as_str())]),
            value,
            timestamp: self.time,
            has_timestamp: true,
        };
        self.store
            .add_exemplar(series.labels(), exemplar, self.time);
    }
}

/// A counter.
#[derive(Default)]
pub(super) struct Counter {
    value: f64,
    series: Option<Arc<Series>>,
    written: bool,
}

impl Counter {
    pub(super) fn add(&mut self, by: f64) {
        self.value += by;
    }

    pub(super) fn write(&mut self, writer: &mut Writer<'_>, metric: &str, labels: &[Label]) {
        if self.written && !writer.all {
            return;
        }
        let name = Name {
            metric,
            labels,
            bound: None,
        };
        writer.write(&mut self.series, name, self.value, !self.written);
        self.written = true;
    }
}
