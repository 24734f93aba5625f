//! Labels, their values and series.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::params::Params;
use super::response::{ApiResponse, ApiResult};
use crate::logs::lang;
use crate::logs::store::{LabelMatcher, Store, StreamView};
use crate::wire::Stop;

/// The matchers of a selector.
pub(super) fn matchers(selector: &str) -> Result<Vec<LabelMatcher>, ApiResponse> {
    if selector.is_empty() || selector == "{}" {
        return Ok(Vec::new());
    }
    let matchers = lang::parse_selector(selector)?;
    let compiled: Result<Vec<_>, _> = matchers.iter().map(lang::Matcher::compile).collect();
    Ok(compiled?)
}

/// The streams of the request's time range that pass the selector of a parameter.
pub(super) fn selected(
    store: &Store,
    params: &Params,
    selector: &str,
) -> Result<Vec<StreamView>, ApiResponse> {
    let (start, end) = params.bounds(store.now())?;
    let start = start.max(store.oldest_visible());
    Ok(store.select(&matchers(selector)?, start, end.saturating_add(1)))
}

fn list(names: BTreeSet<String>) -> ApiResponse {
    ApiResponse::data((!names.is_empty()).then(|| json!(names)))
}

/// `/loki/api/v1/labels`
pub(super) fn names(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let mut names = BTreeSet::new();
    for view in selected(store, params, params.get("query"))? {
        names.extend(view.labels.iter().map(|(name, _)| name.to_owned()));
    }
    Ok(list(names))
}

/// `/loki/api/v1/label/{name}/values`
pub(super) fn values(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let mut values = BTreeSet::new();
    for view in selected(store, params, params.get("query"))? {
        values.extend(view.labels.get(&params.name).map(str::to_owned));
    }
    Ok(list(values))
}

/// `/loki/api/v1/series`
pub(super) fn series(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let mut selectors: Vec<&str> = params.all("match[]").chain(params.all("match")).collect();
    if selectors.is_empty() {
        selectors.push("");
    }
    let mut found = BTreeSet::new();
    for selector in selectors {
        let views = selected(store, params, selector)?;
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
