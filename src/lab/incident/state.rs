//! The incident of this machine, in a folder: commands, the console and the runner agree through it.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::place::Place;
use super::refusal::Refusal;

/// The file with the incident.
const FILE: &str = "incident.json";

/// Form of the file; another is not read.
const VERSION: u32 = 1;

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The one incident that there is, running or over.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    pub(super) version: u32,
    /// Of this run alone, so that a runner knows when it is over.
    pub(super) id: String,
    pub(super) name: String,
    /// Text of the file, so that a change of the file does not change what runs.
    pub(super) text: String,
    pub(super) seed: u64,
    /// True if nothing breaks.
    pub(super) healthy: bool,
    pub(super) place: Place,
    /// Unix ms; 0 until the faults are there.
    pub(super) started_ms: u64,
    /// At this time the runner ends by itself.
    pub(super) until_ms: u64,
    /// The process that sends the traffic.
    pub(super) runner: Option<u32>,
    /// Why the runner could not begin.
    pub(super) problem: Option<String>,
    pub(super) hints: usize,
    pub(super) answers: Vec<Answer>,
    pub(super) solved_ms: Option<u64>,
    pub(super) given_up_ms: Option<u64>,
    pub(super) stopped_ms: Option<u64>,
}

/// An answer that was given.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) right: bool,
    pub(super) at_ms: u64,
}

/// The form of a file.
#[derive(Deserialize)]
struct Form {
    version: u32,
}

impl Run {
    /// An incident that has not begun.
    pub(super) fn new(name: &str, text: &str, seed: u64, place: Place) -> Self {
        Self {
            version: VERSION,
            id: format!("{:016x}", rand::random::<u64>()),
            name: name.to_owned(),
            text: text.to_owned(),
            seed,
            healthy: false,
            place,
            started_ms: 0,
            until_ms: 0,
            runner: None,
            problem: None,
            hints: 0,
            answers: Vec::new(),
            solved_ms: None,
            given_up_ms: None,
            stopped_ms: None,
        }
    }

    /// True while its faults and its traffic are there.
    pub(super) fn is_active(&self) -> bool {
        self.stopped_ms.is_none() && (self.started_ms == 0 || now_ms() < self.until_ms)
    }

    /// True while it is to be solved.
    pub(super) fn is_open(&self) -> bool {
        self.is_active() && self.solved_ms.is_none() && self.given_up_ms.is_none()
    }
}

/// The folder.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
}

/// The folder that the environment names: `LAB_STATE`, else `salvo-observability` in `XDG_STATE_HOME`, else in
/// `~/.local/state`. The incident is in `incident` below it.
///
/// # Errors
/// When none of them is set.
pub fn folder(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<PathBuf, Refusal> {
    let (mut state, mut xdg, mut home) = (None, None, None);
    for (name, value) in environment {
        if value.is_empty() {
            continue;
        }
        match name.to_str() {
            Some("LAB_STATE") => state = Some(PathBuf::from(value)),
            Some("XDG_STATE_HOME") => xdg = Some(PathBuf::from(value)),
            Some("HOME") => home = Some(PathBuf::from(value)),
            _ => {}
        }
    }
    let xdg = xdg.or_else(|| home.map(|home| home.join(".local/state")));
    state
        .or_else(|| xdg.map(|xdg| xdg.join("salvo-observability")))
        .map(|folder| folder.join("incident"))
        .ok_or_else(|| {
            Refusal::usage("no folder for the state of an incident: set LAB_STATE to one")
        })
}

impl State {
    /// The state in a folder, which is made when it is needed.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The incident, if there is one.
    pub(super) fn read(&self) -> Result<Option<Run>, Refusal> {
        let file = self.folder.join(FILE);
        match fs::metadata(&file) {
            Ok(about) if about.len() > LARGEST => Err(self.broken("is too large")),
            Ok(_) => {
                let text = fs::read(&file).map_err(|error| self.inaccessible(&error))?;
                let broken = |error: serde_json::Error| self.broken(error);
                // Another version has other fields, of which nothing is to be said.
                let form: Form = serde_json::from_slice(&text).map_err(broken)?;
                if form.version != VERSION {
                    return Err(self.broken(format!("has version {}", form.version)));
                }
                serde_json::from_slice(&text).map_err(broken)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.inaccessible(&error)),
        }
    }

    /// What is said of a file that is not understood.
    pub(super) fn broken(&self, problem: impl std::fmt::Display) -> Refusal {
        let file = self.folder.join(FILE);
        Refusal::broken(format!(
            "{}: {problem}; remove the file to begin anew",
            file.display()
        ))
    }

    /// What is said of a folder that cannot be used.
    fn inaccessible(&self, error: &io::Error) -> Refusal {
        Refusal::broken(format!(
            "{}: {error}; LAB_STATE names another folder",
            self.folder.display()
        ))
    }

    /// Changes the incident while nobody else does. What `change` refuses changes nothing.
    pub(super) fn update<T>(
        &self,
        change: impl FnOnce(&mut Option<Run>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let broken = |error: io::Error| self.inaccessible(&error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(broken)?;
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let lock = options.open(self.folder.join("lock")).map_err(broken)?;
        // Released when the file is closed.
        lock.lock().map_err(broken)?;
        let mut run = self.read()?;
        let outcome = change(&mut run)?;
        let file = self.folder.join(FILE);
        match run {
            Some(run) => {
                let text = serde_json::to_vec_pretty(&run)
                    .map_err(|error| Refusal::broken(error.to_string()))?;
                let new = self.folder.join("incident.json.new");
                let mut options = OpenOptions::new();
                options.create(true).truncate(true).write(true).mode(0o600);
                let written = options.open(&new).and_then(|mut it| it.write_all(&text));
                written
                    .and_then(|()| fs::rename(&new, &file))
                    .map_err(broken)?;
            }
            None => match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(broken(error)),
                _ => {}
            },
        }
        Ok(outcome)
    }

    /// Changes the run with an id, if it is still the one there is. True if it is.
    pub(super) fn update_run(
        &self,
        id: &str,
        change: impl FnOnce(&mut Run),
    ) -> Result<bool, Refusal> {
        self.update(|run| match run.as_mut().filter(|run| run.id == id) {
            Some(run) => {
                change(run);
                Ok(true)
            }
            None => Ok(false),
        })
    }
}

/// Unix ms.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_the_one_of_the_stack() {
        let folder = |variables: &[(&str, &str)]| {
            folder(
                variables
                    .iter()
                    .map(|(name, value)| (name.into(), value.into())),
            )
        };
        let home = ("HOME", "/home/me");
        for (variables, expected) in [
            (
                &[home][..],
                "/home/me/.local/state/salvo-observability/incident",
            ),
            (
                &[home, ("XDG_STATE_HOME", "/s")],
                "/s/salvo-observability/incident",
            ),
            (
                &[home, ("XDG_STATE_HOME", "/s"), ("LAB_STATE", "/l")],
                "/l/incident",
            ),
        ] {
            assert_eq!(folder(variables), Ok(PathBuf::from(expected)));
        }
        assert!(folder(&[("LAB_STATE", "")]).is_err());
    }
}
