//! Labels, their values and series.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::params::Params;
use super::response::{ApiResponse, ApiResult};
use crate::logs::lang;
use crate::logs::store::{LabelMatcher, Store, StreamView, nanos};
use crate::wire::Stop;
use crate::wire::duration::{go, prometheus};

/// The matchers of a selector.
pub(super) fn matchers(selector: &[u8]) -> Result<Vec<LabelMatcher>, ApiResponse> {
    let matchers = lang::parse_selector(selector)?;
    let compiled: Result<Vec<_>, _> = matchers.iter().map(lang::Matcher::compile).collect();
    Ok(compiled?)
}

/// The matchers of the parameter `query`; without it all streams match.
pub(super) fn optional_matchers(params: &Params) -> Result<Vec<LabelMatcher>, ApiResponse> {
    match params.bytes("query") {
        b"" => Ok(Vec::new()),
        selector => matchers(selector),
    }
}

/// Refuses a time range that is longer than a query may have.
pub(super) fn check_length(store: &Store, start: i64, end: i64) -> Result<(), ApiResponse> {
    const MILLISECOND: i64 = 1_000_000;
    let most = nanos(store.limits().max_query_length);
    // Loki keeps these times in milliseconds.
    let whole = |ts: i64| ts.div_euclid(MILLISECOND) * MILLISECOND;
    let length = whole(end).saturating_sub(whole(start));
    if length <= most {
        return Ok(());
    }
    Err(ApiResponse::bad_request(format!(
        "the query time range exceeds the limit (query length: {}, limit: {})",
        go::format(length),
        prometheus::format(most)
    )))
}

/// Refuses the time range of a request for labels or series if it is too long or ends before it begins. What Loki
/// says of the latter is of a limit that is off.
fn check_range(store: &Store, params: &Params) -> Result<(), ApiResponse> {
    let (start, end) = params.bounds(store.now())?;
    if end < start {
        let text = "this data is no longer available, it is past now - max_query_lookback (0s)";
        return Err(ApiResponse::bad_request(text));
    }
    check_length(store, start, end)
}

/// The streams of the request's time range that pass all matchers.
pub(super) fn selected(
    store: &Store,
    params: &Params,
    matchers: &[LabelMatcher],
) -> Result<Vec<StreamView>, ApiResponse> {
    let (start, end) = params.bounds(store.now())?;
    let start = start.max(store.oldest_visible());
    Ok(store.select(matchers, start, end.saturating_add(1)))
}

fn list(names: BTreeSet<String>) -> ApiResponse {
    ApiResponse::data((!names.is_empty()).then(|| json!(names)))
}

/// `/loki/api/v1/labels`
pub(super) fn names(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    check_range(store, params)?;
    let mut names = BTreeSet::new();
    for view in selected(store, params, &optional_matchers(params)?)? {
        names.extend(view.labels.iter().map(|(name, _)| name.to_owned()));
    }
    Ok(list(names))
}

/// `/loki/api/v1/label/{name}/values`
pub(super) fn values(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    check_range(store, params)?;
    let mut values = BTreeSet::new();
    for view in selected(store, params, &optional_matchers(params)?)? {
        values.extend(view.labels.get(&params.name).map(str::to_owned));
    }
    Ok(list(values))
}

/// `/loki/api/v1/series`
pub(super) fn series(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let selectors: BTreeSet<&[u8]> = params.all("match[]").chain(params.all("match")).collect();
    // One empty selector alone stands for none.
    let is_empty = |selector: &&[u8]| {
        let shown = selector.iter().filter(|byte| **byte != b' ');
        shown.eq(b"{}")
    };
    let groups = match selectors.first() {
        None => vec![Vec::new()],
        Some(first) if selectors.len() == 1 && is_empty(first) => vec![Vec::new()],
        Some(_) => {
            if let Some(empty) = selectors.iter().find(|selector| is_empty(selector)) {
                return Err(ApiResponse::bad_request(format!(
                    "0 matchers in group: {}",
                    String::from_utf8_lossy(empty)
                )));
            }
            let groups: Result<Vec<_>, _> = selectors.into_iter().map(matchers).collect();
            groups?
        }
    };
    check_range(store, params)?;
    let mut found = BTreeSet::new();
    for group in &groups {
        let views = selected(store, params, group)?;
        found.extend(views.into_iter().map(|view| view.labels));
    }
    let series: Vec<Json> = found
        .iter()
        .map(|labels| {
            let labels: Map<String, Json> = labels
                .iter()
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect();
            Json::Object(labels)
        })
        .collect();
    Ok(ApiResponse::data(Some(json!(series))))
}
