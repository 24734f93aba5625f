//! The report: a table for people, one JSON object for programs.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::promise::{Outcome, State};
use crate::lab::command::Conclusion;
use crate::lab::excerpt::visible;

/// Everything that a run has found out.
pub(super) struct Report {
    /// Every promise with its outcome, causes before consequences.
    pub outcomes: Vec<Outcome>,
    /// The trace that was followed, 32 hex digits.
    pub trace_id: String,
    /// Duration of the run.
    pub took: Duration,
}

/// Width of the titles in the table.
const TITLE: usize = 66;

/// Terminal colours, or none.
struct Paint {
    green: &'static str,
    red: &'static str,
    dim: &'static str,
    off: &'static str,
}

const COLOURS: Paint = Paint {
    green: "\x1b[32m",
    red: "\x1b[31m",
    dim: "\x1b[2m",
    off: "\x1b[0m",
};

const PLAIN: Paint = Paint {
    green: "",
    red: "",
    dim: "",
    off: "",
};

impl Conclusion for Report {
    /// True if every promise is kept.
    fn is_good(&self) -> bool {
        !self.outcomes.iter().any(Outcome::is_broken)
    }

    /// With colours on a terminal.
    fn table(&self) -> String {
        let colours = std::io::stdout().is_terminal();
        let paint = if colours { COLOURS } else { PLAIN };
        let mut text = format!("trace {}\n", self.trace_id);
        let mut section = "";
        for outcome in &self.outcomes {
            let id = outcome.promise.id.as_str();
            let (pillar, _) = id.split_once('.').unwrap_or((id, ""));
            if pillar != section {
                section = pillar;
                let _ = writeln!(text, "\n{section}");
            }
            row(&mut text, outcome, &paint);
        }
        let kept = self.outcomes.iter().filter(|it| !it.is_broken()).count();
        let _ = writeln!(
            text,
            "\n{kept} of {} promises kept in {}",
            self.outcomes.len(),
            seconds(self.took)
        );
        text
    }

    fn json(&self) -> Value {
        let promises: Vec<Value> = self.outcomes.iter().map(entry).collect();
        json!({
            "ok": self.is_good(),
            "trace_id": self.trace_id,
            "took_ms": millis(self.took),
            "promises": promises,
        })
    }
}

fn row(text: &mut String, outcome: &Outcome, paint: &Paint) {
    let Paint {
        green,
        red,
        dim,
        off,
    } = paint;
    // What servers and dashboards say is in all of these.
    let title = visible(&outcome.promise.title);
    match &outcome.state {
        State::Kept { after, seen } => {
            let seen = visible(seen);
            let _ = writeln!(
                text,
                "  {green}✓{off} {title:<TITLE$} {:>8}  {dim}{seen}{off}",
                seconds(*after)
            );
        }
        State::Broken {
            waited,
            finding,
            follows,
        } => {
            let waited = seconds(*waited);
            if let Some(cause) = follows {
                let _ = writeln!(text, "  {dim}–{off} {title:<TITLE$} {waited:>8}");
                let _ = writeln!(
                    text,
                    "      {dim}follows from {}: {}{off}",
                    visible(cause),
                    visible(&finding.came)
                );
                return;
            }
            let _ = writeln!(text, "  {red}✗{off} {title:<TITLE$} {waited:>8}");
            let advice = finding.check.as_deref().unwrap_or(outcome.promise.check);
            for (name, what) in [
                ("asked", finding.asked.as_str()),
                ("came", &finding.came),
                ("check", advice),
            ] {
                let _ = writeln!(text, "      {name:<6} {}", visible(what));
            }
        }
    }
}

fn entry(outcome: &Outcome) -> Value {
    let mut value = json!({
        "id": outcome.promise.id,
        "title": outcome.promise.title,
    });
    let more = match &outcome.state {
        State::Kept { after, seen } => json!({
            "state": "kept",
            "after_ms": millis(*after),
            "seen": seen,
        }),
        State::Broken {
            waited,
            finding,
            follows,
        } => json!({
            "state": if follows.is_some() { "follows" } else { "broken" },
            "follows_from": follows,
            "waited_ms": millis(*waited),
            "asked": finding.asked,
            "came": finding.came,
            "check": finding.check.as_deref().unwrap_or(outcome.promise.check),
        }),
    };
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
