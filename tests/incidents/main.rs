//! Incidents are fair: each is solved from telemetry alone, whatever the seed, and is nothing without its faults.
//!
//! A program of its own, because many labs run at the same time.

#![cfg(feature = "lab")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use salvo_observability::lab::incident::{Catalogue, Desk, Found, Incident, State, proof};
use serde_json::Value;

use support::up::Lab;

/// Seeds of each incident.
const SEEDS: [u64; 3] = [1, 2, 3];

/// Labs at the same time.
const LABS: usize = 10;

/// The incident that is not to be seen on the dashboard, its route, and the panel that would show it.
const UNSEEN: &str = "all-green";
const UNSEEN_ROUTE: &str = "/items/{item_id}";
const PANEL: &str = "PR 99 Requests Duration";

/// Longest such percentile in seconds: less than half of what its slow requests take.
const UNSEEN_S: f64 = 0.5;

/// Time of an incident of which the panel is read; long enough for some slow requests.
const READ: Duration = Duration::from_secs(40);

/// Longest wait for all answers, and for the alerts; far beyond what it takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// A lab that can be broken, with a state of its own.
struct Stage {
    lab: Lab,
    state: PathBuf,
    desk: Desk,
    runtime: tokio::runtime::Runtime,
}

impl Stage {
    fn new(name: &str, seed: u64) -> Self {
        let process = std::process::id();
        let state = std::env::temp_dir().join(format!("lab-incidents-{process}-{name}-{seed}"));
        Self {
            // What /cpu_task computes is of no interest, and many labs share the processor.
            lab: Lab::start_with(
                &["--faults", "--faults-port", "0"],
                &[("CPU_TASK_PRIMES", "1000")],
            ),
            desk: Desk::new(Catalogue::default(), State::new(state.join("incident"))),
            state,
            runtime: tokio::runtime::Runtime::new().unwrap(),
        }
    }

    /// A command of `lab incident`, its exit code and what it says.
    fn command(&self, args: &[&str]) -> (Option<i32>, Value) {
        let output = Command::new(env!("CARGO_BIN_EXE_lab"))
            .env_clear()
            .env("LAB_STATE", &self.state)
            .args(["incident", "--json"])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = serde_json::from_str(&said)
            .unwrap_or_else(|_| panic!("{said} {}", String::from_utf8_lossy(&output.stderr)));
        (output.status.code(), said)
    }

    fn start(&self, name: &str, seed: u64, more: &[&str]) {
        let seed = seed.to_string();
        let console = self.lab.ready["console"].as_str().unwrap();
        let start = ["start", name, "--seed", &seed, "--console", console];
        let (code, said) = self.command(&[&start, more].concat());
        assert_eq!(code, Some(0), "{said}");
    }

    fn find(&self) -> Found {
        self.runtime.block_on(proof::find(&self.desk)).unwrap()
    }

    /// State of each alert.
    fn alerts(&self) -> BTreeMap<String, String> {
        let rules = self
            .lab
            .json("prometheus", "/api/v1/rules", &[("type", "alert")]);
        let groups = rules["data"]["groups"].as_array().unwrap().clone();
        let rules = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        rules
            .map(|rule| (text(&rule["name"]), text(&rule["state"])))
            .collect()
    }

    /// What the panel of the dashboard says about the route, for all instances together and for each, in seconds.
    fn unseen(&self) -> Vec<(String, f64)> {
        let expression = panel(PANEL).replace("$__rate_interval", &format!("{}s", READ.as_secs()));
        let apps = ["app-.+", "app-a", "app-b", "app-c"];
        let percentile = |app: &str| {
            let query = expression.replace("$app_name", app);
            let answer = self
                .lab
                .json("prometheus", "/api/v1/query", &[("query", &query)]);
            let series = answer["data"]["result"].as_array().unwrap().iter();
            let mut of_route = series.filter(|it| it["metric"]["path"] == UNSEEN_ROUTE);
            let value = &of_route.next().expect("the route has a series")["value"][1];
            value.as_str().unwrap().parse().unwrap()
        };
        apps.map(|app| (app.to_owned(), percentile(app))).into()
    }
}

/// The expression of a panel of the dashboard for requests.
fn panel(title: &str) -> String {
    let dashboard: Value =
        serde_json::from_str(include_str!("../../dashboards/salvo-observability.json")).unwrap();
    let mut panels = dashboard["panels"].as_array().unwrap().iter();
    let panel = panels.find(|it| it["title"] == title).unwrap();
    panel["targets"][0]["expr"].as_str().unwrap().to_owned()
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.command(&["stop"]);
        let _ = std::fs::remove_dir_all(&self.state);
    }
}

