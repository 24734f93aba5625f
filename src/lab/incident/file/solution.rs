//! The way to the answers: queries, what is seen, and which answer a program reads from the result.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parameters::Scalar;
use super::place::Problem;
use super::text;

/// Most steps of a solution.
pub(super) const MOST: usize = 10;

/// One look at the telemetry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Where to look.
    pub signal: Signal,
    /// The query, in the language of the signal; for `trace` the id of a trace.
    pub query: String,
    /// Ask for values over time, every 5 s, in the place of one value each (only `metrics`).
    #[serde(default)]
    pub over_time: bool,
    /// What to see, and why it leads on.
    pub see: String,
    /// The answers that are read from the result.
    #[serde(default)]
    pub derive: Vec<Derive>,
}

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// PromQL.
    Metrics,
    /// Exemplars of a PromQL selector.
    Exemplars,
    /// LogQL: lines, or numbers made of them.
    Logs,
    /// TraceQL: spans.
    Traces,
    /// All spans of one trace.
    Trace,
}

/// Which answer is read from which field of the rows of a result.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derive {
    /// The question that is answered, or a name that later queries use.
    pub key: String,
    /// The field: a label, an attribute, or one of `value`, `time`, `line`, `trace_id`, `name`, `duration_ms`, …
    pub field: Option<String>,
    /// What there being a row at all means; only for a cause.
    pub is: Option<String>,
    /// The part of the field that the first group of this expression matches.
    pub regex: Option<String>,
    /// Answers for the texts that were read; another text is no answer.
    #[serde(default)]
    pub map: BTreeMap<String, String>,
    /// Only rows with these fields; `$name` is what was derived before.
    #[serde(default)]
    pub rows: BTreeMap<String, String>,
    /// Which row, or what of all rows.
    #[serde(default)]
    pub pick: Pick,
    /// Factor of a number.
    pub scale: Option<f64>,
    /// Only rows in which the number of this field
    #[serde(rename = "where")]
    pub of: Option<String>,
    /// is greater than this,
    pub above: Option<f64>,
    /// or less than this.
    pub below: Option<f64>,
}

/// What is taken of the rows of a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pick {
    /// What all rows agree on; nothing if they do not.
    #[default]
    Only,
    /// The row with the greatest value; where rows have no value, the greatest number in the field.
    Max,
    /// The row with the least.
    Min,
    /// The row with the earliest time.
    First,
    /// What most rows have.
    Most,
    /// The number in the middle.
    Median,
}

impl Step {
    pub(super) fn problems(&self, index: usize) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, text: String| {
            problems.push(Problem::new(format!("solution[{index}].{field}"), text));
        };
        if let Err(error) = self.parse() {
            wrong("query", error);
        }
        if self.over_time && self.signal != Signal::Metrics {
            wrong("over_time", "is for the signal metrics".to_owned());
        }
        if !(10..=600).contains(&self.see.chars().count()) {
            wrong("see", "is to have 10 to 600 characters".to_owned());
        }
        if self.derive.len() > MOST {
            wrong("derive", format!("may have {MOST} entries"));
        }
        for derive in &self.derive {
            for problem in derive.problems() {
                wrong("derive", format!("{}: {problem}", derive.key));
            }
        }
        problems
    }

    /// Parses the query as the embedded server does, with values in the places of names.
    fn parse(&self) -> Result<(), String> {
        if self.query.len() > 4096 {
            return Err("has more than 4096 bytes".to_owned());
        }
        let mut query = self.query.clone();
        let mut names: Vec<&str> = text::names(&self.query).into_iter().collect();
        // A name may begin with another.
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for name in names {
            let value = if name == "range" { "60s" } else { "1" };
            query = query.replace(&format!("${name}"), value);
        }
        match self.signal {
            Signal::Metrics | Signal::Exemplars => lab_backends::metrics::engine::selectors(&query)
                .map(drop)
                .map_err(|error| error.to_string()),
            Signal::Logs => lab_backends::logs::lang::parse(&query)
                .map(drop)
                .map_err(|error| error.to_string()),
            Signal::Traces => lab_backends::traces::lang::parse(&query)
                .map(drop)
                .map_err(|error| error.to_string()),
            Signal::Trace if query == "1" => Ok(()),
            Signal::Trace => {
                Err("is to be the name that an earlier step derived, as $trace".to_owned())
            }
        }
    }
}

impl Derive {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !text::is_name(&self.key) || text::RESERVED.contains(&self.key.as_str()) {
            problems.push("key is to be of lower-case letters, digits and _".to_owned());
        }
        if self.field.is_some() == self.is.is_some() {
            problems.push("give field or is".to_owned());
        }
        if let Some(regex) = &self.regex {
            match regex::Regex::new(regex) {
                Ok(regex) if regex.captures_len() == 2 => {}
                Ok(_) => problems.push("regex is to have one group".to_owned()),
                Err(error) => problems.push(format!("regex: {error}").replace('\n', " ")),
            }
        }
        if self.of.is_some() != (self.above.is_some() || self.below.is_some()) {
            problems.push("where goes with above or below".to_owned());
        }
        let numbers = [self.scale, self.above, self.below];
        if numbers.into_iter().flatten().any(|it| !it.is_finite()) {
            problems.push("numbers are to be finite".to_owned());
        }
        problems
    }

    /// Names of earlier answers that it uses.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.values().flat_map(|it| text::names(it))
    }

    /// The constant of a cause, if it is one.
    pub(super) fn constant(&self) -> Option<Scalar> {
        self.is.clone().map(Scalar::Text)
    }
}
