//! Ingest rules that do not depend on stored entries.

use super::entry::Entry;
use super::error::Refusal;
use super::labels::LabelSet;
use super::limits::{Limits, nanos};
use super::metadata_names::{is_settled, label_name};
use super::stats::Counters;

/// Tests for a label name of Prometheus' data model: `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub(crate) fn is_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Characters of a name or value that a message repeats; clients decide how long they are.
const QUOTE_AT_MOST: usize = 256;

fn shortened(text: &str) -> String {
    text.chars().take(QUOTE_AT_MOST).collect()
}

fn shortened_set(labels: &LabelSet) -> LabelSet {
    LabelSet::new(
        labels
            .iter()
            .take(32)
            .map(|(name, value)| (shortened(name), shortened(value))),
    )
    .unwrap_or_default()
}

/// Checks the labels of a stream.
pub(crate) fn check_labels(labels: &LabelSet, limits: &Limits) -> Result<(), Refusal> {
    if labels.is_empty() {
        return Err(Refusal::NoLabels);
    }
    // The service's name does not count, because Loki may have added it.
    let count = labels.len() - usize::from(labels.get("service_name").is_some());
    if count > limits.max_label_names {
        return Err(Refusal::TooManyLabels {
            stream: shortened_set(labels),
            count,
            limit: limits.max_label_names,
        });
    }
    for (name, value) in labels.iter() {
        let stream = || shortened_set(labels);
        if name.len() > limits.max_label_name_bytes {
            return Err(Refusal::NameTooLong {
                stream: stream(),
                name: shortened(name),
            });
        }
        if value.len() > limits.max_label_value_bytes {
            return Err(Refusal::ValueTooLong {
                stream: stream(),
                value: shortened(value),
            });
        }
    }
    Ok(())
}

/// Checks one entry against the clock and the size limits.
pub(crate) fn check_entry(
    labels: &LabelSet,
    entry: &Entry,
    limits: &Limits,
    now: i64,
) -> Result<(), Refusal> {
    let oldest = now.saturating_sub(nanos(limits.reject_older_than));
    if entry.ts < oldest {
        return Err(Refusal::TooOld {
            stream: labels.clone(),
            ts: entry.ts,
            oldest,
        });
    }
    if entry.ts > now.saturating_add(nanos(limits.creation_grace)) {
        return Err(Refusal::TooNew {
            stream: labels.clone(),
            ts: entry.ts,
        });
    }
    if entry.line.len() > limits.max_line_bytes {
        return Err(Refusal::LineTooLong {
            stream: labels.clone(),
            limit: limits.max_line_bytes,
            len: entry.line.len(),
        });
    }
    if entry.metadata_bytes() > limits.max_metadata_bytes {
        return Err(Refusal::MetadataTooLarge {
            stream: labels.clone(),
            limit: limits.max_metadata_bytes,
            len: entry.metadata_bytes(),
        });
    }
    let nameless = |(name, _): &&(String, String)| !is_settled(name) && label_name(name).is_none();
    if let Some((name, _)) = entry.metadata.iter().find(nameless) {
        return Err(Refusal::MetadataName {
            name: shortened(name),
        });
    }
    if entry.metadata.len() > limits.max_metadata_labels {
        return Err(Refusal::MetadataTooMany {
            stream: labels.clone(),
            limit: limits.max_metadata_labels,
            count: entry.metadata.len(),
        });
    }
    Ok(())
}

/// Counts refused entries under their reason.
pub(crate) fn count(refusal: &Refusal, entries: usize, counters: &Counters) {
    match refusal {
        Refusal::TooOld { .. } => counters.refused_too_old.add(entries),
        Refusal::TooNew { .. } => counters.refused_too_new.add(entries),
        Refusal::LineTooLong { .. }
        | Refusal::MetadataTooLarge { .. }
        | Refusal::MetadataTooMany { .. } => counters.refused_too_long.add(entries),
        _ => counters.refused_labels.add(entries),
    }
}
