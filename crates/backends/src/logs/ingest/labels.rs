//! The labels of a pushed stream. Loki reads them with Prometheus' parser.

use std::collections::BTreeMap;

use crate::logs::store::{LabelSet, Quoted, is_label_name};
use crate::metrics::lang;

/// Reads `{name="value", …}`.
///
/// # Errors
/// Loki's message.
pub(super) fn read(text: &str) -> Result<LabelSet, String> {
    let labels =
        lang::parse_metric(text).map_err(|error| format!("couldn't parse labels: {error}"))?;
    if let Some(first) = labels.iter().find(|(name, _)| name.is_empty()) {
        return Err(duplicate(std::slice::from_ref(first), ""));
    }
    LabelSet::new(labels.iter().map(|(name, value)| (name, value)))
        .map_err(|name| duplicate(&labels, &name))
}

/// At most so many characters of the labels are repeated; clients decide how long they are.
const QUOTE_AT_MOST: usize = 256;

fn duplicate(labels: &[(String, String)], name: &str) -> String {
    let shown: String = text(labels.iter().map(|(name, value)| (name, value)))
        .chars()
        .take(QUOTE_AT_MOST)
        .collect();
    format!("stream '{shown}' has duplicate label name: '{name}'")
}

fn text<'l>(labels: impl Iterator<Item = (&'l String, &'l String)>) -> String {
    let pairs = labels.map(|(name, value)| match is_label_name(name) {
        true => format!("{name}={}", Quoted(value)),
        false => format!("{}={}", Quoted(name), Quoted(value)),
    });
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

/// Checks labels from JSON. Loki writes them as a text and parses it, so a name that needs quotes
/// is refused.
///
/// # Errors
/// As [`read`].
pub(super) fn of_map(labels: BTreeMap<String, String>) -> Result<LabelSet, String> {
    if labels.keys().all(|name| is_label_name(name)) {
        return LabelSet::new(labels);
    }
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", Quoted(value)))
        .collect();
    read(&format!("{{{}}}", pairs.join(", ")))
}
