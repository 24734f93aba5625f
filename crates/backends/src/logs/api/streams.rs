//! Lines in the shape of the API: grouped by their labels.

use std::collections::HashMap;

use serde_json::{Map, Value as Json, json};

use crate::logs::engine::{LogLine, Origin, OutputLabel};

/// Groups lines into streams; the order of lines stays. With `categorize` the labels of a stream
/// name it alone and the others go with their lines.
pub(super) fn streams(lines: &[LogLine], categorize: bool) -> Json {
    let mut index: HashMap<Vec<&OutputLabel>, usize> = HashMap::new();
    let mut streams: Vec<(Vec<&OutputLabel>, Vec<Json>)> = Vec::new();
    for line in lines {
        let key: Vec<&OutputLabel> = line
            .labels
            .iter()
            .filter(|label| !categorize || label.origin == Origin::Stream)
            .collect();
        let at = *index.entry(key).or_insert_with_key(|key| {
            streams.push((key.clone(), Vec::new()));
            streams.len() - 1
        });
        if let Some((_, values)) = streams.get_mut(at) {
            let ts = line.ts.to_string();
            values.push(match categorize {
                true => json!([ts, line.line, categories(line)]),
                false => json!([ts, line.line]),
            });
        }
    }
    streams.sort_by(|a, b| a.0.cmp(&b.0));
    let streams: Vec<Json> = streams
        .into_iter()
        .map(|(labels, values)| json!({"stream": object(labels.into_iter()), "values": values}))
        .collect();
    Json::Array(streams)
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
