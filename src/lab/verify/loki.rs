//! Queries to Loki (<https://grafana.com/docs/loki/latest/reference/loki-http-api/>).

use std::collections::BTreeMap;

use http::header::HeaderName;
use serde_json::Value;

use super::finding::Finding;
use super::http::{Response, Server};

/// Asks Loki to tell index labels and structured metadata apart.
const FLAGS: HeaderName = HeaderName::from_static("x-loki-response-encoding-flags");

/// A log entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// Labels of its stream.
    pub labels: BTreeMap<String, String>,
    /// Unix nanoseconds, as text.
    pub time: String,
    /// The line, or several when it is a multi-line entry.
    pub line: String,
}

impl Entry {
    /// A selector of exactly its stream.
    #[must_use]
    pub(super) fn selector(&self) -> String {
        let matchers: Vec<String> = self
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        format!("{{{}}}", matchers.join(", "))
    }
}

/// Entries with the request that brought them.
#[derive(Debug)]
pub(super) struct Entries {
    /// The request.
    pub asked: String,
    /// Oldest first.
    pub entries: Vec<Entry>,
}

/// The entries that a log query gives between two times, Unix nanoseconds.
///
/// # Errors
/// A finding when the query was refused. No entries are no error.
pub(super) async fn entries(
    loki: &Server,
    query: &str,
    window: (i64, i64),
) -> Result<Entries, Finding> {
    let answer = range(loki, query, window, None).await?;
    let json = answer.json()?;
    let mut entries = Vec::new();
    for stream in json["data"]["result"].as_array().into_iter().flatten() {
        let labels: BTreeMap<String, String> = stream["stream"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        for value in stream["values"].as_array().into_iter().flatten() {
            entries.push(Entry {
                labels: labels.clone(),
                time: text(&value[0]),
                line: text(&value[1]),
            });
        }
    }
    entries.sort_by(|one, other| one.time.cmp(&other.time));
    Ok(Entries {
        asked: answer.asked,
        entries,
    })
}

/// The answer to a range query between two times, Unix nanoseconds, with a step in seconds.
///
/// # Errors
/// A finding when no answer came.
pub(super) async fn range(
    loki: &Server,
    query: &str,
    (start, end): (i64, i64),
    step: Option<f64>,
) -> Result<Response, Finding> {
    let (start, end) = (start.to_string(), end.to_string());
    let step = step.map(|step| step.to_string());
    let mut params = vec![
        ("query", query),
        ("start", &start),
        ("end", &end),
        ("limit", "1000"),
        ("direction", "backward"),
    ];
    params.extend(step.as_deref().map(|step| ("step", step)));
    let flags = [(FLAGS, "categorize-labels")];
    loki.get_with("/loki/api/v1/query_range", &params, &flags)
        .await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
