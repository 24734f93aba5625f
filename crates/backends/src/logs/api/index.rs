//! How much there is: streams, chunks, entries and bytes of a selector.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value as Json, json};

use super::answer::{Answer, Asked, seconds};
use super::labels::{matchers, selected};
use super::params::Params;
use crate::logs::lang;
use crate::logs::store::{LogStore, StreamView};
use crate::wire::Stop;

/// Steps of a volume over time.
const MAX_STEPS: i64 = 11_000;

/// `/loki/api/v1/index/stats`
pub(super) fn stats(store: &LogStore, params: &Params, _: &Stop) -> Asked {
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
    /// Whether the request names them, instead of the selector.
    asked: bool,
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
            _ => return Err(Answer::bad_request("invalid aggregation option")),
        };
        Ok(Self {
            names,
            asked: !asked.is_empty(),
            each_label,
        })
    }

    /// The sets of labels that a stream counts for.
    fn of(&self, view: &StreamView) -> Vec<BTreeMap<String, String>> {
        let picked = |name: &str| self.names.contains(name) || self.names.is_empty();
        if self.each_label {
            let all = !self.asked;
            let label = |name: &str| BTreeMap::from([(name.to_owned(), String::new())]);
            let names = view.labels.iter().map(|(name, _)| name);
            return names
                .filter(|name| all || picked(name))
                .map(label)
                .collect();
        }
        if self.asked
            && self
                .names
                .iter()
                .any(|name| view.labels.get(name).is_none())
        {
            return Vec::new();
        }
        let picked: BTreeMap<String, String> = view
            .labels
            .iter()
            .filter(|(name, _)| picked(name))
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

/// What Loki would call the size of a stream between two times: the bytes of the chunk that the
/// stream is there, and of them the share of time that the two cover; none when they miss it.
fn size(view: &StreamView, from: i64, through: i64) -> Option<usize> {
    let first = view.chunks.iter().map(|chunk| chunk.min_ts()).min();
    let last = view.chunks.iter().map(|chunk| chunk.max_ts()).max();
    let (first, last) = (first?, last?);
    if from >= last || through <= first {
        return None;
    }
    let mut symbols = HashSet::new();
    let entries: usize = view
        .chunks
        .iter()
        .map(|chunk| {
            symbols.extend(chunk.symbols());
            chunk.entry_bytes()
        })
        .sum();
    let bytes = entries + symbols.iter().map(|symbol| symbol.len()).sum::<usize>();
    if first == last {
        return Some(bytes);
    }
    let outside = (from - first).max(0) + (last - through).max(0);
    let share = (last - first - outside) as f64 / (last - first) as f64;
    Some((bytes as f64 * share) as usize)
}

type Volumes = Vec<(BTreeMap<String, String>, usize)>;

/// Bytes of each set of labels between two times, largest first.
fn volumes(views: &[StreamView], target: &Target, start: i64, end: i64, limit: usize) -> Volumes {
    const SECOND: i64 = 1_000_000_000;
    // Loki asks its index for whole seconds.
    let whole = |ts: i64| ts.div_euclid(SECOND) * SECOND;
    let mut volumes: BTreeMap<BTreeMap<String, String>, usize> = BTreeMap::new();
    for view in views {
        if let Some(bytes) = size(view, whole(start), whole(end)) {
            for labels in target.of(view) {
                *volumes.entry(labels).or_default() += bytes;
            }
        }
    }
    let mut volumes: Volumes = volumes.into_iter().collect();
    volumes.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    volumes.truncate(limit);
    volumes
}

/// Streams whole: the share of a range is taken of all of a stream.
fn whole_streams(store: &LogStore, params: &Params) -> Result<Vec<StreamView>, Answer> {
    let matchers = matchers(selector(params)?)?;
    Ok(store.select(&matchers, i64::MIN, i64::MAX))
}

/// `/loki/api/v1/index/volume`
pub(super) fn volume(store: &LogStore, params: &Params, _: &Stop) -> Asked {
    let (start, end) = params.bounds(store.now())?;
    let target = Target::new(params)?;
    let views = whole_streams(store, params)?;
    let volumes = volumes(&views, &target, start, end, params.limit()?);
    Ok(sizes([(end, volumes)]))
}

/// `/loki/api/v1/index/volume_range`
pub(super) fn volume_range(store: &LogStore, params: &Params, _: &Stop) -> Asked {
    let (start, end) = params.bounds(store.now())?;
    let step = params.step(start, end)?;
    if step <= 0 || end.saturating_sub(start) / step > MAX_STEPS {
        return Err(Answer::bad_request(super::query::STEP_TOO_SMALL));
    }
    let target = Target::new(params)?;
    let limit = params.limit()?;
    let views = whole_streams(store, params)?;
    let mut buckets = Vec::new();
    let mut aligned = start - start.rem_euclid(step);
    let mut from = start;
    while aligned < end {
        let next = aligned.saturating_add(step);
        // A bucket is named by its end, a millisecond before the next one.
        let to = if next < end { next - 1_000_000 } else { end };
        buckets.push((to, volumes(&views, &target, from, to, limit)));
        (aligned, from) = (next, next);
    }
    Ok(sizes(buckets))
}

/// Sizes as samples, the largest series first. As in Loki they are a vector unless a series has
/// several.
fn sizes(buckets: impl IntoIterator<Item = (i64, Volumes)>) -> Answer {
    let mut series: BTreeMap<BTreeMap<String, String>, Vec<(i64, usize)>> = BTreeMap::new();
    for (ts, volumes) in buckets {
        for (labels, bytes) in volumes {
            series.entry(labels).or_default().push((ts, bytes));
        }
    }
    let several = series.values().any(|samples| samples.len() > 1);
    let mut series: Vec<_> = series.into_iter().collect();
    series.sort_by_key(|(_, samples)| {
        std::cmp::Reverse(samples.first().map_or(0, |(_, bytes)| *bytes))
    });
    let result: Vec<Json> = series
        .iter()
        .map(|(labels, samples)| {
            let sample = |(ts, bytes): &(i64, usize)| json!([seconds(*ts), bytes.to_string()]);
            match (several, samples.first()) {
                (false, Some(only)) => json!({"metric": metric(labels), "value": sample(only)}),
                _ => {
                    let values: Vec<Json> = samples.iter().map(sample).collect();
                    json!({"metric": metric(labels), "values": values})
                }
            }
        })
        .collect();
    let kind = if several { "matrix" } else { "vector" };
    Answer::data(Some(json!({"resultType": kind, "result": result})))
}

/// The selector of a volume; nothing stands for all streams.
fn selector(params: &Params) -> Result<&str, Answer> {
    let query = params.get("query");
    if query.is_empty() || query == "{}" {
        return Ok("");
    }
    lang::parse_selector(query)?;
    Ok(query)
}
