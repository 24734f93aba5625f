//! Normalises structured metadata at ingest: names become label names, so that queries can use them
//! (`http.route` becomes `http_route`). The rules are those of the OpenTelemetry translator that
//! Loki's distributor uses.

use super::entry::Entry;

/// Turns a name of structured metadata into a label name: each run of characters other than ASCII
/// letters and digits becomes one underscore, and a leading digit gets a prefix. `None` if only
/// underscores would be left.
#[must_use]
pub(crate) fn label_name(name: &str) -> Option<String> {
    let reserved = name
        .strip_prefix("__")
        .and_then(|name| name.strip_suffix("__"));
    let mut built = String::with_capacity(name.len() + 4);
    if reserved.is_some() {
        built.push_str("__");
    }
    let mut after_underscore = false;
    for c in reserved.unwrap_or(name).chars() {
        if c.is_ascii_alphanumeric() {
            built.push(c);
            after_underscore = false;
        } else if !after_underscore {
            built.push('_');
            after_underscore = true;
        }
    }
    if reserved.is_some() {
        built.push_str("__");
    }
    if built.starts_with(|c: char| c.is_ascii_digit()) {
        built.insert_str(0, "key_");
    }
    let has_letters = built.contains(|c| c != '_');
    has_letters.then_some(built)
}

/// Tests for a name that needs no change. Most names pass.
pub(super) fn is_settled(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !name.contains("__")
}

/// Normalises the metadata of an entry: label names, sorted and unique. A label whose name changed
/// replaces one that had this name from the start, the later of two replaces the earlier; labels
/// without a value are removed.
pub(crate) fn normalise(entry: &mut Entry) {
    let settled = entry
        .metadata
        .iter()
        .all(|(name, value)| is_settled(name) && !value.contains('\u{fffd}'));
    if !settled {
        let mut kept = Vec::with_capacity(entry.metadata.len());
        let mut changed: Vec<(String, String)> = Vec::new();
        for (name, value) in std::mem::take(&mut entry.metadata) {
            let Some(normalised) = label_name(&name) else {
                continue;
            };
            if normalised == name && !value.contains('\u{fffd}') {
                kept.push((name, value));
                continue;
            }
            // Loki's stores refuse the replacement character in labels.
            let value = value.replace('\u{fffd}', " ");
            changed.retain(|(other, _)| *other != normalised);
            changed.push((normalised, value));
        }
        kept.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        kept.append(&mut changed);
        entry.metadata = kept;
    }
    entry.metadata.reverse();
    entry.metadata.sort_by(|a, b| a.0.cmp(&b.0));
    entry
        .metadata
        .dedup_by(|earlier, later| earlier.0 == later.0);
    entry.metadata.retain(|(_, value)| !value.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_label_names() {
        for (name, expected) in [
            ("http.route", Some("http_route")),
            ("k8s-pod", Some("k8s_pod")),
            ("a..b", Some("a_b")),
            ("a__b", Some("a_b")),
            ("__name__", Some("__name__")),
            ("1st", Some("key_1st")),
            ("é.x", Some("_x")),
            ("trace_id", Some("trace_id")),
            ("...", None),
            ("_", None),
            ("___", None),
            ("", None),
        ] {
            assert_eq!(label_name(name).as_deref(), expected, "{name:?}");
        }
    }
}
