//! Warnings and remarks that come with an answer, in the words of Prometheus 3.

use std::collections::BTreeMap;

use crate::metrics::lang::position;
use crate::metrics::lang::token::{Op, Place, quote};
use crate::metrics::number::general;

/// Most of each kind that are told, as Prometheus' API does.
const MOST: usize = 10;

/// A warning or a remark, without its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Note {
    /// The result is probably not what the query means.
    Warning(String),
    /// Worth a look.
    Info(String),
}

impl Note {
    pub(super) fn invalid_quantile(q: f64) -> Self {
        Self::Warning(format!(
            "quantile value should be between 0 and 1, got {}",
            general(q, None)
        ))
    }

    pub(super) fn bad_bucket_label(value: &str) -> Self {
        Self::Warning(format!(
            "bucket label \"le\" is missing or has a malformed value of {}",
            quote(value)
        ))
    }

    pub(super) fn sort_in_range_query() -> Self {
        let text =
            "sort is ineffective for range queries since results are always ordered by labels";
        Self::Warning(text.to_owned())
    }

    pub(super) fn possible_non_counter(metric: &str) -> Self {
        Self::Info(format!(
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
            quote(metric)
        ))
    }

    /// `left` and `right` are `float` or `histogram`.
    pub(super) fn incompatible_types(left: &str, op: Op, right: &str) -> Self {
        let op = op.text();
        Self::Info(format!(
            "incompatible sample types encountered for binary operator \"{op}\": {left} {op} {right}"
        ))
    }

    pub(super) fn incompatible_buckets(op: Op) -> Self {
        let op = op.text();
        Self::Warning(format!(
            "incompatible bucket layout encountered for binary operator {op}"
        ))
    }

    pub(super) fn mixed_range(metric: &str) -> Self {
        Self::Warning(format!(
            "encountered a mix of histograms and floats for metric name {}",
            quote(metric)
        ))
    }

    pub(super) fn mixed_aggregation() -> Self {
        Self::Warning("encountered a mix of histograms and floats for aggregation".to_owned())
    }

    pub(super) fn mixed_classic_and_native() -> Self {
        Self::Warning("vector contains a mix of classic and native histograms".to_owned())
    }

    pub(super) fn mixed_schemas(metric: &str) -> Self {
        Self::Warning(format!(
            "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
            quote(metric)
        ))
    }

    pub(super) fn not_a_counter(metric: &str) -> Self {
        Self::Warning(format!(
            "this native histogram metric is not a counter: {}",
            quote(metric)
        ))
    }

    pub(super) fn not_a_gauge(metric: &str) -> Self {
        Self::Warning(format!(
            "this native histogram metric is not a gauge: {}",
            quote(metric)
        ))
    }

    /// `operation` is `addition`, `subtraction` or `aggregation`.
    pub(super) fn resets_collide(operation: &str) -> Self {
        Self::Warning(format!(
            "conflicting counter resets during histogram {operation}"
        ))
    }

    /// `operation` is as in [`Self::resets_collide`].
    pub(super) fn bounds_differ(operation: &str) -> Self {
        Self::Info(format!(
            "mismatched custom buckets were reconciled during {operation}"
        ))
    }

    pub(super) fn ignored_in_aggregation(aggregation: &str) -> Self {
        Self::Info(format!("ignored histogram in {aggregation} aggregation"))
    }

    pub(super) fn ignored_in_range(metric: &str) -> Self {
        Self::Info(format!(
            "ignored histograms in a range containing both floats and histograms for metric name {}",
            quote(metric)
        ))
    }

    pub(super) fn quantile_is_nan() -> Self {
        let text = "input to histogram_quantile has NaN observations, result is NaN";
        Self::Info(text.to_owned())
    }

    pub(super) fn quantile_is_skewed() -> Self {
        let text = "input to histogram_quantile has NaN observations, result is skewed higher";
        Self::Info(text.to_owned())
    }

    pub(super) fn fraction_leaves_out_nan() -> Self {
        let text = "input to histogram_fraction has NaN observations, which are excluded from all fractions";
        Self::Info(text.to_owned())
    }
}

/// Histograms whose buckets fell where they must only grow.
#[derive(Debug, Default)]
pub(super) struct Forced {
    times: Option<(i64, i64)>,
    lowest: f64,
    highest: f64,
    difference: f64,
    histograms: usize,
    /// Of the histogram at hand.
    fell: bool,
}

impl Forced {
    /// A bucket that was lifted by `difference`.
    pub(super) fn bucket(&mut self, bound: f64, difference: f64) {
        if self.histograms == 0 && !self.fell {
            (self.lowest, self.highest) = (bound, bound);
        }
        self.fell = true;
        self.lowest = self.lowest.min(bound);
        self.highest = self.highest.max(bound);
        self.difference = self.difference.max(difference);
    }

    pub(super) fn end_of_histogram(&mut self, time: i64) {
        if std::mem::take(&mut self.fell) {
            self.histograms += 1;
            let (first, last) = self.times.unwrap_or((time, time));
            self.times = Some((first.min(time), last.max(time)));
        }
    }
}

/// The notes of one query, each with the place that it was last made at.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    notes: BTreeMap<Note, Place>,
}

impl Annotations {
    pub(super) fn add(&mut self, note: Note, place: Place) {
        self.notes.insert(note, place);
    }

    pub(super) fn add_forced(&mut self, forced: Forced, place: Place) {
        let Some((first, last)) = forced.times else {
            return;
        };
        let text = format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see \
             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), \
             from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            general(forced.lowest, None),
            general(forced.highest, None),
            general(forced.difference, Some(2)),
            forced.histograms,
            clock(first),
            clock(last)
        );
        self.add(Note::Info(text), place);
    }

    /// Warnings and remarks as the API shows them.
    pub(super) fn into_texts(self, query: &str) -> (Vec<String>, Vec<String>) {
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for (note, place) in self.notes {
            let (list, kind, text) = match note {
                Note::Warning(text) => (&mut warnings, "warning", text),
                Note::Info(text) => (&mut infos, "info", text),
            };
            list.push(format!(
                "PromQL {kind}: {text} ({})",
                position(query, place)
            ));
        }
        for (list, kind) in [(&mut warnings, "warning"), (&mut infos, "info")] {
            let omitted = list.len().saturating_sub(MOST);
            if omitted > 0 {
                list.truncate(MOST);
                list.push(format!("{omitted} more {kind} annotations omitted"));
            }
        }
        (warnings, infos)
    }
}

/// A time as Go's RFC 3339 has it, whole seconds.
fn clock(millis: i64) -> String {
    jiff::Timestamp::from_second(millis.div_euclid(1000))
        .map_or_else(|_| millis.to_string(), |time| time.to_string())
}
