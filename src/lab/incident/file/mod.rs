//! An incident file: TOML that says what breaks, what is asked, and how it is found out.
//!
//! * [`parameters`]: what the seed chooses
//! * [`text`]: `$name` in texts
//! * [`traffic`], [`faults`]: what the lab is given
//! * [`questions`], [`solution`]: what is asked, and how telemetry answers it
//! * [`place`]: the line of a field, for errors
//! * [`check`]: what no field shows alone

mod check;
pub(super) mod faults;
pub(super) mod parameters;
mod place;
pub(super) mod questions;
pub(super) mod solution;
pub(super) mod text;
pub(super) mod traffic;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use parameters::{Scalar, Values};
pub use place::Problem;
pub use questions::{Kind, Question};
pub use solution::{Derive, Pick, Signal, Step};

use parameters::Parameter;
use traffic::Traffic;

/// Most bytes of a file.
pub const LARGEST: usize = 64 * 1024;

/// Hints of each incident.
pub const HINTS: usize = 3;

/// An incident.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// A few words that give nothing away.
    pub title: String,
    /// From 1 (one look) to 5.
    pub difficulty: u8,
    /// Minutes within which the score loses nothing.
    pub minutes: u32,
    /// Two sentences that wake somebody: the symptom.
    pub page: String,
    /// What the seed chooses, by name.
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Parameter>,
    /// What breaks. The fields are those of the service's faults, and `instance`.
    pub(super) faults: Vec<toml::Table>,
    /// Requests that are sent meanwhile.
    pub(super) traffic: Traffic,
    /// What is to be found out.
    pub questions: Vec<Question>,
    /// From the vague to the plain.
    pub hints: Vec<String>,
    /// The way to the answers.
    pub solution: Vec<Step>,
    /// What Prometheus' rules notice.
    #[serde(default)]
    pub alerts: Alerts,
    /// What there is to learn.
    pub learn: String,
}

/// Alerts of `etc/prometheus/rules.yml` by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// They become pending or fire.
    #[serde(default)]
    pub must_fire: Vec<String>,
    /// They stay inactive.
    #[serde(default)]
    pub must_not_fire: Vec<String>,
}

impl File {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        if text.len() > LARGEST {
            let problem = format!("has {} bytes; {LARGEST} are allowed", text.len());
            return Err(vec![Problem::of_file(problem)]);
        }
        let file: Self =
            toml::from_str(text).map_err(|error| vec![Problem::of_toml(text, &error)])?;
        let problems = check::problems(&file);
        if problems.is_empty() {
            Ok(file)
        } else {
            Err(problems.into_iter().map(|it| it.located(text)).collect())
        }
    }

    /// What the seed chooses.
    #[must_use]
    pub fn values(&self, seed: u64) -> Values {
        parameters::choose(&self.parameters, seed)
    }

    /// The question with a key.
    #[must_use]
    pub fn question(&self, key: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.key == key)
    }
}
