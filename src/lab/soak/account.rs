//! Two readings compared: every span, line and request is accounted for, or a sentence says which is not.

use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::load::Tallies;
use super::reading::{App, Reading};

/// Requests by instance, as their sender counted them.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    /// Answered with status 200.
    pub(super) answered: Vec<u64>,
    /// Not so.
    pub(super) failed: Vec<u64>,
}

impl Sent {
    /// Adds the requests of a load.
    pub(super) fn add(&mut self, tallies: &Tallies) {
        for (app, tally) in tallies.0.iter().enumerate() {
            self.add_one(app, tally.answered, tally.failed);
        }
    }

    /// Adds requests to one instance.
    pub(super) fn add_one(&mut self, app: usize, answered: u64, failed: u64) {
        let needed = self.answered.len().max(app + 1);
        self.answered.resize(needed, 0);
        self.failed.resize(needed, 0);
        self.answered[app] += answered;
        self.failed[app] += failed;
    }
}

/// What did not arrive.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Loss {
    #[serde(rename = "spans_lost")]
    pub(super) spans: u64,
    #[serde(rename = "lines_lost")]
    pub(super) lines: u64,
    #[serde(rename = "samples_lost")]
    pub(super) samples: u64,
}

/// The requests of the load between two readings, and what the readings say of them.
pub(super) struct Account<'a> {
    /// The fault in between.
    pub(super) fault: Option<Fault>,
    pub(super) before: &'a Reading,
    pub(super) after: &'a Reading,
    pub(super) sent: &'a Sent,
    /// True for a real Tempo and for a real Loki: it counts what arrives a second time, after its answer was lost.
    pub(super) is_real: (bool, bool),
}

impl Account<'_> {
    fn restarts(&self, app: usize) -> bool {
        self.fault.is_some_and(|fault| fault.restarts(app))
    }

    /// True if a process was killed with all that it had not sent yet.
    fn is_killed(&self) -> bool {
        (0..self.after.apps.len()).any(|app| self.restarts(app))
    }

    /// What each instance counted. A new process began at zero.
    fn apps(&self) -> impl Iterator<Item = (usize, App)> {
        self.after.apps.iter().enumerate().map(|(number, after)| {
            let before = match self.restarts(number) {
                true => App::default(),
                false => self.before.apps.get(number).copied().unwrap_or_default(),
            };
            let since = App {
                requests: after.requests.saturating_sub(before.requests),
                exported: after.exported.saturating_sub(before.exported),
                dropped: after.dropped.saturating_sub(before.dropped),
                failed: after.failed.saturating_sub(before.failed),
                lines_dropped: after.lines_dropped.saturating_sub(before.lines_dropped),
                ..*after
            };
            (number, since)
        })
    }

    fn total(&self, count: impl Fn(App) -> u64) -> u64 {
        self.apps().map(|(_, app)| count(app)).sum()
    }

    fn since(&self, count: impl Fn(&Reading) -> u64) -> u64 {
        count(self.after).saturating_sub(count(self.before))
    }

    /// What does not add up, a sentence each.
    pub(super) fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for (number, app) in self.apps() {
            self.of_app(number, app, &mut broken);
        }
        self.spans(&mut broken);
        self.lines(&mut broken);
        broken
    }

    fn of_app(&self, number: usize, app: App, broken: &mut Vec<String>) {
        let name = |number: usize| {
            let names = super::fault::NAMES;
            names.get(number).copied().unwrap_or("app-disk")
        };
        let answered = self.sent.answered.get(number).copied().unwrap_or(0);
        let failed = self.sent.failed.get(number).copied().unwrap_or(0);
        // A request that failed may have arrived.
        let possible = answered..=answered + failed;
        if !self.restarts(number) && !possible.contains(&app.requests) {
            broken.push(format!(
                "{} counts {} requests; {answered} were answered",
                name(number),
                app.requests
            ));
        }
        let ended = app.exported + app.failed + app.dropped;
        if ended != app.requests {
            broken.push(format!(
                "{} made {} spans and accounts for {ended}: {} exported, {} failed, {} dropped",
                name(number),
                app.requests,
                app.exported,
                app.failed,
                app.dropped
            ));
        }
    }

    /// A span that counts as failed may have arrived: the collector took it, and its answer was lost.
    fn spans(&self, broken: &mut Vec<String>) {
        let held = self.since(|reading| reading.spans);
        let exported = self.total(|app| app.exported);
        let most = match self.is_killed() {
            // What the killed process had exported is no longer counted.
            true => self.sent.answered.iter().chain(&self.sent.failed).sum(),
            false => exported + self.total(|app| app.failed),
        };
        let most = if self.is_real.0 { u64::MAX } else { most };
        if !(exported..=most).contains(&held) {
            broken.push(format!(
                "the instances exported {exported} spans, and at most {most} with those that failed; Tempo has {held}"
            ));
        }
    }

    fn lines(&self, broken: &mut Vec<String>) {
        let taken = self.since(|reading| reading.lines.taken);
        let delivered = self.since(|reading| reading.lines.delivered);
        let given_up = self.since(|reading| reading.lines.dropped + reading.lines.killed);
        if taken != delivered + given_up {
            broken.push(format!(
                "the shipper took {taken} lines and accounts for {delivered} delivered and {given_up} given up"
            ));
        }
        let held = self.since(|reading| reading.entries);
        let most = if self.is_real.1 { u64::MAX } else { taken };
        if !(delivered..=most).contains(&held) {
            broken.push(format!(
                "the shipper delivered {delivered} of {taken} lines; Loki has {held}"
            ));
        }
        let written = self.total(|app| app.requests);
        let read = self.since(|reading| reading.lines.of_requests);
        let dropped = self.total(|app| app.lines_dropped);
        if !self.is_killed() && written != read + dropped {
            broken.push(format!(
                "{written} requests wrote a line; the shipper read {read} and the instances dropped {dropped}"
            ));
        }
    }

    /// What did not arrive, counted from outside: a span and a line for each request that was answered.
    pub(super) fn loss(&self) -> Loss {
        let answered: u64 = self.sent.answered.iter().sum();
        let lost = self.total(|app| app.failed + app.dropped);
        let spans = self.since(|reading| reading.spans);
        let read = self.since(|reading| reading.lines.of_requests);
        let taken = self.since(|reading| reading.lines.taken);
        let entries = self.since(|reading| reading.entries);
        let due = self.since(|reading| reading.scrapes.due);
        let good = self.since(|reading| reading.scrapes.good);
        let given_up = self.since(|reading| reading.lines.dropped + reading.lines.killed);
        Loss {
            spans: match self.is_real.0 {
                true => lost,
                false => answered.saturating_sub(spans),
            },
            lines: answered.saturating_sub(read)
                + match self.is_real.1 {
                    true => given_up,
                    false => taken.saturating_sub(entries),
                },
            samples: due.saturating_sub(good) * self.after.scrapes.page,
        }
    }
}
