//! The process that keeps an incident going: it breaks the instances, sends the traffic, and heals them at its end,
//! which comes when the incident is stopped, its time is over, the lab has gone, or somebody ends the process politely.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::catalogue;
use super::control::Control;
use super::file::faults::{self, Faults};
use super::refusal::Refusal;
use super::requests;
use super::state::{Run, State, now_ms};
use crate::lab::own_program::own_program;

/// Longest time of an incident.
pub(super) const LONGEST: Duration = Duration::from_secs(60 * 60);

/// Time between two looks at the state.
const LOOK: Duration = Duration::from_millis(300);

/// Looks between two checks that an instance still has its faults: it may have been started again.
const CHECK_EVERY: u64 = 15;

/// Time without an answer of any instance after which the lab has gone. One that is started later is another lab, and
/// is to be healthy.
const GONE: Duration = Duration::from_secs(20);

/// Time for the runner to report that it has begun.
const BEGIN: Duration = Duration::from_secs(15);

/// Arguments of the hidden command that is the runner.
#[derive(Args, Clone, Debug)]
pub(super) struct RunnerArgs {
    /// Folder with the state of the incident
    #[arg(long)]
    pub(super) state: PathBuf,
    /// Id of the run
    #[arg(long)]
    pub(super) id: String,
}