/// Starts an incident and finds every answer, or says what is missing.
fn prove(incident: &Incident, seed: u64) -> Result<(), String> {
    let name = &incident.name;
    let stage = Stage::new(name, seed);
    // The same traffic, and nothing is broken.
    stage.start(name, seed, &["--healthy"]);
    std::thread::sleep(proof::HEALTHY);
    let found = stage.find().answers;
    if !found.is_empty() {
        return Err(format!(
            "{name} {seed}: nothing is broken, yet {found:?} is found"
        ));
    }
    let (code, said) = stage.command(&["stop"]);
    assert_eq!(code, Some(0), "{said}");

    stage.start(name, seed, &[]);
    let started = Instant::now();
    let deadline = Instant::now() + PATIENCE;
    let found = loop {
        let found = stage.find();
        if found.missing.is_empty() {
            break found;
        }
        if Instant::now() > deadline {
            return Err(format!("{name} {seed}:\n  {}", found.missing.join("\n  ")));
        }
        std::thread::sleep(Duration::from_secs(2));
    };
    let answers = found.answers.iter();
    let answers: Vec<String> = answers
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let mut answer = vec!["answer"];
    answer.extend(answers.iter().map(String::as_str));
    let (code, said) = stage.command(&answer);
    assert_eq!(code, Some(0), "{name} {seed}: {said}");
    assert_eq!(said["incident"]["stage"], "solved", "{said}");

    if name == UNSEEN {
        std::thread::sleep(READ.saturating_sub(started.elapsed()));
        let read = stage.unseen();
        if read
            .iter()
            .any(|(_, seconds)| !(0.0..UNSEEN_S).contains(seconds))
        {
            return Err(format!("{name} {seed}: {PANEL} shows it: {read:?}"));
        }
    }

    // The rules are evaluated every 15 s.
    let expected = &incident.file.alerts;
    loop {
        let alerts = stage.alerts();
        let quiet = expected
            .must_fire
            .iter()
            .find(|it| alerts[*it] == "inactive");
        let loud = expected
            .must_not_fire
            .iter()
            .find(|it| alerts[*it] != "inactive");
        match (loud, quiet) {
            (Some(loud), _) => return Err(format!("{name} {seed}: {loud} is {}", alerts[loud])),
            (None, None) => return Ok(()),
            (None, Some(quiet)) if Instant::now() > deadline => {
                return Err(format!("{name} {seed}: {quiet} is inactive: {alerts:?}"));
            }
            (None, Some(_)) => std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

#[test]
fn every_incident_is_solved_from_telemetry_alone_and_is_nothing_without_its_faults() {
    let incidents = Catalogue::default().all().unwrap();
    assert!(incidents.len() >= 12);
    let cases = incidents
        .iter()
        .flat_map(|incident| SEEDS.map(|seed| (incident, seed)));
    let cases = Mutex::new(cases.collect::<VecDeque<_>>());
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..LABS {
            scope.spawn(|| {
                loop {
                    let Some((incident, seed)) = cases.lock().unwrap().pop_front() else {
                        return;
                    };
                    let proved = std::panic::catch_unwind(|| prove(incident, seed));
                    let outcome = proved.unwrap_or_else(|_| {
                        Err(format!("{} {seed}: a panic, see above", incident.name))
                    });
                    if let Err(problem) = outcome {
                        problems.lock().unwrap().push(problem);
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The laptops of the teaching plan with their seeds.
fn laptops() -> Vec<u64> {
    let document = include_str!("../../docs/incidents.md");
    let (_, plan) = document.split_once("## Teaching with it").unwrap();
    let row = plan.lines().find(|line| line.starts_with("| seed |"));
    let cells = row.unwrap().split('|').map(str::trim).skip(2);
    cells.filter_map(|cell| cell.parse().ok()).collect()
}

#[test]
fn laptops_next_to_each_other_get_other_answers() {
    let incident = Catalogue::default().named("half-broken").unwrap();
    let seeds = laptops();
    assert_eq!(seeds.len(), 20);
    let answers: Vec<[String; 4]> = seeds
        .iter()
        .map(|seed| {
            let values = incident.file.values(*seed);
            ["instance", "route", "exception", "percent"].map(|name| values[name].to_string())
        })
        .collect();
    for (laptop, one) in answers.iter().enumerate() {
        for (other, another) in answers.iter().enumerate().skip(laptop + 1) {
            let (seed, other_seed) = (seeds[laptop], seeds[other]);
            assert_ne!(one, another, "seeds {seed} and {other_seed}");
            // As the plan promises.
            let is_near = other - laptop < 6;
            let is_alike = one[..2] == another[..2];
            assert!(
                !(is_near && is_alike),
                "seeds {seed} and {other_seed}: {one:?}"
            );
        }
    }
    for two in answers.windows(2) {
        assert!(two[0][0] != two[1][0] && two[0][1] != two[1][1], "{two:?}");
    }
}
