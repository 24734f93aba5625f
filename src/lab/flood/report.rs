//! The report: a table for people, one JSON object for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::signal::Signal;
use super::tally::Tally;
use crate::lab::command::Conclusion;

/// Part of the items that must leave in time.
const ENOUGH: f64 = 0.99;

/// Everything that a run has found out.
pub(super) struct Report {
    /// Where it was sent.
    to: String,
    /// Items a second that were asked for.
    pub(super) rates: Vec<(Signal, u64)>,
    tallies: [Tally; 3],
    /// For how long it was sent.
    pub(super) took: Duration,
    /// True if Ctrl-C came before the end.
    pub(super) early: bool,
}

impl Report {
    pub(super) fn new(to: String) -> anyhow::Result<Self> {
        Ok(Self {
            to,
            rates: Vec::new(),
            tallies: [Tally::new()?, Tally::new()?, Tally::new()?],
            took: Duration::ZERO,
            early: false,
        })
    }

    pub(super) fn add(&mut self, of: Signal, tally: Tally) {
        self.tallies[of as usize].add(tally);
    }

    /// The signals that were sent, with the rate that was asked for.
    fn rows(&self) -> impl Iterator<Item = (Signal, u64, &Tally)> {
        let asked = self.rates.iter().filter(|(_, rate)| *rate > 0);
        asked.map(|(of, rate)| (*of, *rate, &self.tallies[*of as usize]))
    }

    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.took.as_secs_f64().max(0.001)
    }
}

/// True if everything left in time and was accepted.
fn is_whole(tally: &Tally) -> bool {
    tally.accepted == tally.sent && tally.sent as f64 >= tally.due as f64 * ENOUGH
}

impl Conclusion for Report {
    fn is_good(&self) -> bool {
        self.rows().all(|(.., tally)| is_whole(tally))
    }

    fn table(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: [&str; 9]| {
            let [
                signal,
                rate,
                due,
                sent,
                accepted,
                refused,
                unanswered,
                bytes,
                p99,
            ] = cells;
            let _ = writeln!(
                text,
                "{signal:<8} {rate:>9} {due:>10} {sent:>10} {accepted:>10} {refused:>9} {unanswered:>10} {bytes:>9} {p99:>9}"
            );
        };
        line([
            "signal",
            "asked /s",
            "due",
            "sent",
            "accepted",
            "refused",
            "unanswered",
            "MB",
            "p99",
        ]);
        for (of, rate, tally) in self.rows() {
            line([
                of.name(),
                &rate.to_string(),
                &tally.due.to_string(),
                &tally.sent.to_string(),
                &tally.accepted.to_string(),
                &tally.refused.to_string(),
                &tally.unanswered.to_string(),
                &format!("{:.1}", tally.bytes as f64 / 1e6),
                &tally.percentile(99.0).map_or("–".to_owned(), |it| {
                    format!("{:.1} ms", it.as_secs_f64() * 1e3)
                }),
            ]);
        }
        let early = if self.early { ", ended early" } else { "" };
        let seconds = self.took.as_secs_f64();
        let _ = writeln!(text, "\nsent to {} for {seconds:.1} s{early}", self.to);
        for (of, _, tally) in self.rows() {
            if let Some(problem) = &tally.problem {
                let _ = writeln!(text, "{}: {problem}", of.name());
            }
        }
        text
    }

    fn json(&self) -> Value {
        let signals = self.rows().map(|(of, rate, tally)| {
            let millis = |percent| tally.percentile(percent).map(|it| it.as_secs_f64() * 1e3);
            let numbers = json!({
                "asked_per_second": rate,
                "accepted_per_second": self.per_second(tally.accepted),
                "due": tally.due,
                "sent": tally.sent,
                "accepted": tally.accepted,
                "refused": tally.refused,
                "unanswered": tally.unanswered,
                "bytes": tally.bytes,
                "p50_ms": millis(50.0),
                "p99_ms": millis(99.0),
                "problem": tally.problem,
            });
            (of.name().to_owned(), numbers)
        });
        json!({
            "ok": self.is_good(),
            "ended_early": self.early,
            "to": self.to,
            "seconds": self.took.as_secs_f64(),
            "signals": signals.collect::<serde_json::Map<_, _>>(),
        })
    }
}
