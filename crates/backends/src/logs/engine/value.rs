//! Values of metric queries: series with an optional number for each step.

use std::collections::HashMap;

use crate::logs::lang::Grouping;

/// The labels of a series, sorted by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(pub Vec<(String, String)>);

impl Labels {
    /// The value of a label, empty when it is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(own, _)| own == name)
            .map_or("", |(_, value)| value)
    }

    /// Sets a label, or removes it when the value is empty.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.retain(|(own, _)| own != name);
        if !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
            self.0.sort();
        }
    }

    /// Only the labels in `names` (`on`, `by`) or only the others (`ignoring`, `without`).
    pub(crate) fn only(&self, names: &[String], inside: bool) -> Self {
        let picked = |(name, _): &&(String, String)| names.contains(name) == inside;
        Self(self.0.iter().filter(picked).cloned().collect())
    }

    /// The labels that a grouping leaves.
    pub(crate) fn grouped(&self, grouping: Option<&Grouping>) -> Self {
        match grouping {
            None => Self::default(),
            Some(grouping) => self.only(&grouping.labels, !grouping.without),
        }
    }
}

/// A series: an optional number for each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The labels that identify the series.
    pub labels: Labels,
    /// One for each step.
    pub values: Vec<Option<f64>>,
}

/// The result of a metric query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The same number at each step.
    Scalar(f64),
    /// Series, in the order in which they are to be shown.
    Vector(Vec<Series>),
}

/// Sorts series into groups, each with its labels, in the order of first appearance.
pub(crate) fn grouped(
    series: &[Series],
    label: impl Fn(&Series) -> Labels,
) -> Vec<(Labels, Vec<&Series>)> {
    let mut groups: Vec<(Labels, Vec<&Series>)> = Vec::new();
    let mut known: HashMap<Labels, usize> = HashMap::new();
    for one in series {
        let labels = label(one);
        let next = groups.len();
        let at = *known.entry(labels).or_insert_with_key(|labels| {
            groups.push((labels.clone(), Vec::new()));
            next
        });
        if let Some((_, members)) = groups.get_mut(at) {
            members.push(one);
        }
    }
    groups
}
