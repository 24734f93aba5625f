//! Regular expressions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::server::Answer;
use super::worlds::{LOKI, NOW, PROMETHEUS, SECOND, TEMPO};

/// Prometheus, Loki and Tempo take the same expressions and find the same values.
pub fn regex(data: &[u8]) {
    let Ok(pattern) = std::str::from_utf8(data) else {
        return;
    };
    let pattern = quoted(pattern);
    let [prometheus, loki] = [in_prometheus(&pattern), in_loki(&pattern)];
    let tempo = in_tempo(&pattern);
    assert_eq!(prometheus, loki, "{pattern}");
    if let Some(tempo) = tempo {
        assert_eq!(prometheus, tempo, "{pattern}");
    }
}

/// A string of all three languages.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            character if character.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// The values that were found; `None` when the query was refused.
type Found = Option<BTreeSet<String>>;

fn found(answer: &Answer, list: &str, value: impl Fn(&Value) -> String) -> Found {
    if !answer.is_ok() {
        assert_eq!(answer.status, 400, "{answer:?}");
        return None;
    }
    let json = answer.json();
    let items = json
        .pointer(list)
        .and_then(Value::as_array)
        .expect("a list");
    Some(items.iter().map(value).collect())
}

fn in_prometheus(pattern: &str) -> Found {
    let query = format!("values{{l=~{pattern}}}");
    let time = (NOW / SECOND).to_string();
    let answer = PROMETHEUS.form("/api/v1/query", &[("query", &query), ("time", &time)]);
    found(&answer, "/data/result", |it| it["metric"]["l"].to_string())
}

fn in_loki(pattern: &str) -> Found {
    let query = format!("{{app=\"values\",l=~{pattern}}}");
    let (start, end) = ((NOW - 60 * SECOND).to_string(), NOW.to_string());
    let fields = [("query", query.as_str()), ("start", &start), ("end", &end)];
    let answer = LOKI.form("/loki/api/v1/query_range", &fields);
    found(&answer, "/data/result", |it| it["stream"]["l"].to_string())
}

/// `None` when the query is too long for an address.
fn in_tempo(pattern: &str) -> Option<Found> {
    let query = format!("{{ span.l =~ {pattern} }} | select(span.l)");
    let (start, end) = (
        (NOW / SECOND - 120).to_string(),
        (NOW / SECOND + 60).to_string(),
    );
    let params = [
        ("q", query.as_str()),
        ("start", &start),
        ("end", &end),
        ("limit", "100"),
    ];
    let answer = TEMPO.get("/api/search", &params)?;
    Some(found(&answer, "/traces", |it| {
        let attributes = it
            .pointer("/spanSets/0/spans/0/attributes")
            .and_then(Value::as_array);
        let mut attributes = attributes.into_iter().flatten();
        let own = attributes
            .find(|it| it["key"] == "l")
            .expect("the attribute");
        own["value"]["stringValue"].to_string()
    }))
}
