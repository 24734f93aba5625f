//! Many short faults, and what is left over after them: open files, threads and tasks.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use super::account::Sent;
use super::fault::{self, Fault, Kind, NAMES, Part};
use super::load::Load;
use super::reading::App;
use super::stage::Stage;
use crate::client::Client;

/// Time of one fault, and of the pause after it.
const FAULT: Duration = Duration::from_millis(100);
const BETWEEN: Duration = Duration::from_millis(50);

/// Time in which the counts are looked at before the rounds.
const LOOK: Duration = Duration::from_secs(2);

/// Time for connections and idle threads to end after the rounds.
const END: Duration = Duration::from_secs(25);

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What a process has open.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Open {
    pub(super) files: u64,
    pub(super) threads: u64,
    /// Tasks of the runtime; 0 for another process.
    pub(super) tasks: u64,
}

/// A process before and after the rounds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Leak {
    pub(super) process: String,
    pub(super) before: Open,
    pub(super) after: Open,
}

impl Open {
    fn least(self, other: Self) -> Self {
        Self {
            files: self.files.min(other.files),
            threads: self.threads.min(other.threads),
            tasks: self.tasks.min(other.tasks),
        }
    }

    fn exceeds(self, other: Self) -> bool {
        self.files > other.files || self.threads > other.threads || self.tasks > other.tasks
    }
}

impl Leak {
    /// True if more is open than before.
    pub(super) fn is_one(&self) -> bool {
        self.after.exceeds(self.before)
    }
}

/// The faults of the rounds: those that begin and end at once.
fn short() -> Vec<Fault> {
    let is_short = |fault: &Fault| {
        let kinds = [Kind::Killed, Kind::Frozen, Kind::Refuses, Kind::Garbage];
        let own = matches!(fault.part, Part::App(_) | Part::FurtherApp);
        kinds.contains(&fault.kind) && !own
    };
    fault::all().into_iter().filter(is_short).collect()
}

/// Breaks and heals parts `rounds` times under load, and counts what is open before and after.
///
/// # Errors
/// When a part cannot be broken, or an instance does not tell its counts.
pub(super) async fn after_rounds(
    stage: &mut Stage,
    load: Load,
    rounds: u32,
) -> anyhow::Result<(Vec<Leak>, Sent)> {
    let before = least(stage, LOOK, None).await?;
    let mut sent = Sent::default();
    let running = load.start()?;
    for (fault, _) in short().iter().cycle().zip(0..rounds) {
        stage.inject(*fault).await?;
        sleep(FAULT).await;
        stage.heal(*fault)?;
        sleep(BETWEEN).await;
    }
    sent.add(&running.stop().await);
    // With it its connections end.
    drop(load);
    let after = least(stage, END, Some(&before)).await?;
    let processes = NAMES.into_iter().chain(["lab"]);
    let leaks = processes.zip(before.into_iter().zip(after));
    let leaks = leaks.map(|(process, (before, after))| Leak {
        process: process.to_owned(),
        before,
        after,
    });
    Ok((leaks.collect(), sent))
}

/// The least that each process has open in a time. Ends early when none has more than `wanted`.
async fn least(
    stage: &mut Stage,
    time: Duration,
    wanted: Option<&[Open]>,
) -> anyhow::Result<Vec<Open>> {
    // Idle connections of earlier queries end with their client.
    stage.client = Client::new(1, None);
    let deadline = Instant::now() + time;
    let mut least = open(stage).await?;
    loop {
        let exceeds =
            |wanted: &[Open]| least.iter().zip(wanted).any(|(it, most)| it.exceeds(*most));
        if Instant::now() >= deadline || wanted.is_some_and(|wanted| !exceeds(wanted)) {
            return Ok(least);
        }
        sleep(PAUSE).await;
        let now = open(stage).await?;
        least = least
            .into_iter()
            .zip(now)
            .map(|(a, b)| a.least(b))
            .collect();
    }
}

/// What the instances and this process have open.
async fn open(stage: &Stage) -> anyhow::Result<Vec<Open>> {
    let mut all = Vec::new();
    for address in stage.apps() {
        let app = App::of(&stage.client, address).await?;
        all.push(Open {
            files: app.files,
            threads: app.threads,
            tasks: 0,
        });
    }
    let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    all.push(Open {
        files: files as u64,
        threads: own_status("Threads:").unwrap_or(0),
        tasks: Handle::current().metrics().num_alive_tasks() as u64,
    });
    Ok(all)
}

/// A number that Linux tells of this process.
pub(super) fn own_status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
