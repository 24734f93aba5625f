//! A group of rules: when it is evaluated, and what happens then.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::alerting::Alerting;
use super::since_epoch;
use crate::metrics::engine::{self, QueryData, QueryLimits};
use crate::metrics::histogram::Histogram;
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::metrics::lang::ast::Expr;
use crate::metrics::sample::stale_nan;
use crate::metrics::store::{Appended, Store};
use crate::wire::Stop;

/// A series with its value.
pub(super) type Sample = (Labels, f64);

/// A series with its number or its histogram.
type AnySample = (Labels, engine::Sample);

/// Rules that are evaluated together, in their order.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) interval: Duration,
    /// Milliseconds that the group looks back.
    pub(super) query_offset: i64,
    /// Series or alerts that a rule may give; 0: any number.
    pub(crate) limit: usize,
    pub(crate) rules: Vec<Rule>,
    pub(super) evaluated: Mutex<Evaluated>,
}

/// When something was evaluated last, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evaluated {
    /// Since the Unix epoch.
    pub(crate) at: Option<Duration>,
    pub(crate) took: Duration,
}

/// What a rule makes of its result.
#[derive(Debug)]
pub(crate) enum Kind {
    Recording,
    Alerting(Box<Alerting>),
}

/// A rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// As Prometheus shows it.
    pub(crate) query: String,
    /// As written: those of an alerting rule are templates.
    pub(crate) labels: Labels,
    pub(crate) kind: Kind,
    state: Mutex<State>,
}

/// What is known of a rule.
#[derive(Debug, Default)]
struct State {
    evaluated: Evaluated,
    error: Option<String>,
    /// The series of the last evaluation.
    series: HashSet<Labels>,
}

impl Rule {
    pub(super) fn new(name: String, expr: &Expr, labels: Labels, kind: Kind) -> Self {
        Self {
            name,
            query: expr.to_string(),
            labels,
            kind,
            state: Mutex::default(),
        }
    }

    pub(crate) fn evaluated(&self) -> Evaluated {
        self.state.lock().evaluated
    }

    /// Why the last evaluation failed.
    pub(crate) fn error(&self) -> Option<String> {
        self.state.lock().error.clone()
    }
}

/// The server that a rule is evaluated on.
pub(super) struct Server<'s> {
    pub(super) store: &'s Store,
    pub(super) limits: &'s QueryLimits,
    pub(super) external_url: &'s str,
}

impl Server<'_> {
    /// The result of a query: series with a number each. As in Prometheus, the number of a histogram is zero.
    pub(super) fn query(&self, query: &str, time: i64) -> Result<Vec<Sample>, String> {
        let number = |(labels, sample)| match sample {
            engine::Sample::Number(value) => (labels, value),
            engine::Sample::Histogram(_) => (labels, 0.0),
        };
        Ok(self.samples(query, time)?.into_iter().map(number).collect())
    }

    /// The result of a query. A number is a series without labels.
    fn samples(&self, query: &str, time: i64) -> Result<Vec<AnySample>, String> {
        let stop = Stop::after(self.limits.timeout);
        let evaluated = engine::instant(self.store, query, time, self.limits, &stop);
        match evaluated.map_err(|error| error.to_string())?.data {
            QueryData::Vector(vector) => Ok(vector),
            QueryData::Scalar(value) => Ok(vec![(Labels::empty(), value.into())]),
            QueryData::Matrix(_) | QueryData::Text(_) => {
                Err("rule result is not a vector or scalar".to_owned())
            }
        }
    }
}

impl Group {
    pub(crate) fn evaluated(&self) -> Evaluated {
        *self.evaluated.lock()
    }

    /// The next time to evaluate at, in milliseconds, and how long to wait for it. The times lie an interval apart,
    /// at a place in it that depends on the group alone. `last` is the time before.
    pub(super) fn next_slot(&self, now: Duration, last: i64) -> (i64, Duration) {
        let mut hasher = DefaultHasher::new();
        (&self.file, &self.name).hash(&mut hasher);
        let interval = self.interval.as_millis().max(1);
        let offset = u128::from(hasher.finish()) % interval;
        let slot = |from: u128| (from + interval - offset) / interval * interval + offset;
        let mut next = slot(now.as_millis());
        if i64::try_from(next).is_ok_and(|next| next <= last) {
            next += interval;
        }
        let wait = next.saturating_sub(now.as_millis());
        (
            i64::try_from(next).unwrap_or(i64::MAX),
            Duration::from_millis(u64::try_from(wait).unwrap_or(u64::MAX)),
        )
    }

