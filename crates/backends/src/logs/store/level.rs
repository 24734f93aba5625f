//! Detects the level of a line at ingest, as Loki 3 does, and keeps it as `detected_level`.

use std::sync::LazyLock;

use regex::Regex;

use super::labels::LabelSet;
use crate::logs::lines::{json, logfmt};

/// Name of the structured metadata label.
pub(crate) const LEVEL_LABEL: &str = "detected_level";

/// Names of labels and fields that hold a level (`log_level_fields`, in the order of preference).
const FIELDS: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

/// Structured metadata that holds a severity number of OpenTelemetry.
const SEVERITY_NUMBER: &str = "severity_number";

/// Depth to which a JSON line is searched for a level field (`log_level_from_json_max_depth`).
const JSON_DEPTH: usize = 2;

#[expect(clippy::expect_used, reason = "a literal")]
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("(?i-u)trace|debug|fatal|critical|error|err|warning|warn|info").expect("a literal")
});

/// The level of an entry: from a label, from its structured metadata, from a severity number there, from a field of the line or
/// from the first word in it that names one; `unknown` otherwise.
pub(crate) fn detect<'a>(
    labels: &'a LabelSet,
    metadata: &'a [(String, String)],
    line: &str,
) -> &'a str {
    if let Some(level) = FIELDS.iter().find_map(|field| labels.get(field)) {
        return known(level).unwrap_or(level);
    }
    let of_metadata = FIELDS.iter().find_map(|field| {
        metadata
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, value)| value.as_str())
    });
    if let Some(level) = of_metadata {
        return known(level).unwrap_or(level);
    }
    let severity = metadata.iter().find(|(name, _)| name == SEVERITY_NUMBER);
    if let Some((_, number)) = severity {
        return of_severity(number);
    }
    from_fields(line).unwrap_or_else(|| from_words(line))
}

/// Gives a level that was sent the name that Loki has for it, if it has one.
pub(crate) fn normalise(level: &mut String) {
    if let Some(name) = known(level) {
        name.clone_into(level);
    }
}

/// The level of a severity number of OpenTelemetry
/// (<https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>).
fn of_severity(number: &str) -> &'static str {
    match number.parse::<i64>() {
        Err(_) => "info",
        Ok(0) => "unknown",
        Ok(..=4) => "trace",
        Ok(5..=8) => "debug",
        Ok(9..=12) => "info",
        Ok(13..=16) => "warn",
        Ok(17..=20) => "error",
        Ok(21..=24) => "fatal",
        Ok(_) => "unknown",
    }
}

fn known(level: &str) -> Option<&'static str> {
    const NAMES: [(&str, &str); 14] = [
        ("trace", "trace"),
        ("trc", "trace"),
        ("debug", "debug"),
        ("dbg", "debug"),
        ("info", "info"),
        ("inf", "info"),
        ("information", "info"),
        ("warn", "warn"),
        ("wrn", "warn"),
        ("warning", "warn"),
        ("error", "error"),
        ("err", "error"),
        ("critical", "critical"),
        ("fatal", "fatal"),
    ];
    NAMES
        .iter()
        .find(|(name, _)| level.eq_ignore_ascii_case(name))
        .map(|(_, level)| *level)
}

fn from_fields(line: &str) -> Option<&'static str> {
    let trimmed = line.trim();
    if trimmed.starts_with('{') && trimmed.ends_with('}') {
        let mut found = None;
        // A level field before a syntax error counts.
        let _ = json::walk(trimmed, &mut Vec::new(), &mut |path, key, value| {
            if value.kind == json::Kind::Text && FIELDS.contains(&key) {
                found = known(&value.as_label());
                return Err(json::Ended::Enough);
            }
            Ok(path.len() + 1 < JSON_DEPTH)
        });
        return found;
    }
    if !line.contains('=') {
        return None;
    }
    let mut best: Option<(usize, Option<&'static str>)> = None;
    for (key, value) in logfmt::pairs(line) {
        let rank = FIELDS.iter().position(|f| key.eq_ignore_ascii_case(f));
        if let Some(rank) = rank.filter(|rank| best.is_none_or(|(best, _)| *rank < best)) {
            best = Some((rank, known(&value)));
            if rank == 0 {
                break;
            }
        }
    }
    best.and_then(|(_, level)| level)
}

fn from_words(line: &str) -> &'static str {
    let bytes = line.as_bytes();
    let mut from = 0;
    while let Some(word) = WORDS.find_at(line, from) {
        let left = word.start().checked_sub(1).and_then(|at| bytes.get(at));
        let right = bytes.get(word.end());
        let left_bounds = left.is_none_or(|b| b" \t\n[({\"'=|".contains(b));
        let right_bounds = right.is_none_or(|b| b" \t\n[](){}:,!\"'=|".contains(b));
        if left_bounds && right_bounds {
            return known(word.as_str()).unwrap_or("unknown");
        }
        from = word.end();
    }
    "unknown"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(line: &str) -> String {
        detect(&LabelSet::default(), &[], line).to_owned()
    }

    #[test]
    fn the_first_bounded_word_names_the_level() {
        assert_eq!(level("2026-11-22 15:14:58,004 INFO [a] - error"), "info");
        assert_eq!(level("[trace_id=12] ERROR: no"), "error");
        assert_eq!(level("terror warning(s)"), "warn");
        assert_eq!(level("errors only"), "unknown");
        assert_eq!(level(""), "unknown");
    }

    #[test]
    fn a_level_field_wins_over_words() {
        assert_eq!(level(r#"msg="an error" level=warn"#), "warn");
        assert_eq!(level(r#"{"msg":"an error","level":"debug"}"#), "debug");
        assert_eq!(
            level(r#"{"msg":"an error","log":{"severity":"WRN"}}"#),
            "warn"
        );
    }

    #[test]
    fn a_label_wins_over_the_line() {
        let labels = LabelSet::new([("level", "Warning")]).unwrap();
        assert_eq!(detect(&labels, &[], "level=error"), "warn");
    }
}
