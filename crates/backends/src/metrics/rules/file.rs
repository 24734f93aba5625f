//! Reads a [rule file](https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/) and checks it.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Deserialize;

use super::alerting::Alerting;
use super::expand::Expansion;
use super::group::{Group, Kind, Rule};
use crate::metrics::engine;
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::wire::duration::prometheus;

/// Rules that a file may have.
const MAX_RULES: usize = 1_000;

/// Shortest time between two evaluations.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// A rule file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not YAML, or with a key or value that is not understood.
    #[error("{path}: {problem}")]
    File {
        /// The file.
        path: String,
        /// The problem.
        problem: String,
    },
    /// A rule that is not usable.
    #[error("{path}: group {group:?}, rule {rule}, {name:?}: {problem}")]
    Rule {
        /// The file.
        path: String,
        /// The group's name.
        group: String,
        /// The rule's place in the group, from 1.
        rule: usize,
        /// The rule's name.
        name: String,
        /// The problem.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    groups: Vec<RawGroup>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    #[serde(default)]
    name: String,
    interval: Option<String>,
    query_offset: Option<String>,
    #[serde(default)]
    limit: usize,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    #[serde(default)]
    record: String,
    #[serde(default)]
    alert: String,
    #[serde(default)]
    expr: String,
    #[serde(rename = "for")]
    hold: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// Reads a file; `interval` is that of a group that says none.
pub(super) fn parse(path: &str, yaml: &str, interval: Duration) -> Result<Vec<Group>, RuleError> {
    let fail = |problem: String| RuleError::File {
        path: path.to_owned(),
        problem,
    };
    let file: RawFile = serde_saphyr::from_str(yaml).map_err(|error| fail(error.to_string()))?;
    let rules: usize = file.groups.iter().map(|group| group.rules.len()).sum();
    if rules > MAX_RULES {
        return Err(fail(format!(
            "{rules} rules are more than {MAX_RULES}, which is the most"
        )));
    }
    let mut names = HashSet::new();
    let mut groups = Vec::with_capacity(file.groups.len());
    for raw in file.groups {
        if raw.name.is_empty() {
            return Err(fail("Groupname must not be empty".to_owned()));
        }
        if !names.insert(raw.name.clone()) {
            let problem = format!("groupname: {:?} is repeated in the same file", raw.name);
            return Err(fail(problem));
        }
        check_labels(&raw.labels).map_err(&fail)?;
        groups.push(raw.check(path, interval)?);
    }
    Ok(groups)
}

impl RawGroup {
    fn check(self, path: &str, interval: Duration) -> Result<Group, RuleError> {
        let fail = |problem: String| RuleError::File {
            path: path.to_owned(),
            problem: format!("group {:?}: {problem}", self.name),
        };
        let interval = match duration(self.interval.as_deref()).map_err(fail)? {
            Duration::ZERO => interval,
            given => given,
        };
        if interval < MIN_INTERVAL {
            return Err(fail(format!(
                "an interval of {interval:?} is shorter than {MIN_INTERVAL:?}"
            )));
        }
        let query_offset = duration(self.query_offset.as_deref()).map_err(fail)?;
        let mut rules = Vec::with_capacity(self.rules.len());
        for (at, raw) in self.rules.into_iter().enumerate() {
            let name = match raw.alert.is_empty() {
                true => raw.record.clone(),
                false => raw.alert.clone(),
            };
            let rule = raw.check(&self.labels);
            rules.push(rule.map_err(|problem| RuleError::Rule {
                path: path.to_owned(),
                group: self.name.clone(),
                rule: at + 1,
                name,
                problem,
            })?);
        }
        Ok(Group {
            name: self.name,
            file: path.to_owned(),
            interval,
            query_offset: i64::try_from(query_offset.as_millis()).unwrap_or(i64::MAX / 2),
            limit: self.limit,
            rules,
            evaluated: parking_lot::Mutex::default(),
        })
    }
}

impl RawRule {
    fn check(self, of_group: &BTreeMap<String, String>) -> Result<Rule, String> {
        match (self.record.is_empty(), self.alert.is_empty()) {
            (false, false) => Err("only one of 'record' and 'alert' must be set"),
            (true, true) => Err("one of 'record' or 'alert' must be set"),
            _ if self.expr.is_empty() => Err("field 'expr' must be set in rule"),
            _ => Ok(()),
        }?;
        let parsed = engine::parse_any(&self.expr);
        let expr = parsed.map_err(|error| format!("could not parse expression: {error}"))?;
        check_labels(&self.labels)?;
        let hold = duration(self.hold.as_deref())?;
        let keep_firing_for = duration(self.keep_firing_for.as_deref())?;
        let labels = Labels::from_pairs(
            of_group
                .iter()
                .chain(&self.labels)
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        if self.alert.is_empty() {
            let field = [
                ("annotations", !self.annotations.is_empty()),
                ("for", !hold.is_zero()),
                ("keep_firing_for", !keep_firing_for.is_zero()),
            ];
            if let Some((name, _)) = field.iter().find(|(_, set)| *set) {
                return Err(format!("invalid field '{name}' in recording rule"));
            }
            if self.record.contains(['{', '}']) {
                return Err(format!(
                    "braces present in the recording rule name; should it be in expr?: {}",
                    self.record
                ));
            }
            return Ok(Rule::new(self.record, &expr, labels, Kind::Recording));
        }
        if let Some(name) = self.annotations.keys().find(|name| name.is_empty()) {
            return Err(format!("invalid annotation name: {name}"));
        }
        let expand = |what: &str, name: &str, text: &str| {
            let expansion = Expansion::parse(&self.alert, text);
            expansion.map_err(|error| {
                format!(
                    "{what} {name:?}: error parsing template __alert_{}: {error}",
                    self.alert
                )
            })
        };
        let of_labels = labels
            .iter()
            .map(|(name, text)| Ok((name.to_owned(), expand("label", name, text)?)))
            .collect::<Result<_, String>>()?;
        let of_annotations = self
            .annotations
            .iter()
            .map(|(name, text)| Ok((name.clone(), expand("annotation", name, text)?)))
            .collect::<Result<_, String>>()?;
        let annotations = self.annotations.iter();
        let annotations = annotations.map(|(name, text)| (name.as_str(), text.as_str()));
        let alerting = Alerting {
            hold,
            keep_firing_for,
            annotations: Labels::from_pairs(annotations),
            of_labels,
            of_annotations,
            active: parking_lot::Mutex::default(),
        };
        let kind = Kind::Alerting(Box::new(alerting));
        Ok(Rule::new(self.alert, &expr, labels, kind))
    }
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    let bad = |name: &&String| name.is_empty() || *name == METRIC_NAME;
    match labels.keys().find(bad) {
        Some(name) => Err(format!("invalid label name: {name}")),
        None => Ok(()),
    }
}

/// A duration, zero when it is not given.
fn duration(text: Option<&str>) -> Result<Duration, String> {
    let nanos = text.map_or(Ok(0), prometheus::parse)?;
    Ok(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)))
}
