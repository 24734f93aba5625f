//! The fault table for people, one JSON object for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::account::Loss;
use super::args::SoakArgs;
use super::fault::Fault;
use super::leaks::{Leak, Open};
use crate::lab::command::Conclusion;

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// Of the instances.
    pub(super) apps: i64,
    /// Of this process: servers, shipper, scraper and load.
    pub(super) lab: i64,
}

impl Memory {
    /// The growth since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            apps: self.apps - before.apps,
            lab: self.lab - before.lab,
        }
    }
}

/// One fault and its costs.
pub(super) struct Row {
    pub(super) fault: Fault,
    /// Times that it was tried.
    pub(super) attempts: u32,
    /// Requests that were answered.
    pub(super) answered: u64,
    /// Requests that failed, without those to the broken instance.
    pub(super) failed: u64,
    /// Those to the broken instance.
    pub(super) failed_own: u64,
    pub(super) loss: Loss,
    /// Time from the end of the fault until new requests were seen everywhere.
    pub(super) recovery: Duration,
    /// 99th percentile in milliseconds, before and during the fault, without the broken instance.
    pub(super) p99_quiet: f64,
    pub(super) p99_broken: f64,
    /// Growth of the memory during the fault.
    pub(super) memory: Memory,
    /// Promises that were broken.
    pub(super) broken: Vec<String>,
}

impl Row {
    /// Milliseconds by which p99 grew.
    pub(super) fn growth(&self) -> f64 {
        self.p99_broken - self.p99_quiet
    }
}

/// Everything that a run has found out.
pub(super) struct Report {
    rate: u32,
    slot: Duration,
    most_growth: u64,
    rows: Vec<Row>,
    rounds: u32,
    leaks: Vec<Leak>,
    /// Promises that were broken outside of a fault.
    broken: Vec<String>,
}

