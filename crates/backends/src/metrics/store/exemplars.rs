//! Exemplars: a ring over all series, as Prometheus keeps them.

use std::collections::{HashMap, VecDeque};

use crate::metrics::labels::Labels;

/// Characters that the labels of one exemplar may have together (OpenMetrics 1.0, "Exemplars").
const MAX_LABEL_CHARS: usize = 128;
/// Bytes of an exemplar besides its label strings.
const EXEMPLAR_BYTES: usize = 200;

/// A single observation with the labels (usually a trace id) that lead to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// The exemplar's own labels.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// True if the exposition gave a timestamp. Without one the time of the scrape is used, and the
    /// same exemplar seen again is not a new one.
    pub has_timestamp: bool,
}

impl Exemplar {
    fn repeats(&self, newest: &Self) -> bool {
        self.labels == newest.labels
            && self.value.to_bits() == newest.value.to_bits()
            && ((!self.has_timestamp && !newest.has_timestamp)
                || self.timestamp == newest.timestamp)
    }

    fn bytes(&self) -> usize {
        let text: usize = self
            .labels
            .iter()
            .map(|(name, value)| name.len() + value.len() + 64)
            .sum();
        EXEMPLAR_BYTES + text
    }
}

/// Outcome of an exemplar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExemplarAppended {
    /// Stored.
    Stored,
    /// The newest of its series is the same; nothing to do.
    Repeated,
    /// Older than the newest of its series, or longer than the format allows.
    Refused,
}

/// The ring: the order of arrival, and each series' exemplars in time order.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    capacity: usize,
    order: VecDeque<Labels>,
    by_series: HashMap<Labels, VecDeque<Exemplar>>,
    bytes: usize,
}

impl Exemplars {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an exemplar to a series; the oldest of all makes room.
    pub(crate) fn add(&mut self, series: &Labels, exemplar: Exemplar) -> ExemplarAppended {
        let chars = |(name, value): (&str, &str)| name.chars().count() + value.chars().count();
        if self.capacity == 0 || exemplar.labels.iter().map(chars).sum::<usize>() > MAX_LABEL_CHARS
        {
            return ExemplarAppended::Refused;
        }
        if let Some(newest) = self.by_series.get(series).and_then(VecDeque::back) {
            if exemplar.repeats(newest) {
                return ExemplarAppended::Repeated;
            }
            if exemplar.timestamp < newest.timestamp {
                return ExemplarAppended::Refused;
            }
        }
        while self.order.len() >= self.capacity {
            self.drop_oldest();
        }
        self.bytes += exemplar.bytes();
        self.order.push_back(series.clone());
        self.by_series
            .entry(series.clone())
            .or_default()
            .push_back(exemplar);
        ExemplarAppended::Stored
    }

    fn drop_oldest(&mut self) {
        let Some(series) = self.order.pop_front() else {
            return;
        };
        if let Some(list) = self.by_series.get_mut(&series) {
            if let Some(gone) = list.pop_front() {
                self.bytes -= gone.bytes();
            }
            if list.is_empty() {
                self.by_series.remove(&series);
            }
        }
    }

    /// Drops from the front of the ring what is older than `before`.
    pub(crate) fn drop_before(&mut self, before: i64) {
        while let Some(series) = self.order.front() {
            let old = self
                .by_series
                .get(series)
                .and_then(VecDeque::front)
                .is_none_or(|exemplar| exemplar.timestamp < before);
            if !old {
                break;
            }
            self.drop_oldest();
        }
    }

    /// Drops the oldest ones until at most `bytes` are held.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        while self.bytes > bytes && !self.order.is_empty() {
            self.drop_oldest();
        }
    }

    /// Exemplars with `from <= timestamp <= until` of each series that `wanted` accepts, sorted by series.
    pub(crate) fn select(
        &self,
        wanted: impl Fn(&Labels) -> bool,
        from: i64,
        until: i64,
    ) -> Vec<(Labels, Vec<Exemplar>)> {
        let mut found: Vec<(Labels, Vec<Exemplar>)> = self
            .by_series
            .iter()
            .filter(|(labels, _)| wanted(labels))
            .filter_map(|(labels, list)| {
                let inside: Vec<Exemplar> = list
                    .iter()
                    .filter(|exemplar| (from..=until).contains(&exemplar.timestamp))
                    .cloned()
                    .collect();
                (!inside.is_empty()).then(|| (labels.clone(), inside))
            })
            .collect();
        found.sort_by(|left, right| left.0.cmp(&right.0));
        found
    }
}
