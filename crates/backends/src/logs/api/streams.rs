//! Groups lines into streams by their labels, as the API returns them.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use crate::logs::engine::{LogLine, Origin, OutputLabel};

/// A stream of a response: its labels and its lines.
pub(super) struct Stream<'l> {
    labels: Vec<&'l OutputLabel>,
    lines: Vec<&'l LogLine>,
    categorize: bool,
}

impl Stream<'_> {
    /// The labels as a JSON object.
    pub(super) fn labels(&self) -> Json {
        object(self.labels.iter().copied())
    }

    /// The lines as JSON: time, line, and with `categorize` the labels of the line.
    pub(super) fn values(&self) -> impl Iterator<Item = Json> {
        self.lines.iter().map(|line| {
            let ts = line.ts.to_string();
            match self.categorize {
                true => json!([ts, line.line, categories(line)]),
                false => json!([ts, line.line]),
            }
        })
    }

    /// The stream as a JSON object.
    pub(super) fn json(&self) -> Json {
        json!({"stream": self.labels(), "values": self.values().collect::<Vec<_>>()})
    }
}

/// Groups lines into streams, sorted by labels; within a stream the order of the lines is kept.
/// With `categorize` only stream labels identify a stream, and the other labels are returned with
/// each line.
pub(super) fn streams(lines: &[LogLine], categorize: bool) -> Vec<Stream<'_>> {
    let mut index: HashMap<Vec<&OutputLabel>, usize> = HashMap::new();
    let mut streams: Vec<Stream<'_>> = Vec::new();
    for line in lines {
        let key: Vec<&OutputLabel> = line
            .labels
            .iter()
            .filter(|label| !categorize || label.origin == Origin::Stream)
            .collect();
        let at = *index.entry(key).or_insert_with_key(|key| {
            streams.push(Stream {
                labels: key.clone(),
                lines: Vec::new(),
                categorize,
            });
            streams.len() - 1
        });
        streams[at].lines.push(line);
    }
    streams.sort_by(|a, b| a.labels.cmp(&b.labels));
    streams
}

/// Writes labels as a JSON object.
fn object<'l>(labels: impl Iterator<Item = &'l OutputLabel>) -> Json {
    let labels: Map<String, Json> = labels
        .map(|label| (label.name.clone(), json!(label.value)))
        .collect();
    Json::Object(labels)
}

fn categories(line: &LogLine) -> Json {
    let of = |origin: Origin| line.labels.iter().filter(move |l| l.origin == origin);
    let mut categories = Map::new();
    for (name, origin) in [
        ("structuredMetadata", Origin::Metadata),
        ("parsed", Origin::Parsed),
    ] {
        if of(origin).next().is_some() {
            categories.insert(name.to_owned(), object(of(origin)));
        }
    }
    Json::Object(categories)
}
