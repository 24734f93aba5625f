//! Outcomes of requests, a row for each route.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};

use super::client::{Ended, Failure};
use super::mix::Route;
use crate::telemetry::propagation::Told;

/// Longest time of the histogram, in microseconds: longer than any timeout.
const LONGEST: u64 = 86_400_000_000 * 2;

/// A request that the report names, with its trace.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Its trace, if a response named it.
    pub(super) trace: Option<Told>,
    /// Request id, which finds the span also without a response.
    pub(super) request_id: String,
    /// Index of the target.
    pub(super) target: usize,
    /// Time from when it was due to its end.
    pub(super) took: Duration,
    /// Outcome.
    pub(super) ended: Ended,
}

impl Sample {
    fn has_failed(&self) -> bool {
        match self.ended {
            Ended::Answered(status) => status >= 400,
            Ended::Failed(_) => true,
        }
    }
}

/// The requests of one route, or of all.
#[derive(Clone)]
pub(super) struct Row {
    /// Requests sent.
    pub(super) sent: u64,
    /// Requests that should have been sent and were not.
    pub(super) missed: u64,
    /// Answers by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Requests without an answer, by the reason.
    pub(super) failures: BTreeMap<Failure, u64>,
    /// Microseconds of the answered requests and of those that timed out.
    pub(super) times: Histogram<u64>,
    /// The slowest of these requests.
    pub(super) slowest: Option<Sample>,
    /// The newest request without a response or with a status of 400 and above.
    pub(super) failing: Option<Sample>,
}

impl Row {
    pub(super) fn new() -> Result<Self, CreationError> {
        Ok(Self {
            sent: 0,
            missed: 0,
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            times: Histogram::new_with_bounds(1, LONGEST, 3)?,
            slowest: None,
            failing: None,
        })
    }

    pub(super) fn answered(&self) -> u64 {
        self.statuses.values().sum()
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Requests without a response yet.
    pub(super) fn open(&self) -> u64 {
        self.sent - self.answered() - self.failed()
    }

    /// The time that `percent` of the requests did not exceed; none without requests.
    pub(super) fn percentile(&self, percent: f64) -> Option<Duration> {
        let micros = self.times.value_at_percentile(percent);
        (!self.times.is_empty()).then(|| Duration::from_micros(micros))
    }

    /// The longest time; none without requests.
    pub(super) fn max(&self) -> Option<Duration> {
        self.percentile(100.0)
    }

    fn end(&mut self, sample: Sample) {
        match sample.ended {
            Ended::Answered(status) => *self.statuses.entry(status).or_default() += 1,
            Ended::Failed(failure) => *self.failures.entry(failure).or_default() += 1,
        }
        // A connection refused at once says nothing about how long an answer takes.
        if let Ended::Answered(_) | Ended::Failed(Failure::Timeout) = sample.ended {
            let micros = u64::try_from(sample.took.as_micros()).unwrap_or(LONGEST);
            self.times.saturating_record(micros);
            if self.slowest.as_ref().is_none_or(|it| sample.took > it.took) {
                self.slowest = Some(sample.clone());
            }
        }
        if sample.has_failed() {
            self.failing = Some(sample);
        }
    }

    fn add(&mut self, other: &Self) {
        self.sent += other.sent;
        self.missed += other.missed;
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (failure, count) in &other.failures {
            *self.failures.entry(*failure).or_default() += count;
        }
        // Both have the same bounds, so that it cannot fail.
        let _ = self.times.add(&other.times);
    }
}

/// The requests of all routes.
pub(super) struct Tally {
    /// Each route with its row.
    pub(super) rows: Vec<(Route, Row)>,
    /// Requests sent to each target.
    pub(super) targets: Vec<u64>,
    empty: Row,
}

impl Tally {
    pub(super) fn new(routes: Vec<Route>, targets: usize) -> Result<Self, CreationError> {
        let empty = Row::new()?;
        let row = |route| (route, empty.clone());
        Ok(Self {
            rows: routes.into_iter().map(row).collect(),
            targets: vec![0; targets],
            empty,
        })
    }

    /// Requests of a route so far.
    pub(super) fn turns(&self, route: usize) -> u64 {
        let row = &self.rows[route].1;
        row.sent + row.missed
    }

    pub(super) fn sent(&mut self, route: usize, target: usize) {
        self.rows[route].1.sent += 1;
        self.targets[target] += 1;
    }

    pub(super) fn missed(&mut self, route: usize) {
        self.rows[route].1.missed += 1;
    }

    pub(super) fn ended(&mut self, route: usize, sample: Sample) {
        self.rows[route].1.end(sample);
    }

    /// Counts what is still open as given up.
    pub(super) fn abandon(&mut self) {
        for (_, row) in &mut self.rows {
            let open = row.open();
            if open > 0 {
                row.failures.insert(Failure::Abandoned, open);
            }
        }
    }

    /// All routes together.
    pub(super) fn all(&self) -> Row {
        let mut all = self.empty.clone();
        for (_, row) in &self.rows {
            all.add(row);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(id: &str, millis: u64, ended: Ended) -> Sample {
        Sample {
            trace: None,
            request_id: id.to_owned(),
            target: 0,
            took: Duration::from_millis(millis),
            ended,
        }
    }

    #[test]
    fn a_refused_connection_does_not_make_the_percentiles_look_better() {
        let mut row = Row::new().expect("a row");
        row.sent = 3;
        row.end(sample("a", 100, Ended::Answered(200)));
        row.end(sample("b", 1, Ended::Failed(Failure::NotConnected)));
        row.end(sample("c", 300, Ended::Failed(Failure::Timeout)));
        let near = |time: Option<Duration>| time.expect("a time").as_millis();
        assert_eq!((near(row.percentile(50.0)), near(row.max())), (100, 300));
        assert_eq!((row.answered(), row.failed(), row.open()), (1, 2, 0));
        assert_eq!(row.slowest.expect("the slowest").request_id, "c");
        assert_eq!(row.failing.expect("the failing").request_id, "c");
    }

    #[test]
    fn what_is_still_open_is_given_up() {
        let mut tally = Tally::new(super::super::mix::ROUTES.to_vec(), 1).expect("a tally");
        tally.sent(0, 0);
        tally.sent(0, 0);
        tally.ended(0, sample("a", 1, Ended::Answered(200)));
        tally.abandon();
        assert_eq!(tally.all().failures[&Failure::Abandoned], 1);
        assert_eq!(tally.all().open(), 0);
    }
}