    /// Evaluates the rules as of `time`, in milliseconds.
    pub(super) fn evaluate(
        &self,
        store: &Store,
        limits: &QueryLimits,
        external_url: &str,
        time: i64,
    ) {
        let (at, begin) = (since_epoch(), Instant::now());
        let server = Server {
            store,
            limits,
            external_url,
        };
        for rule in &self.rules {
            let (at, begin) = (since_epoch(), Instant::now());
            let outcome = self.evaluate_rule(rule, &server, time);
            let mut state = rule.state.lock();
            state.error = outcome.err();
            state.evaluated = Evaluated {
                at: Some(at),
                took: begin.elapsed(),
            };
        }
        *self.evaluated.lock() = Evaluated {
            at: Some(at),
            took: begin.elapsed(),
        };
    }

    fn evaluate_rule(&self, rule: &Rule, server: &Server<'_>, time: i64) -> Result<(), String> {
        let at = time.saturating_sub(self.query_offset);
        let samples = match &rule.kind {
            Kind::Recording => self.record(rule, server.samples(&rule.query, at)?)?,
            Kind::Alerting(alerting) => {
                let result = server.query(&rule.query, at)?;
                let (name, labels) = (&rule.name, &rule.labels);
                let series = alerting.evaluate(name, labels, result, server, time, self.limit)?;
                let numbers = series
                    .into_iter()
                    .map(|(labels, value)| (labels, value.into()));
                numbers.collect()
            }
        };
        self.store(rule, &samples, server.store, at)
    }

    /// The series of a recording rule.
    fn record(&self, rule: &Rule, result: Vec<AnySample>) -> Result<Vec<AnySample>, String> {
        let name = [(METRIC_NAME, rule.name.as_str())];
        let named = |labels: &Labels| {
            let all = labels.iter().chain(rule.labels.iter()).chain(name);
            Labels::from_pairs(all)
        };
        let samples: Vec<AnySample> = result
            .into_iter()
            .map(|(labels, sample)| (named(&labels), sample))
            .collect();
        let different: HashSet<_> = samples.iter().map(|(labels, _)| labels).collect();
        if different.len() < samples.len() {
            return Err(
                "vector contains metrics with the same labelset after applying rule labels"
                    .to_owned(),
            );
        }
        if self.limit > 0 && samples.len() > self.limit {
            let (limit, found) = (self.limit, samples.len());
            return Err(format!("exceeded limit of {limit} with {found} series"));
        }
        Ok(samples)
    }

    /// Stores what a rule gave, and ends the series that it no longer gives.
    fn store(
        &self,
        rule: &Rule,
        samples: &[AnySample],
        store: &Store,
        time: i64,
    ) -> Result<(), String> {
        let now = i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX);
        let mut given = HashSet::with_capacity(samples.len());
        let mut error = None;
        for (labels, sample) in samples {
            let stored = match sample {
                engine::Sample::Number(value) => store.append(labels, time, *value, now),
                engine::Sample::Histogram(it) => {
                    store.append_histogram(labels, time, Histogram::clone(it), now)
                }
            };
            match stored {
                Ok(Appended::OutOfBounds) => error = Some("out of bounds".to_owned()),
                // A series that another rule gives as well is no error, as in Prometheus.
                Ok(_) => {
                    given.insert(labels.clone());
                }
                Err(full) => error = Some(full.to_string()),
            }
        }
        let mut state = rule.state.lock();
        for ended in state.series.difference(&given) {
            // A series that was evicted comes back for a marker only when there is room.
            let _full = store.append(ended, time, stale_nan(), now);
        }
        state.series = given;
        error.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(interval: Duration) -> Group {
        Group {
            name: "g".to_owned(),
            file: "f".to_owned(),
            interval,
            query_offset: 0,
            limit: 0,
            rules: Vec::new(),
            evaluated: Mutex::default(),
        }
    }

    #[test]
    fn slots_lie_an_interval_apart_and_never_in_the_past() {
        let group = group(Duration::from_secs(15));
        let mut last = i64::MIN;
        for now in [1_000_000_000, 1_000_000_001, 1_000_015_000, 1_000_047_123] {
            let (time, wait) = group.next_slot(Duration::from_millis(now), last);
            assert!(time > last && time >= now as i64);
            assert_eq!(wait.as_millis() as i64, time - now as i64);
            assert!(last == i64::MIN || (time - last) % 15_000 == 0);
            last = time;
        }
    }
}
