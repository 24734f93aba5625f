//! What an incident asks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parameters::Scalar;
use super::place::Problem;
use super::text;

/// Most questions of a file.
pub(super) const MOST: usize = 8;

/// A question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Its name on the command line.
    pub key: String,
    /// The question.
    pub text: String,
    /// What it asks for.
    pub kind: Kind,
    /// The right answer. For a time: seconds after the start.
    pub expected: Scalar,
    /// Causes to choose from: name and explanation.
    #[serde(default)]
    pub choices: BTreeMap<String, String>,
    /// How far a number may be off, as a number or as `"20%"`; a time in seconds.
    pub tolerance: Option<Scalar>,
    /// Unit of a number.
    #[serde(default)]
    pub unit: String,
}

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The name of an instance.
    Service,
    /// A route, as the metrics name it.
    Route,
    /// The value of an attribute.
    Attribute,
    /// When it began.
    Time,
    /// One of the choices.
    Cause,
    /// A number.
    Number,
}

/// How far an answer may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::lab::incident) enum Tolerance {
    /// By this much.
    By(f64),
    /// By this share of the right number.
    Share(f64),
}

impl Question {
    /// How far an answer may be off.
    pub(in crate::lab::incident) fn tolerance(&self) -> Option<Tolerance> {
        match self.tolerance.as_ref()? {
            Scalar::Text(text) => {
                let percent: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
                (0.0..=100.0)
                    .contains(&percent)
                    .then_some(Tolerance::Share(percent / 100.0))
            }
            number => {
                let by = number.number()?;
                (0.0..=1e9).contains(&by).then_some(Tolerance::By(by))
            }
        }
    }

    pub(super) fn problems(&self, index: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, text: &str| {
            problems.push(Problem::new(format!("questions[{index}].{field}"), text));
        };
        if !text::is_name(&self.key) || text::RESERVED.contains(&self.key.as_str()) {
            wrong(
                "key",
                "is to be of lower-case letters, digits and _, and not range",
            );
        }
        if !(4..=300).contains(&self.text.chars().count()) {
            wrong("text", "is to have 4 to 300 characters");
        }
        let wants_tolerance = matches!(self.kind, Kind::Number | Kind::Time);
        match (wants_tolerance, self.tolerance.is_some()) {
            (true, false) => wrong("tolerance", "says how far an answer may be off; give one"),
            (false, true) => wrong("tolerance", "is for the kinds number and time"),
            (true, true) if self.tolerance().is_none() => wrong(
                "tolerance",
                "is a number from 0, or a text as \"20%\" up to 100%",
            ),
            _ => {}
        }
        if self.kind == Kind::Time && !matches!(self.tolerance(), None | Some(Tolerance::By(_))) {
            wrong("tolerance", "of a time is in seconds");
        }
        if !self.unit.is_empty() && self.kind != Kind::Number {
            wrong("unit", "is for the kind number");
        }
        let is_name = matches!(&self.expected, Scalar::Text(text) if text.starts_with('$'));
        if wants_tolerance && self.expected.number().is_none() && !is_name {
            wrong("expected", "is a number or the name of a parameter");
        }
        match (self.kind == Kind::Cause, self.choices.len()) {
            (true, 3..=10) => {
                if !is_name && !self.choices.contains_key(&self.expected.to_string()) {
                    wrong("expected", "is none of the choices");
                }
            }
            (true, _) => wrong("choices", "are to be 3 to 10"),
            (false, 0) => {}
            (false, _) => wrong("choices", "are for the kind cause"),
        }
        problems
    }
}