impl Report {
    pub(super) fn new(args: &SoakArgs, slot: Duration) -> Self {
        Self {
            rate: args.rate,
            slot,
            most_growth: args.p99_growth,
            rows: Vec::new(),
            rounds: args.rounds,
            leaks: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// What did not add up before the first fault.
    pub(super) fn broken_before(&mut self, broken: Vec<String>) {
        let named = |text| format!("before the first fault: {text}");
        self.broken.extend(broken.into_iter().map(named));
    }

    /// A fault that was tried.
    pub(super) fn add(&mut self, mut row: Row) {
        let growth = row.growth();
        if self.most_growth > 0 && growth >= self.most_growth as f64 {
            row.broken.push(format!(
                "p99 grew by {growth:.1} ms in each of {} attempts",
                row.attempts
            ));
        }
        self.rows.push(row);
    }

    /// What the rounds left over, and what did not add up in them.
    pub(super) fn rounds(&mut self, leaks: Vec<Leak>, broken: Vec<String>) {
        for leak in leaks.iter().filter(|leak| leak.is_one()) {
            self.broken.push(format!(
                "{} has more open after {} rounds: {} before, {} after",
                leak.process,
                self.rounds,
                told(leak.before),
                told(leak.after)
            ));
        }
        let named = |text| format!("after the rounds: {text}");
        self.broken.extend(broken.into_iter().map(named));
        self.leaks = leaks;
    }

    /// Every broken promise, with its fault.
    fn all_broken(&self) -> Vec<String> {
        let of_rows = self.rows.iter().flat_map(|row| {
            let named = |text| format!("{}: {text}", row.fault);
            row.broken.iter().map(named)
        });
        of_rows.chain(self.broken.iter().cloned()).collect()
    }
}

impl Conclusion for Report {
    /// True if no promise was broken.
    fn is_good(&self) -> bool {
        self.all_broken().is_empty()
    }

    fn table(&self) -> String {
        let mut text = format!(
            "{} requests/s to three instances; {:.1} s for each fault\n\n",
            self.rate,
            self.slot.as_secs_f64()
        );
        let mut line = |cells: [&str; 10]| {
            let [
                fault,
                answered,
                failed,
                spans,
                lines,
                samples,
                recovery,
                quiet,
                p99,
                memory,
            ] = cells;
            let _ = writeln!(
                text,
                "{fault:<20} {answered:>8} {failed:>8} {spans:>6} {lines:>6} {samples:>8} {recovery:>9} {quiet:>9} {p99:>9}  {memory}"
            );
        };
        line([
            "fault",
            "answered",
            "failed",
            "spans",
            "lines",
            "samples",
            "recovery",
            "p99 quiet",
            "p99 fault",
            "memory",
        ]);
        line([
            "",
            "",
            "",
            "lost",
            "lost",
            "lost",
            "",
            "",
            "",
            "instances, lab",
        ]);
        for row in &self.rows {
            let failed = match row.failed_own {
                0 => row.failed.to_string(),
                own => format!("{}+{own}*", row.failed),
            };
            let mib = |bytes: i64| bytes as f64 / f64::from(1 << 20);
            line([
                &row.fault.to_string(),
                &row.answered.to_string(),
                &failed,
                &row.loss.spans.to_string(),
                &row.loss.lines.to_string(),
                &row.loss.samples.to_string(),
                &format!("{:.2} s", row.recovery.as_secs_f64()),
                &format!("{:.1} ms", row.p99_quiet),
                &format!("{:.1} ms", row.p99_broken),
                &format!(
                    "{:+.1}, {:+.1} MiB",
                    mib(row.memory.apps),
                    mib(row.memory.lab)
                ),
            ]);
        }
        if self.rows.iter().any(|row| row.failed_own > 0) {
            text.push_str("* requests to the broken instance itself\n");
        }
        if !self.leaks.is_empty() {
            let _ = writeln!(text, "\nopen before and after {} short faults", self.rounds);
            for leak in &self.leaks {
                let (before, after) = (told(leak.before), told(leak.after));
                let _ = writeln!(text, "{:<20} {before}; {after}", leak.process);
            }
        }
        let broken = self.all_broken();
        text.push('\n');
        for sentence in &broken {
            let _ = writeln!(text, "BROKEN  {sentence}");
        }
        let promises = match broken.len() {
            0 => "every promise was kept".to_owned(),
            1 => "1 promise was broken".to_owned(),
            number => format!("{number} promises were broken"),
        };
        let _ = writeln!(text, "{promises}");
        text
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "fault": row.fault.to_string(),
                "attempts": row.attempts,
                "requests_answered": row.answered,
                "requests_failed": row.failed,
                "requests_failed_of_broken_instance": row.failed_own,
                "spans_lost": row.loss.spans,
                "lines_lost": row.loss.lines,
                "samples_lost": row.loss.samples,
                "recovery_ms": row.recovery.as_millis() as u64,
                "p99_ms": {"quiet": row.p99_quiet, "fault": row.p99_broken},
                "memory_growth_bytes": {"instances": row.memory.apps, "lab": row.memory.lab},
                "broken": row.broken,
            })
        });
        let open =
            |open: Open| json!({"files": open.files, "threads": open.threads, "tasks": open.tasks});
        let leaks = self.leaks.iter().map(|leak| {
            json!({
                "process": leak.process,
                "before": open(leak.before),
                "after": open(leak.after),
            })
        });
        json!({
            "ok": self.is_good(),
            "rate": self.rate,
            "faults": rows.collect::<Vec<_>>(),
            "rounds": self.rounds,
            "open": leaks.collect::<Vec<_>>(),
            "broken": self.all_broken(),
        })
    }
}

fn told(open: Open) -> String {
    let mut text = format!("{} files, {} threads", open.files, open.threads);
    if open.tasks > 0 {
        let _ = write!(text, ", {} tasks", open.tasks);
    }
    text
}
