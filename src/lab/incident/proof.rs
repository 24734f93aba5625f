//! The proof that incidents are fair: while one runs, the queries of its solution give every answer, and without its
//! faults they give none. `lab verify --incidents` proves it for the lab at hand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::catalogue::Catalogue;
use super::derive;
use super::desk::{Current, Desk, Order, span};
use super::judge;
use super::place::{self, Place};
use super::refusal::Refusal;
use super::state::State;
use super::view::Stage;
use crate::lab::command::Conclusion;
use crate::lab::excerpt::visible;
use crate::lab::verify::args::VerifyArgs;

/// For how long the healthy lab gets the traffic before it is asked: three scrapes.
pub const HEALTHY: Duration = Duration::from_secs(16);

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// What the telemetry of the run at hand tells.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Answers by key, as a person would give them.
    pub answers: BTreeMap<String, String>,
    /// Questions whose answer was not found, or is wrong, each with what was seen; empty if all are right.
    pub missing: Vec<String>,
}

/// Derives the answers of the run at hand from the public APIs, and compares them.
///
/// # Errors
/// When there is no run, or a server's address is none.
pub async fn find(desk: &Desk) -> Result<Found, Refusal> {
    let current = desk
        .current()?
        .ok_or_else(|| Refusal::conflict("no incident runs"))?;
    let Current { run, incident } = &current;
    let file = &incident.file;
    let walk = derive::walk(file, &run.place, span(run)).await;
    let walk = walk.map_err(Refusal::usage)?;
    let (values, services) = (file.values(run.seed), run.place.services());
    let mut found = Found {
        answers: walk.answers(file),
        missing: Vec::new(),
    };
    for question in &file.questions {
        let key = &question.key;
        let right = judge::right(question, &values, run.started_ms);
        match found.answers.get(key) {
            None => found.missing.push(format!("{key}: nothing, not {right}")),
            Some(answer) => {
                match judge::is_right(question, &values, run.started_ms, &services, answer) {
                    Ok(true) => {}
                    Ok(false) => found.missing.push(format!("{key}: {answer}, not {right}")),
                    Err(problem) => found.missing.push(format!("{key}: {answer} {problem}")),
                }
            }
        }
    }
    if !found.missing.is_empty() {
        for (step, taken) in walk.steps.iter().enumerate() {
            let problem = taken.problem.as_deref().unwrap_or("answered");
            found.missing.push(format!(
                "step {}: {} rows, {:?}, {problem}: {}",
                step + 1,
                taken.rows,
                taken.derived,
                taken.query
            ));
        }
    }
    Ok(found)
}

/// One incident, proved or not.
struct Proof {
    name: String,
    took: Duration,
    answers: BTreeMap<String, String>,
    problem: Option<String>,
}

/// All incidents.
pub(in crate::lab) struct Report(Vec<Proof>);

/// Proves incidents in the lab that the flags of `lab verify` name, by their names or the paths of their files; all
/// that are built in if `names` is empty.
///
/// # Errors
/// When an incident is unknown, or the lab cannot be broken.
pub(in crate::lab) async fn run(args: &VerifyArgs, names: &[String]) -> Result<Report, Refusal> {
    let lab = args
        .lab()
        .map_err(|error| Refusal::usage(error.to_string()))?;
    let place = Place {
        apps: place::apps(lab.apps.iter().map(|it| it.base()), &args.faults),
        prometheus: lab.prometheus.base().to_owned(),
        loki: lab.loki.base().to_owned(),
        tempo: lab.tempo.base().to_owned(),
        console: None,
        grafana: None,
    };
    let catalogue = Catalogue::default();
    let mut names = names.to_vec();
    names.retain(|it| !it.is_empty());
    if names.is_empty() {
        names = catalogue.all()?.into_iter().map(|it| it.name).collect();
    }
    for name in &names {
        catalogue.named(name)?;
    }
    // Of its own, so that an incident that somebody solves here is not lost.
    let folder = std::env::temp_dir().join(format!("lab-verify-incidents-{}", std::process::id()));
    let desk = Desk::new(catalogue, State::new(folder.clone()));
    let outcome = tokio::select! {
        outcome = prove_all(&desk, &names, args, &place) => outcome,
        () = ended() => Err(Refusal::conflict("ended before all was proved; the lab is healed")),
    };
    // The runner is a process of its own, and would go on for an hour.
    let _ = desk.stop().await;
    let _ = std::fs::remove_dir_all(folder);
    outcome
}

