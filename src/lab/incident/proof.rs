//! The proof that incidents are fair: while one runs, the queries of its solution give every answer, and without its
//! faults they give none.

use std::collections::BTreeMap;

use super::derive;
use super::desk::span;
use super::desk::{Current, Desk};
use super::judge;
use super::refusal::Refusal;

/// What the telemetry of the run at hand tells.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Answers by key, as a person would give them.
    pub answers: BTreeMap<String, String>,
    /// Questions whose answer was not found, or is wrong, each with what was seen.
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
    let values = file.values(run.seed);
    let mut found = Found {
        answers: walk.answers(file),
        missing: Vec::new(),
    };
    for question in &file.questions {
        let (key, right) = (
            &question.key,
            judge::right(question, &values, run.started_ms),
        );
        match found.answers.get(key) {
            None => found.missing.push(format!("{key}: nothing, not {right}")),
            Some(answer) => match judge::is_right(question, &values, run.started_ms, answer) {
                Ok(true) => {}
                Ok(false) => found.missing.push(format!("{key}: {answer}, not {right}")),
                Err(problem) => found.missing.push(format!("{key}: {answer} {problem}")),
            },
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
