//! The report: a table for people, one JSON object for programs.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::Ended;
use super::tally::{Row, Sample, Tally};
use crate::lab::command::Conclusion;

/// Part of the requests that must be answered for the rate to be reached.
const ENOUGH: f64 = 0.99;

/// Everything that a run has found out.
pub(super) struct Report {
    /// Requests a second that were wanted.
    pub(super) rate: f64,
    /// Requests that could be open at one time.
    pub(super) max_open: u32,
    /// Missed requests whose turn had not come by the end.
    pub(super) late: u64,
    /// The targets' URLs.
    pub(super) targets: Vec<String>,
    /// Outcomes of the requests.
    pub(super) tally: Tally,
    /// True if Ctrl-C came before the end.
    pub(super) early: bool,
}

/// The share of requests that were answered; 1 if none was due.
fn answered(all: &Row) -> f64 {
    match all.sent + all.missed {
        0 => 1.0,
        due => all.answered() as f64 / due as f64,
    }
}

impl Conclusion for Report {
    /// True if at least 99 of 100 requests that were due were answered.
    fn is_good(&self) -> bool {
        answered(&self.tally.all()) >= ENOUGH
    }

    fn table(&self) -> String {
        let all = self.tally.all();
        let mut text = String::new();
        let mut line = |cells: [&str; 8]| {
            let [route, sent, missed, errors, p50, p99, max, came] = cells;
            let _ = writeln!(
                text,
                "{route:<17} {sent:>8} {missed:>7} {errors:>7} {p50:>9} {p99:>9} {max:>9}  {came}"
            );
        };
        line([
            "route",
            "sent",
            "missed",
            "errors",
            "p50",
            "p99",
            "max",
            "what came",
        ]);
        let rows = self.tally.rows.iter().map(|(route, row)| (route.path, row));
        for (name, row) in rows.chain([("all", &all)]) {
            let told = |it: Option<Duration>| it.map_or("–".to_owned(), time);
            line([
                name,
                &row.sent.to_string(),
                &row.missed.to_string(),
                &row.failed().to_string(),
                &told(row.percentile(50.0)),
                &told(row.percentile(99.0)),
                &told(row.max()),
                &what_came(row),
            ]);
        }
        text.push_str("\ntraces to follow\n");
        for (route, row) in &self.tally.rows {
            for (why, sample) in [("slowest", &row.slowest), ("failing", &row.failing)] {
                if let Some(sample) = sample {
                    let _ = writeln!(text, "  {:<17} {why}  {}", route.path, self.told(sample));
                }
            }
        }
        let _ = writeln!(text, "\n{}", self.verdict(&all));
        text
    }

    fn json(&self) -> Value {
        let all = self.tally.all();
        let rows = self.tally.rows.iter().map(|(route, row)| {
            let mut entry = numbers(row);
            if let Value::Object(entry) = &mut entry {
                entry.insert("route".to_owned(), json!(route.name));
                entry.insert("path".to_owned(), json!(route.path));
                entry.insert("slowest".to_owned(), self.sample(row.slowest.as_ref()));
                entry.insert("failing".to_owned(), self.sample(row.failing.as_ref()));
            }
            entry
        });
        let targets = self.targets.iter().zip(&self.tally.targets);
        json!({
            "ok": self.is_good(),
            "ended_early": self.early,
            "rate": {"wanted": self.rate, "reached": self.rate * answered(&all)},
            "all": numbers(&all),
            "routes": rows.collect::<Vec<_>>(),
            "targets": targets
                .map(|(url, sent)| json!({"url": url, "sent": sent}))
                .collect::<Vec<_>>(),
        })
    }
}

impl Report {
    fn told(&self, sample: &Sample) -> String {
        let ended = match sample.ended {
            Ended::Answered(status) => status.to_string(),
            Ended::Failed(failure) => failure.name().to_owned(),
        };
        let (took, target) = (time(sample.took), &self.targets[sample.target]);
        let (id, what) = match &sample.trace {
            Some(told) if told.is_sampled => (&told.trace_id, ""),
            Some(told) => (&told.trace_id, ", not recorded (the service's sampler)"),
            None => (
                &sample.request_id,
                ", the request's id, as no answer told its trace",
            ),
        };
        format!("{id}  {ended} after {took} from {target}{what}")
    }

    fn verdict(&self, all: &Row) -> String {
        let early = if self.early { ", ended early" } else { "" };
        let (wanted, reached) = (self.rate, self.rate * answered(all));
        let mut text = format!("rate  {wanted:.1}/s wanted, {reached:.1}/s reached{early}");
        for (count, why) in [
            (all.failed(), "had no answer".to_owned()),
            (
                all.missed.saturating_sub(self.late),
                format!(
                    "did not leave, since {} were open (--max-open)",
                    self.max_open
                ),
            ),
            (
                self.late,
                "did not leave, since this machine sends no faster".to_owned(),
            ),
        ] {
            if count > 0 {
                let _ = write!(text, "\n      {count} requests {why}");
            }
        }
        text
    }

    fn sample(&self, sample: Option<&Sample>) -> Value {
        let Some(sample) = sample else {
            return Value::Null;
        };
        let (status, error) = match sample.ended {
            Ended::Answered(status) => (Some(status), None),
            Ended::Failed(failure) => (None, Some(failure.name())),
        };
        json!({
            "trace_id": sample.trace.as_ref().map(|told| &told.trace_id),
            "sampled": sample.trace.as_ref().map(|told| told.is_sampled),
            "request_id": sample.request_id,
            "target": self.targets[sample.target],
            "ms": millis(sample.took),
            "status": status,
            "error": error,
        })
    }
}

fn numbers(row: &Row) -> Value {
    let failures: BTreeMap<&str, u64> = row
        .failures
        .iter()
        .map(|(failure, count)| (failure.name(), *count))
        .collect();
    json!({
        "sent": row.sent,
        "answered": row.answered(),
        "missed": row.missed,
        "status": row.statuses,
        "errors": failures,
        "p50_ms": row.percentile(50.0).map(millis),
        "p99_ms": row.percentile(99.0).map(millis),
        "max_ms": row.max().map(millis),
    })
}

/// Statuses and failures with their counts.
fn what_came(row: &Row) -> String {
    let counted = |what: &dyn Display, count: &u64| format!("{what} ×{count}");
    let statuses = row.statuses.iter().map(|(it, count)| counted(it, count));
    let failures = row
        .failures
        .iter()
        .map(|(it, count)| counted(&it.name(), count));
    statuses.chain(failures).collect::<Vec<_>>().join(", ")
}

fn millis(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}

/// A time with about three digits.
pub(super) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.01 => format!("{:.2} ms", seconds * 1e3),
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}
