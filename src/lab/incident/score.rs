//! Points of an incident.

use serde_json::{Value, json};

use super::file::File;
use super::state::{Run, now_ms};

/// Points of an incident that is solved in time, without a hint and without a wrong answer.
const WHOLE: u64 = 100;

/// Points that a hint costs.
const HINT: u64 = 10;

/// Points that a wrong answer costs.
const WRONG: u64 = 5;

/// What was reached, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Score {
    pub(super) points: u64,
    /// From the start to the solution, or until now.
    pub(super) seconds: u64,
    pub(super) hints: usize,
    pub(super) wrong: usize,
    /// The time in which it loses nothing.
    free_seconds: u64,
}

impl Score {
    /// The score of a run as it is now: what can be reached still, or was reached. Who has asked for the solution
    /// first, or has ended it unsolved, gets no points.
    pub(super) fn of(run: &Run, file: &File) -> Self {
        let end = [run.solved_ms, run.given_up_ms, run.stopped_ms]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_else(now_ms);
        let seconds = match run.started_ms {
            0 => 0,
            started => end.saturating_sub(started) / 1000,
        };
        let wrong = run.answers.iter().filter(|it| !it.right).count();
        let late = (seconds / 60).saturating_sub(u64::from(file.minutes));
        let cost = HINT * run.hints as u64 + WRONG * wrong as u64 + late;
        Self {
            points: match run.solved_ms.is_some() || run.is_open() {
                true => WHOLE.saturating_sub(cost),
                false => 0,
            },
            seconds,
            hints: run.hints,
            wrong,
            // The first minute that is over beyond the given ones is the first that counts.
            free_seconds: (u64::from(file.minutes) + 1) * 60,
        }
    }

    pub(super) fn json(self) -> Value {
        json!({
            "points": self.points,
            "of": WHOLE,
            "seconds": self.seconds,
            "hints": self.hints,
            "wrong": self.wrong,
            "free_seconds": self.free_seconds,
            "hint_costs": HINT,
            "wrong_costs": WRONG,
        })
    }
}
