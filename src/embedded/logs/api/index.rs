//! How much there is: streams, chunks, entries and bytes of a selector.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, Asked, seconds};
use super::labels::{matchers, selected};
use super::params::Params;
use crate::embedded::logs::logql;
use crate::embedded::logs::store::{LogStore, StreamView};

/// Steps of a volume over time.
const MAX_STEPS: i64 = 11_000;

/// `/loki/api/v1/index/stats`
pub(super) fn stats(store: &LogStore, params: &Params) -> Asked {
    let (start, end) = params.bounds(store.now())?;
    let (mut streams, mut chunks, mut entries, mut bytes) = (0, 0, 0, 0);
    for view in selected(store, params, params.get("query"))? {
        streams += 1;
        for chunk in &view.chunks {
            let (from, to) = chunk.range(start.max(store.oldest_visible()), end);
            chunks += 1;
            entries += to - from;
            bytes += chunk.uncompressed_bytes(start, end);
        }
    }
    Ok(Answer::json(&json!({
        "streams": streams,
        "chunks": chunks,
        "bytes": bytes,
        "entries": entries,
    })))
}

/// Which labels a volume is counted under.
struct Target {
    names: BTreeSet<String>,
    /// Each label of its own instead of their combination.
    each_label: bool,
}

impl Target {
    fn new(params: &Params) -> Result<Self, Answer> {
        let query = params.get("query");
        let asked = params.get("targetLabels");
        let names: BTreeSet<String> = if asked.is_empty() {
            let matchers = matchers(query)?;
            matchers.into_iter().map(|matcher| matcher.name).collect()
        } else {
            asked.split(',').map(str::to_owned).collect()
        };
        let each_label = match params.get("aggregateBy") {
            "" | "series" => false,
            "labels" => true,
            other => {
                let text = format!("invalid aggregation option: {other}");
                return Err(Answer::bad_request(text));
            }
        };
        Ok(Self { names, each_label })
    }

    /// The sets of labels that a stream counts for.
    fn of(&self, view: &StreamView) -> Vec<BTreeMap<String, String>> {
        if self.each_label {
            let label = |name: &str| BTreeMap::from([(name.to_owned(), String::new())]);
            return view.labels.iter().map(|(name, _)| label(name)).collect();
        }
        let picked: BTreeMap<String, String> = view
            .labels
            .iter()
            .filter(|(name, _)| self.names.contains(*name) || self.names.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if picked.is_empty() {
            return Vec::new();
        }
        vec![picked]
    }
}

fn metric(labels: &BTreeMap<String, String>) -> Json {
    let labels: Map<String, Json> = labels
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    Json::Object(labels)
}

/// Bytes of each set of labels in `[start, end)`, largest first.
fn volumes(
    views: &[StreamView],
    target: &Target,
    start: i64,
    end: i64,
) -> Vec<(BTreeMap<String, String>, usize)> {
    let mut volumes: BTreeMap<BTreeMap<String, String>, usize> = BTreeMap::new();
    for view in views {
        let bytes: usize = view
            .chunks
            .iter()
            .map(|chunk| chunk.uncompressed_bytes(start, end))
            .sum();
        if bytes > 0 {
            for labels in target.of(view) {
                *volumes.entry(labels).or_default() += bytes;
            }
        }
    }
    let mut volumes: Vec<_> = volumes.into_iter().collect();
    volumes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    volumes
}

/// `/loki/api/v1/index/volume`
pub(super) fn volume(store: &LogStore, params: &Params) -> Asked {
    let (start, end) = params.bounds(store.now())?;
    let target = Target::new(params)?;
    let limit = params.limit()?;
    let views = selected(store, params, selector(params)?)?;
    let result: Vec<Json> = volumes(&views, &target, start, end)
        .iter()
        .take(limit)
        .map(|(labels, bytes)| {
            json!({
                "metric": metric(labels),
                "value": [seconds(end), bytes.to_string()],
            })
        })
        .collect();
    Ok(Answer::data(Some(
        json!({"resultType": "vector", "result": result}),
    )))
}

/// `/loki/api/v1/index/volume_range`
pub(super) fn volume_range(store: &LogStore, params: &Params) -> Asked {
    let (start, end) = params.bounds(store.now())?;
    let step = params.step(start, end)?;
    if step <= 0 || end.saturating_sub(start) / step > MAX_STEPS {
        return Err(Answer::bad_request(super::query::STEP_TOO_SMALL));
    }
    let target = Target::new(params)?;
    let limit = params.limit()?;
    let views = selected(store, params, selector(params)?)?;
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<Json>> = BTreeMap::new();
    let mut from = start;
    while from < end {
        let to = from.saturating_add(step).min(end);
        for (labels, bytes) in volumes(&views, &target, from, to).into_iter().take(limit) {
            let values = series.entry(labels).or_default();
            values.push(json!([seconds(from), bytes.to_string()]));
        }
        from = to;
    }
    let result: Vec<Json> = series
        .iter()
        .map(|(labels, values)| json!({"metric": metric(labels), "values": values}))
        .collect();
    Ok(Answer::data(Some(
        json!({"resultType": "matrix", "result": result}),
    )))
}

/// The selector of a volume; nothing stands for all streams.
fn selector(params: &Params) -> Result<&str, Answer> {
    let query = params.get("query");
    if query.is_empty() || query == "{}" {
        return Ok("");
    }
    logql::parse_selector(query)?;
    Ok(query)
}
