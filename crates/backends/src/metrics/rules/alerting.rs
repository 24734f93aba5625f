//! The alerts of an alerting rule: pending, firing, resolved.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;

use super::expand::{Expansion, Subject};
use super::group::{Sample, Server};
use crate::metrics::labels::{Labels, METRIC_NAME};

/// A resolved alert is remembered so long, in milliseconds.
const RESOLVED_RETENTION: i64 = 15 * 60 * 1000;

/// The state of an alert, and the highest of its alerts for a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// Never evaluated.
    Unknown,
    Inactive,
    Pending,
    Firing,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// An alert. Times are in milliseconds.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) state: State,
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) value: f64,
    pub(crate) active_at: i64,
    pub(crate) keep_firing_since: Option<i64>,
    resolved_at: Option<i64>,
}

/// What an alerting rule has beyond its name, its query and its labels.
#[derive(Debug)]
pub(crate) struct Alerting {
    /// An alert is pending for so long.
    pub(crate) hold: Duration,
    /// A firing alert goes on for so long after its end.
    pub(crate) keep_firing_for: Duration,
    /// As written.
    pub(crate) annotations: Labels,
    pub(super) of_labels: Vec<(String, Expansion)>,
    pub(super) of_annotations: Vec<(String, Expansion)>,
    /// By labels.
    pub(super) active: Mutex<BTreeMap<Labels, Alert>>,
}

impl Alerting {
    /// The alerts that are pending or firing, sorted by labels.
    pub(crate) fn active(&self) -> Vec<Alert> {
        let active = self.active.lock();
        let unresolved = active.values().filter(|alert| alert.resolved_at.is_none());
        unresolved.cloned().collect()
    }

    /// The highest state of an alert.
    pub(crate) fn state(&self) -> State {
        let active = self.active.lock();
        let states = active.values().map(|alert| alert.state);
        states.max().unwrap_or(State::Inactive)
    }

    /// Takes the result of the query as of `time`. Gives the series of the alerts.
    pub(super) fn evaluate(
        &self,
        name: &str,
        labels: &Labels,
        result: Vec<Sample>,
        server: &Server<'_>,
        time: i64,
        limit: usize,
    ) -> Result<Vec<Sample>, String> {
        let found = self.found(name, result, server, time)?;
        let mut active = self.active.lock();
        let names: HashSet<Labels> = found.iter().map(|alert| alert.labels.clone()).collect();
        for alert in found {
            match active.get_mut(&alert.labels) {
                Some(known) if known.state != State::Inactive => {
                    known.value = alert.value;
                    known.annotations = alert.annotations;
                }
                _ => {
                    active.insert(alert.labels.clone(), alert);
                }
            }
        }
        active.retain(|labels, alert| names.contains(labels) || !alert.is_over(time));
        let mut samples = Vec::new();
        let mut alerts = 0;
        for (labels_of, alert) in active.iter_mut() {
            if !self.advance(alert, names.contains(labels_of), time) {
                continue;
            }
            alerts += 1;
            let series = |metric, state: Option<&'static str>| {
                let own = [(METRIC_NAME, metric), ("alertname", name)];
                let state = state.map(|state| ("alertstate", state));
                let all = labels
                    .iter()
                    .chain(labels_of.iter())
                    .chain(own)
                    .chain(state);
                Labels::from_pairs(all)
            };
            let since = alert.active_at.div_euclid(1000) as f64;
            samples.push((series("ALERTS", Some(alert.state.name())), 1.0));
            samples.push((series("ALERTS_FOR_STATE", None), since));
        }
        if limit > 0 && alerts > limit {
            active.clear();
            return Err(format!("exceeded limit of {limit} with {alerts} alerts"));
        }
        Ok(samples)
    }

    /// The alerts of a result, each pending.
    fn found(
        &self,
        name: &str,
        result: Vec<Sample>,
        server: &Server<'_>,
        time: i64,
    ) -> Result<Vec<Alert>, String> {
        let mut found: Vec<Alert> = Vec::with_capacity(result.len());
        let mut names = HashSet::with_capacity(result.len());
        for (series, value) in result {
            let subject = Subject {
                labels: &series,
                value,
                time,
                server,
            };
            let expanded = |all: &[(String, Expansion)]| -> Vec<(String, String)> {
                let each = all.iter();
                each.map(|(name, expansion)| (name.clone(), expansion.expand(&subject)))
                    .collect()
            };
            let own = expanded(&self.of_labels);
            let own = own
                .iter()
                .map(|(name, text)| (name.as_str(), text.as_str()));
            let of_series = series.iter().filter(|(label, _)| *label != METRIC_NAME);
            let labels = Labels::from_pairs(of_series.chain(own).chain([("alertname", name)]));
            if !names.insert(labels.clone()) {
                return Err(
                    "vector contains metrics with the same labelset after applying alert labels"
                        .to_owned(),
                );
            }
            found.push(Alert {
                state: State::Pending,
                labels,
                annotations: Labels::from_pairs(expanded(&self.of_annotations)),
                value,
                active_at: time,
                keep_firing_since: None,
                resolved_at: None,
            });
        }
        Ok(found)
    }

    /// Moves an alert on. Returns true if it is pending or firing.
    fn advance(&self, alert: &mut Alert, is_found: bool, time: i64) -> bool {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        if is_found {
            alert.keep_firing_since = None;
        } else {
            let keep = millis(self.keep_firing_for);
            let keeps = alert.state == State::Firing && keep > 0 && {
                let since = *alert.keep_firing_since.get_or_insert(time);
                time - since < keep
            };
            if !keeps {
                if alert.state != State::Inactive {
                    alert.state = State::Inactive;
                    alert.resolved_at = Some(time);
                }
                return false;
            }
        }
        if alert.state == State::Pending && time - alert.active_at >= millis(self.hold) {
            alert.state = State::Firing;
        }
        true
    }
}

impl Alert {
    /// True if an alert that is not found any more is forgotten.
    fn is_over(&self, time: i64) -> bool {
        let resolved = |at: i64| time - at > RESOLVED_RETENTION;
        self.state == State::Pending || self.resolved_at.is_some_and(resolved)
    }
}
