//! What came of the items of a signal.

use std::time::Duration;

use anyhow::Context as _;
use hdrhistogram::Histogram;

use crate::lab::excerpt::excerpt;

/// Slowest answer that is told apart, in microseconds: a timeout is at most a day.
const SLOWEST: u64 = 86_400_000_000;

/// Items of one signal, counted by what came of them.
pub(super) struct Tally {
    /// Items that were due.
    pub(super) due: u64,
    /// Items that left.
    pub(super) sent: u64,
    /// Items that the server has taken.
    pub(super) accepted: u64,
    /// Items that it has refused.
    pub(super) refused: u64,
    /// Items in requests without an answer.
    pub(super) unanswered: u64,
    /// Bytes of the bodies.
    pub(super) bytes: u64,
    /// The first thing that went wrong.
    pub(super) problem: Option<String>,
    /// Microseconds from when a request should have left to its answer.
    took: Histogram<u64>,
}

impl Tally {
    pub(super) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            due: 0,
            sent: 0,
            accepted: 0,
            refused: 0,
            unanswered: 0,
            bytes: 0,
            problem: None,
            took: Histogram::new_with_bounds(1, SLOWEST, 3).context("no histogram")?,
        })
    }

    pub(super) fn answered(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(SLOWEST);
        self.took.saturating_record(micros);
    }

    pub(super) fn went_wrong(&mut self, problem: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(|| excerpt(&problem()));
    }

    /// `None` when there was no answer.
    pub(super) fn percentile(&self, percent: f64) -> Option<Duration> {
        let micros = (!self.took.is_empty()).then(|| self.took.value_at_percentile(percent));
        micros.map(Duration::from_micros)
    }

    /// Adds what another sender has counted.
    pub(super) fn add(&mut self, other: Self) {
        self.due += other.due;
        self.sent += other.sent;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.bytes += other.bytes;
        self.problem = self.problem.take().or(other.problem);
        // Both have the same bounds, so nothing is left out.
        self.took += other.took;
    }
}
