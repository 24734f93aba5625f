//! Lines in the shape of the API: grouped by their labels.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use crate::logs::engine::{LogLine, Origin, OutputLabel};

/// A stream: the labels that name it, and its lines.
pub(super) struct Stream<'l> {
    labels: Vec<&'l OutputLabel>,
    lines: Vec<&'l LogLine>,
    categorize: bool,
}

impl Stream<'_> {
    /// The labels.
    pub(super) fn labels(&self) -> Json {
        object(self.labels.iter().copied())
    }

    /// Each line with its time, and with `categorize` with its own labels.
    pub(super) fn values(&self) -> impl Iterator<Item = Json> {
        self.lines.iter().map(|line| {
            let ts = line.ts.to_string();
            match self.categorize {
                true => json!([ts, line.line, categories(line)]),
                false => json!([ts, line.line]),
            }
        })
    }

    /// The whole stream.
    pub(super) fn json(&self) -> Json {
        json!({"stream": self.labels(), "values": self.values().collect::<Vec<_>>()})
    }
}

/// Groups lines into streams, sorted by their labels; the order of lines stays. With `categorize` the
/// labels of a stream name it alone and the others go with their lines.
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

/// Labels as an object.
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