async fn prove_all(
    desk: &Desk,
    names: &[String],
    args: &VerifyArgs,
    place: &Place,
) -> Result<Report, Refusal> {
    let mut proofs = Vec::new();
    for name in names {
        proofs.push(prove(desk, name, args.seed, place, args.timeout).await?);
        desk.stop().await?;
    }
    Ok(Report(proofs))
}

/// Done when somebody ends the command politely.
async fn ended() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn prove(
    desk: &Desk,
    name: &str,
    seed: u64,
    place: &Place,
    patience: Duration,
) -> Result<Proof, Refusal> {
    let order = |healthy| Order {
        name: Some(name.to_owned()),
        seed: Some(seed),
        healthy,
    };
    let mut proof = Proof {
        name: name.to_owned(),
        took: Duration::ZERO,
        answers: BTreeMap::new(),
        problem: None,
    };
    let view = desk.start(order(true), place.clone()).await?;
    proof.name = view.incident.name;
    sleep(HEALTHY).await;
    let healthy = find(desk).await?.answers;
    desk.stop().await?;
    if !healthy.is_empty() {
        proof.problem = Some(format!("nothing is broken, and yet {healthy:?} is found"));
        return Ok(proof);
    }
    desk.start(order(false), place.clone()).await?;
    let began = Instant::now();
    loop {
        let found = find(desk).await?;
        proof.took = began.elapsed();
        proof.answers = found.answers;
        if found.missing.is_empty() {
            break;
        }
        if proof.took > patience {
            proof.problem = Some(found.missing.join("\n"));
            return Ok(proof);
        }
        sleep(LOOK).await;
    }
    let (_, view) = desk.answer(&proof.answers)?;
    if view.stage != Stage::Solved {
        proof.problem = Some("its answers are right and do not solve it".to_owned());
    }
    Ok(proof)
}

impl Conclusion for Report {
    fn is_good(&self) -> bool {
        self.0.iter().all(|proof| proof.problem.is_none())
    }

    fn table(&self) -> String {
        let mut text = String::new();
        for proof in &self.0 {
            let mark = if proof.problem.is_none() {
                "✓"
            } else {
                "✗"
            };
            let answers: Vec<String> = proof
                .answers
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            let _ = writeln!(
                text,
                "{mark} {:<24} {:>6.1} s  {}",
                proof.name,
                proof.took.as_secs_f64(),
                visible(&answers.join(" "))
            );
            for line in proof.problem.iter().flat_map(|it| it.lines()) {
                let _ = writeln!(text, "    {}", visible(line));
            }
        }
        let proved = self.0.iter().filter(|it| it.problem.is_none()).count();
        let _ = writeln!(
            text,
            "\n{proved} of {} incidents are solved from telemetry alone, and are nothing without their faults",
            self.0.len()
        );
        text
    }

    fn json(&self) -> Value {
        let proofs: Vec<Value> = self
            .0
            .iter()
            .map(|proof| {
                json!({
                    "name": proof.name,
                    "ok": proof.problem.is_none(),
                    "took_ms": u64::try_from(proof.took.as_millis()).unwrap_or(u64::MAX),
                    "answers": proof.answers,
                    "problem": proof.problem,
                })
            })
            .collect();
        json!({"ok": self.is_good(), "incidents": proofs})
    }
}
