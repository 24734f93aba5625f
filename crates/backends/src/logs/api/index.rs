//! Index statistics and volumes: streams, chunks, entries and bytes of a selector.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Map, Value as Json, json};

use super::labels::{check_length, matchers, selected};
use super::params::{DEFAULT_LIMIT, Params, Range, check_step};
use super::response::{ApiResponse, ApiResult, seconds};
use crate::logs::store::{LabelMatcher, Store, StreamView};
use crate::wire::Stop;

/// `/loki/api/v1/index/stats`
pub(super) fn stats(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let Range { start, end, .. } = params.range(store.now())?;
    check_length(store, start, end)?;
    let (mut streams, mut chunks, mut entries, mut bytes) = (0, 0, 0, 0);
    for view in selected(store, params, &matchers(params.bytes("query"))?)? {
        streams += 1;
        for chunk in &view.chunks {
            let (from, to) = chunk.range(start.max(store.oldest_visible()), end);
            chunks += 1;
            entries += to - from;
            bytes += chunk.uncompressed_bytes(start, end);
        }
    }
    Ok(ApiResponse::json(&json!({
        "streams": streams,
        "chunks": chunks,
        "bytes": bytes,
        "entries": entries,
    })))
}

/// The labels by which a volume is grouped.
struct Target {
    names: BTreeSet<String>,
    /// The request named the labels in `targetLabels`; otherwise they are those of the selector.
    named: bool,
    /// `aggregateBy=labels`: one volume for each label instead of one for each combination of
    /// values.
    each_label: bool,
}

impl Target {
    fn new(params: &Params) -> Result<Self, ApiResponse> {
        let query = params.bytes("query");
        let given = params.get("targetLabels");
        let names: BTreeSet<String> = if given.is_empty() {
            let matchers = volume_matchers(query)?;
            matchers.into_iter().map(|matcher| matcher.name).collect()
        } else {
            given.split(',').map(str::to_owned).collect()
        };
        let each_label = match params.get("aggregateBy") {
            "" | "series" => false,
            "labels" => true,
            _ => return Err(ApiResponse::bad_request("invalid aggregation option")),
        };
        Ok(Self {
            names,
            named: !given.is_empty(),
            each_label,
        })
    }

    /// The label sets to which the size of a stream is added.
    fn of(&self, view: &StreamView) -> Vec<BTreeMap<String, String>> {
        let picked = |name: &str| self.names.contains(name) || self.names.is_empty();
        if self.each_label {
            let all = !self.named;
            let label = |name: &str| BTreeMap::from([(name.to_owned(), String::new())]);
            let names = view.labels.iter().map(|(name, _)| name);
            return names
                .filter(|name| all || picked(name))
                .map(label)
                .collect();
        }
        if self.named
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

/// Size of a stream between two times as Loki estimates it: there the stream is one chunk, and its
/// bytes are multiplied by the share of its time that the range covers. `None` if the range and the
/// stream do not overlap.
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

/// The selected streams with all of their chunks, because [`size`] takes a share of the whole
/// stream.
fn whole_streams(store: &Store, params: &Params) -> Result<Vec<StreamView>, ApiResponse> {
    let matchers = volume_matchers(params.bytes("query"))?;
    Ok(store.select(&matchers, i64::MIN, i64::MAX))
}

/// Series of a volume at most; 0 stands for the default here.
fn limit(params: &Params) -> Result<usize, ApiResponse> {
    match params.get("limit") {
        "0" => Ok(DEFAULT_LIMIT),
        _ => params.limit(),
    }
}

/// `/loki/api/v1/index/volume`
pub(super) fn volume(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let (start, end) = params.ordered_bounds(store.now())?;
    let limit = limit(params)?;
    params.direction()?;
    check_length(store, start, end)?;
    let target = Target::new(params)?;
    let views = whole_streams(store, params)?;
    let volumes = volumes(&views, &target, start, end, limit);
    Ok(sizes([(end, volumes)]))
}

/// `/loki/api/v1/index/volume_range`
pub(super) fn volume_range(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let (start, end) = params.ordered_bounds(store.now())?;
    let limit = limit(params)?;
    params.direction()?;
    let step = params.step(start, end)?;
    check_step(step, start, end)?;
    params.interval()?;
    let target = Target::new(params)?;
    let views = whole_streams(store, params)?;
    let mut buckets = Vec::new();
    let mut aligned = start - start.rem_euclid(step);
    let mut from = start;
    while aligned < end {
        let next = aligned.saturating_add(step);
        // The timestamp of a bucket is its end, one millisecond before the next bucket.
        let to = if next < end { next - 1_000_000 } else { end };
        buckets.push((to, volumes(&views, &target, from, to, limit)));
        (aligned, from) = (next, next);
    }
    Ok(sizes(buckets))
}

/// Writes volumes as samples, the largest series first. As in Loki the result is a vector unless a
/// series has several samples.
fn sizes(buckets: impl IntoIterator<Item = (i64, Volumes)>) -> ApiResponse {
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
    ApiResponse::data(Some(json!({"resultType": kind, "result": result})))
}

/// The matchers of a volume; `{}` alone selects all streams.
fn volume_matchers(query: &[u8]) -> Result<Vec<LabelMatcher>, ApiResponse> {
    match query {
        b"{}" => Ok(Vec::new()),
        selector => matchers(selector),
    }
}