/// Starts a runner for a run in the state, and waits until it has begun.
///
/// # Errors
/// When it cannot be started, or cannot begin; the run is gone then.
pub(super) async fn spawn(state: &State, id: &str) -> Result<(), Refusal> {
    let broken = |error: std::io::Error| Refusal::broken(format!("no runner: {error}"));
    let program = own_program().map_err(broken)?;
    let mut log = OpenOptions::new();
    log.create(true).truncate(true).write(true).mode(0o600);
    let log = log
        .open(state.folder().join("runner.log"))
        .map_err(broken)?;
    let child = Command::new(program)
        .args(["incident", "runner", "--id", id, "--state"])
        .arg(state.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        // Ctrl-C in the terminal is for the command, which ends soon, and not for the incident.
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            forget(state, id)?;
            return Err(broken(error));
        }
    };
    // It may end long before this process does, and is waited for then.
    std::thread::spawn(move || {
        let _ = child.wait();
    });
    let deadline = Instant::now() + BEGIN;
    loop {
        match state.read()?.filter(|run| run.id == id) {
            Some(run) if run.problem.is_some() => {
                forget(state, id)?;
                return Err(Refusal::conflict(run.problem.unwrap_or_default()));
            }
            Some(run) if run.started_ms > 0 => return Ok(()),
            Some(_) if Instant::now() < deadline => {}
            Some(_) => {
                forget(state, id)?;
                let log = state.folder().join("runner.log");
                return Err(Refusal::broken(format!(
                    "the runner has not begun within {} s; see {}",
                    BEGIN.as_secs(),
                    log.display()
                )));
            }
            None => return Err(Refusal::conflict("the incident was stopped meanwhile")),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Removes a run that did not begin.
fn forget(state: &State, id: &str) -> Result<(), Refusal> {
    state.update(|run| {
        if run.as_ref().is_some_and(|run| run.id == id) {
            *run = None;
        }
        Ok(())
    })
}

/// Runs the incident to its end.
///
/// # Errors
/// When there is no such run, or the instances cannot be broken.
pub(super) async fn run(args: &RunnerArgs) -> Result<(), Refusal> {
    let state = State::new(args.state.clone());
    let run = state.read()?.filter(|run| run.id == args.id);
    let run = run.ok_or_else(|| Refusal::missing("there is no such run"))?;
    let incident = catalogue::of_text(&run.name, &run.text, &run.name)?;
    let values = incident.file.values(run.seed);
    let broken = Broken {
        control: Control::new(),
        faults: match run.healthy {
            true => Faults::new(),
            false => faults::with(&incident.file, &values),
        },
        run,
    };
    let traffic = requests::send(
        incident.file.traffic.with(&values),
        broken.run.place.clone(),
    );
    let traffic = tokio::spawn(traffic);
    let ended = match broken.begin(&state).await {
        Ok(()) => broken.keep(&state).await,
        Err(refusal) => {
            state.update_run(&args.id, |run| run.problem = Some(refusal.text.clone()))?;
            Err(refusal)
        }
    };
    traffic.abort();
    broken.heal().await;
    state.update_run(&args.id, |run| run.runner = None)?;
    ended
}

/// True while a process with this id is there.
pub(super) fn is_alive(process: u32) -> bool {
    let id = i32::try_from(process).ok();
    let id = id.and_then(rustix::process::Pid::from_raw);
    id.is_some_and(|id| rustix::process::test_kill_process(id).is_ok())
}

/// The instances with their faults.
struct Broken {
    control: Control,
    faults: Faults,
    run: Run,
}

impl Broken {
    /// Breaks the instances and says so.
    async fn begin(&self, state: &State) -> Result<(), Refusal> {
        for app in &self.run.place.apps {
            if let Some(set) = faults::set(&self.faults, &app.name, self.run.seed) {
                self.control.put(app, &bounded(set)).await?;
            }
        }
        let now = now_ms();
        let begun = state.update_run(&self.run.id, |run| {
            run.started_ms = now;
            run.until_ms = now + LONGEST.as_millis() as u64;
            run.runner = Some(std::process::id());
        })?;
        match begun {
            true => Ok(()),
            false => Err(Refusal::conflict("the incident was stopped meanwhile")),
        }
    }

    /// Waits for the end.
    async fn keep(&self, state: &State) -> Result<(), Refusal> {
        let cannot = |error| Refusal::broken(format!("cannot wait for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        // The terminal of the command may be closed.
        let mut hangup = signal(SignalKind::hangup()).map_err(cannot)?;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let started = now_ms();
        let mut answered = Instant::now();
        for look in 1_u64.. {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = hangup.recv() => continue,
                _ = looks.tick() => {}
            }
            let run = state.read()?.filter(|run| run.id == self.run.id);
            if !run.is_some_and(|run| run.is_active()) {
                return Ok(());
            }
            if look.is_multiple_of(CHECK_EVERY) {
                if self.mend(now_ms().saturating_sub(started)).await {
                    answered = Instant::now();
                } else if answered.elapsed() > GONE {
                    break;
                }
            }
        }
        state.update_run(&self.run.id, |run| {
            run.stopped_ms.get_or_insert(now_ms());
        })?;
        Ok(())
    }

    /// Breaks instances again that were started again. True if any instance answers.
    async fn mend(&self, elapsed_ms: u64) -> bool {
        let mut any = false;
        for app in &self.run.place.apps {
            // An instance that does not answer is asked again later.
            let Ok(now) = self.control.get(app).await else {
                continue;
            };
            any = true;
            let Some(set) = faults::set(&self.faults, &app.name, self.run.seed) else {
                continue;
            };
            if now["faults"].as_array().is_some_and(Vec::is_empty) {
                let set = later(bounded(set), elapsed_ms);
                let _ = self.control.put(app, &set).await;
            }
        }
        any
    }

    /// Removes all faults. An instance that does not answer has none when it comes back.
    async fn heal(&self) {
        for app in &self.run.place.apps {
            let _ = self.control.clear(app).await;
        }
    }
}

/// A set that ends with the time of the incident, even if nobody is there any more who could remove it.
fn bounded(mut set: Value) -> Value {
    let longest = LONGEST.as_secs_f64();
    for fault in set["faults"].as_array_mut().into_iter().flatten() {
        let left = longest - fault["after_s"].as_f64().unwrap_or(0.0);
        let lasts = fault["for_s"].as_f64().unwrap_or(longest);
        fault["for_s"] = lasts.min(left).into();
    }
    set
}

/// A set of which some time has passed already.
fn later(mut set: Value, elapsed_ms: u64) -> Value {
    let elapsed = elapsed_ms as f64 / 1000.0;
    let number = |fault: &Value, field: &str| fault[field].as_f64();
    if let Some(faults) = set["faults"].as_array_mut() {
        faults.retain_mut(|fault| {
            let after = number(fault, "after_s").unwrap_or(0.0);
            if let Some(lasts) = number(fault, "for_s") {
                let left = after + lasts - elapsed.max(after);
                if left <= 0.0 {
                    return false;
                }
                fault["for_s"] = left.into();
            }
            if after > 0.0 {
                fault["after_s"] = (after - elapsed).max(0.0).into();
            }
            true
        });
    }
    set
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_fault_ends_with_the_time_of_the_incident() {
        let set = json!({"faults": [{"kind": "a"}, {"kind": "b", "after_s": 600}, {"kind": "c", "for_s": 5}]});
        let expected = json!({"faults": [
            {"kind": "a", "for_s": 3600.0},
            {"kind": "b", "after_s": 600, "for_s": 3000.0},
            {"kind": "c", "for_s": 5.0},
        ]});
        assert_eq!(bounded(set), expected);
    }

    #[test]
    fn an_instance_that_comes_back_joins_the_schedule_where_it_is() {
        let set = json!({"seed": 1, "faults": [
            {"kind": "a"},
            {"kind": "b", "after_s": 30},
            {"kind": "c", "after_s": 5, "for_s": 60},
            {"kind": "d", "for_s": 9},
            {"kind": "e", "after_s": 20, "for_s": 5},
        ]});
        let expected = json!({"seed": 1, "faults": [
            {"kind": "a"},
            {"kind": "b", "after_s": 20.0},
            {"kind": "c", "after_s": 0.0, "for_s": 55.0},
            {"kind": "e", "after_s": 10.0, "for_s": 5.0},
        ]});
        assert_eq!(later(set, 10_000), expected);
    }
}
