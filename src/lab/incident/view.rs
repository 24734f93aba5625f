//! How an incident stands: for programs as JSON, the same for the command line and the console.

use std::collections::BTreeMap;

use http::Uri;
use serde::Serialize;
use serde_json::Value;

use super::catalogue::Incident;
use super::derive::Walk;
use super::desk::{Current, span};
use super::file::{HINTS, Kind};
use super::judge;
use super::links::{Link, Range, links};
use super::place::Place;
use super::score::Score;
use super::state::{Run, now_ms};
use crate::lab::target::is_loopback;

/// An incident of the list: nothing that gives it away.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// A few words.
    pub title: String,
    /// From 1 to 5.
    pub difficulty: u8,
    /// Minutes within which the score loses nothing.
    pub minutes: u32,
    /// Number of questions.
    pub questions: usize,
}

impl Listed {
    pub(in crate::lab) fn of(incident: &Incident) -> Self {
        let file = &incident.file;
        Self {
            name: incident.name.clone(),
            title: file.title.clone(),
            difficulty: file.difficulty,
            minutes: file.minutes,
            questions: file.questions.len(),
        }
    }
}

/// How far an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its faults are about to be there.
    Starting,
    /// To be solved.
    Open,
    /// All answers are right.
    Solved,
    /// The solution was asked for first.
    GivenUp,
    /// It was ended before it was solved.
    Stopped,
    /// Its time was over before it was solved.
    Over,
}

/// How the one incident stands.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// How far it is.
    pub stage: Stage,
    /// True while faults and traffic are there.
    pub active: bool,
    /// True while its runner sends the traffic.
    pub runner: bool,
    /// True if nothing breaks.
    pub healthy: bool,
    /// What it is.
    #[serde(flatten)]
    pub incident: Listed,
    /// The page that woke somebody.
    pub page: String,
    /// The seed.
    pub seed: u64,
    /// Unix ms of the start.
    pub started_ms: u64,
    /// Unix ms of the time up to which its telemetry goes: now, or its end.
    pub to_ms: u64,
    /// Unix ms at which it ends by itself.
    pub until_ms: u64,
    /// Names of the instances.
    pub services: Vec<String>,
    /// Routes of the service.
    pub routes: Vec<&'static str>,
    /// What is asked.
    pub asked: Vec<Asked>,
    /// Hints that were taken.
    pub hints: Vec<String>,
    /// Hints that are left.
    pub hints_left: usize,
    /// Points and what they cost.
    pub score: Value,
    /// Where the telemetry is: URLs of console, Grafana, Prometheus, Loki and Tempo.
    pub servers: BTreeMap<&'static str, String>,
    /// Where to look at it, in the console or in Grafana; nothing before it has begun.
    pub links: Vec<Link>,
    /// After it was solved or given up, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solution: Option<Solution>,
}

/// A question with what was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// Its key.
    pub key: String,
    /// The question.
    pub text: String,
    /// What it asks for.
    pub kind: Kind,
    /// Unit of a number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Causes to choose from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub choices: BTreeMap<String, String>,
    /// The answer that was right.
    pub answer: Option<String>,
    /// Answers that were wrong.
    pub wrong: Vec<String>,
}

/// The way to the answers.
#[derive(Clone, Debug, Serialize)]
pub struct Solution {
    /// The right answers by key.
    pub answers: BTreeMap<String, String>,
    /// The steps: signal, query of this run, what to see, and what was derived from its result just now.
    pub steps: Vec<Value>,
    /// What there is to learn.
    pub learn: String,
}

impl View {
    pub(super) fn of(current: &Current) -> Self {
        let Current { run, incident } = current;
        let file = &incident.file;
        let asked = file.questions.iter().map(|question| {
            let of_key = run.answers.iter().filter(|it| it.key == question.key);
            let (right, wrong): (Vec<_>, Vec<_>) = of_key.partition(|it| it.right);
            Asked {
                key: question.key.clone(),
                text: question.text.clone(),
                kind: question.kind,
                unit: question.unit.clone(),
                choices: question.choices.clone(),
                answer: right.first().map(|it| it.value.clone()),
                wrong: wrong.into_iter().map(|it| it.value.clone()).collect(),
            }
        });
        let place = &run.place;
        let to_ms = (span(run).to * 1000.0) as u64;
        let links = match run.started_ms {
            0 => Vec::new(),
            from => {
                let to = (!run.is_active()).then_some(to_ms);
                links(place, Range { from, to })
            }
        };
        let servers = [
            ("console", place.console.clone()),
            ("grafana", place.grafana.clone()),
            ("prometheus", Some(place.prometheus.clone())),
            ("loki", Some(place.loki.clone())),
            ("tempo", Some(place.tempo.clone())),
        ];
        Self {
            stage: stage(run),
            active: run.is_active(),
            runner: run.runner.is_some_and(super::runner::is_alive),
            healthy: run.healthy,
            incident: Listed::of(incident),
            page: file.page.trim().to_owned(),
            seed: run.seed,
            started_ms: run.started_ms,
            to_ms,
            until_ms: run.until_ms,
            services: place.services(),
            routes: judge::routes(),
            asked: asked.collect(),
            hints: file.hints.iter().take(run.hints).cloned().collect(),
            hints_left: HINTS.saturating_sub(run.hints),
            score: Score::of(run, file).json(),
            servers: servers
                .into_iter()
                .filter_map(|(name, url)| Some((name, url?)))
                .collect(),
            links,
            solution: None,
        }
    }

    /// True if it runs in a lab.
    pub(in crate::lab) fn is_in(&self, place: &Place) -> bool {
        let server = self.servers.get("prometheus");
        server.is_some_and(|server| is_same(server, &place.prometheus))
    }

    pub(super) fn with_solution(self, current: &Current, walk: &Walk) -> Self {
        let Current { run, incident } = current;
        let file = &incident.file;
        let values = file.values(run.seed);
        let answers = file.questions.iter().map(|question| {
            let right = judge::right(question, &values, run.started_ms);
            (question.key.clone(), right)
        });
        Self {
            solution: Some(Solution {
                answers: answers.collect(),
                steps: walk.json(file, &run.place),
                learn: file.learn.trim().to_owned(),
            }),
            ..self
        }
    }
}

/// True if two URLs lead to the same server: loopback has several names.
fn is_same(one: &str, other: &str) -> bool {
    match (one.parse::<Uri>(), other.parse::<Uri>()) {
        (Ok(one), Ok(other)) if is_loopback(&one) && is_loopback(&other) => {
            one.port_u16() == other.port_u16()
        }
        _ => one == other,
    }
}

fn stage(run: &Run) -> Stage {
    if run.given_up_ms.is_some() {
        Stage::GivenUp
    } else if run.solved_ms.is_some() {
        Stage::Solved
    } else if run.stopped_ms.is_some() {
        Stage::Stopped
    } else if run.started_ms == 0 {
        Stage::Starting
    } else if now_ms() >= run.until_ms {
        Stage::Over
    } else {
        Stage::Open
    }
}
