//! The line on the terminal while requests are sent.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::LoadArgs;
use super::report::time;
use super::tally::Tally;

/// Time between two versions of the line.
const PACE: Duration = Duration::from_millis(500);

/// A line that is rewritten in place. Without a terminal nothing is written.
pub(super) struct Live {
    ticks: Option<Interval>,
    started: Instant,
    duration: Duration,
}

impl Live {
    pub(super) fn new(args: &LoadArgs) -> Self {
        let shown = std::io::stderr().is_terminal() && !args.json;
        Self {
            ticks: shown.then(|| {
                let mut ticks = interval(PACE);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                ticks
            }),
            started: Instant::now(),
            duration: args.duration,
        }
    }

    /// Completes when the line is due again. Without a terminal it never completes.
    pub(super) async fn tick(&mut self) {
        match &mut self.ticks {
            Some(ticks) => {
                ticks.tick().await;
            }
            None => std::future::pending().await,
        }
    }

    pub(super) fn show(&self, tally: &Tally) {
        let all = tally.all();
        let p99 = all.percentile(99.0).map_or("–".to_owned(), time);
        let elapsed = self.started.elapsed();
        let at = match elapsed < self.duration {
            true => format!("{} of {:?}", elapsed.as_secs(), self.duration),
            false => "waiting for answers".to_owned(),
        };
        self.write(&format!(
            "{at}: {} sent, {} open, {} missed, {} errors, p99 {p99}",
            all.sent,
            all.open(),
            all.missed,
            all.failed(),
        ));
    }

    /// Erases the line.
    pub(super) fn clear(&self) {
        if self.ticks.is_some() {
            self.write("");
        }
    }

    fn write(&self, line: &str) {
        let mut out = std::io::stderr().lock();
        let _ = write!(out, "\r\x1b[K{line}");
        let _ = out.flush();
    }
}
