//! The fault table for people, one JSON object for programs.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::Loss;
use super::args::SoakArgs;
use super::leaks::{Leak, Open};
use crate::lab::command::Conclusion;
use crate::lab::file_text::file_text;

/// Largest kept report, in bytes: that of all faults takes some twenty thousand.
const MAX_KEPT: u64 = 1 << 20;

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Memory {
    /// Of the instances.
    #[serde(rename = "instances")]
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

/// 99th percentile of the response times in milliseconds, without the broken instance.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct P99 {
    /// Before the fault.
    pub(super) quiet: f64,
    /// During it.
    pub(super) fault: f64,
}

/// One fault and its costs.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Row {
    pub(super) fault: String,
    /// Times that it was tried.
    pub(super) attempts: u32,
    /// Requests that were answered.
    #[serde(rename = "requests_answered")]
    pub(super) answered: u64,
    /// Requests that failed, without those to the broken instance.
    #[serde(rename = "requests_failed")]
    pub(super) failed: u64,
    /// Those to the broken instance.
    #[serde(rename = "requests_failed_of_broken_instance")]
    pub(super) failed_own: u64,
    #[serde(flatten)]
    pub(super) loss: Loss,
    /// Milliseconds from the end of the fault until new requests were seen everywhere.
    pub(super) recovery_ms: u64,
    pub(super) p99_ms: P99,
    /// Growth of the memory during the fault.
    #[serde(rename = "memory_growth_bytes")]
    pub(super) memory: Memory,
    /// Promises that were broken.
    pub(super) broken: Vec<String>,
}

impl Row {
    /// Milliseconds by which p99 grew.
    pub(super) fn growth(&self) -> f64 {
        self.p99_ms.fault - self.p99_ms.quiet
    }
}

/// Everything that a run has found out. As JSON it is also what `--table` reads.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Report {
    rate: u32,
    /// True if spans could wait on disk.
    #[serde(default)]
    spool: bool,
    seconds_of_each_fault: f64,
    #[serde(skip)]
    most_growth: u64,
    #[serde(rename = "faults")]
    rows: Vec<Row>,
    rounds: u32,
    #[serde(rename = "open")]
    leaks: Vec<Leak>,
    /// Every promise that was broken, with its fault.
    broken: Vec<String>,
}

impl Report {
    pub(super) fn new(args: &SoakArgs, slot: Duration) -> Self {
        Self {
            rate: args.rate,
            spool: args.spool,
            seconds_of_each_fault: slot.as_secs_f64(),
            most_growth: args.p99_growth,
            rows: Vec::new(),
            rounds: args.rounds,
            leaks: Vec::new(),
            broken: Vec::new(),
        }
    }

    /// The report that an earlier run printed as JSON.
    ///
    /// # Errors
    /// When the file cannot be read, or holds something else.
    pub(super) fn kept(file: &Path) -> anyhow::Result<Self> {
        let text =
            file_text(file, MAX_KEPT).with_context(|| format!("cannot read {}", file.display()))?;
        let report = serde_json::from_str(&text);
        report.with_context(|| format!("{} is not what lab soak --json prints", file.display()))
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
        let named = |text| format!("{}: {text}", row.fault);
        self.broken.extend(row.broken.iter().map(named));
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
}

impl Conclusion for Report {
    /// True if no promise was broken.
    fn is_good(&self) -> bool {
        self.broken.is_empty()
    }

    fn table(&self) -> String {
        let spool = if self.spool {
            "; spans may wait on disk"
        } else {
            ""
        };
        let mut text = format!(
            "{} requests/s to three instances; {:.1} s for each fault{spool}\n\n",
            self.rate, self.seconds_of_each_fault
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
                &row.fault,
                &row.answered.to_string(),
                &failed,
                &row.loss.spans.to_string(),
                &row.loss.lines.to_string(),
                &row.loss.samples.to_string(),
                &format!("{:.2} s", row.recovery_ms as f64 / 1000.0),
                &format!("{:.1} ms", row.p99_ms.quiet),
                &format!("{:.1} ms", row.p99_ms.fault),
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
        text.push('\n');
        for sentence in &self.broken {
            let _ = writeln!(text, "BROKEN  {sentence}");
        }
        let promises = match self.broken.len() {
            0 => "every promise was kept".to_owned(),
            1 => "1 promise was broken".to_owned(),
            number => format!("{number} promises were broken"),
        };
        let _ = writeln!(text, "{promises}");
        text
    }

    fn json(&self) -> Value {
        json!(Verdict {
            ok: self.is_good(),
            report: self,
        })
    }
}

/// A report that says first if it is good.
#[derive(Serialize)]
struct Verdict<'a> {
    ok: bool,
    #[serde(flatten)]
    report: &'a Report,
}

fn told(open: Open) -> String {
    let mut text = format!("{} files, {} threads", open.files, open.threads);
    if open.tasks > 0 {
        let _ = write!(text, ", {} tasks", open.tasks);
    }
    text
}
