//! `/series`, `/labels` and `/label/{name}/values`.

use std::collections::BTreeSet;

use super::Api;
use super::params::Params;
use super::response::{ApiError, ApiResponse, push_labels, push_list, push_string};
use crate::metrics::engine;
use crate::metrics::labels::Labels;
use crate::wire::Stop;

/// The label sets that the request's selectors and times leave.
fn matched(api: &Api, params: &Params, stop: &Stop) -> Result<BTreeSet<Labels>, ApiError> {
    let start = params.time("start", Some(i64::MIN))?;
    let end = params.time("end", Some(i64::MAX))?;
    if end < start {
        return Err(ApiError::invalid(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let mut found = BTreeSet::new();
    // One after the other: each may bring as many regular expressions as a query.
    for text in params.all("match[]") {
        let fail = |error| ApiError::of_query("match[]", error);
        let selector = engine::series_selector(text).map_err(fail)?;
        let labels = api.store.select_labels(&selector, start, end, stop);
        found.extend(labels.map_err(|stopped| fail(stopped.into()))?);
    }
    Ok(found)
}

/// Label sets of the series that match.
pub(super) fn series(api: &Api, params: &Params, stop: &Stop) -> Result<ApiResponse, ApiError> {
    if params.all("match[]").is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let limit = params.limit("limit")?;
    let found = matched(api, params, stop)?;
    let mut json = String::new();
    push_list(&mut json, found.iter().take(limit), |json, labels| {
        push_labels(json, labels)
    });
    Ok(truncated(ApiResponse::data(json), found.len() > limit))
}

/// Names of all labels, or of those of the series that match.
pub(super) fn label_names(
    api: &Api,
    params: &Params,
    stop: &Stop,
) -> Result<ApiResponse, ApiError> {
    let names = if params.all("match[]").is_empty() {
        api.store.label_names()
    } else {
        distinct(&matched(api, params, stop)?, |labels, found| {
            found.extend(labels.iter().map(|(name, _)| name.to_owned()));
        })
    };
    strings(&names, params)
}

/// Values of one label.
pub(super) fn label_values(
    api: &Api,
    params: &Params,
    stop: &Stop,
) -> Result<ApiResponse, ApiError> {
    if params.name.is_empty() {
        return Err(ApiError::bad_data(format!(
            "invalid label name: {:?}",
            params.name
        )));
    }
    let values = if params.all("match[]").is_empty() {
        api.store.label_values(&params.name)
    } else {
        distinct(&matched(api, params, stop)?, |labels, found| {
            let value = labels.get(&params.name);
            if !value.is_empty() {
                found.insert(value.to_owned());
            }
        })
    };
    strings(&values, params)
}

fn distinct(
    sets: &BTreeSet<Labels>,
    mut add: impl FnMut(&Labels, &mut BTreeSet<String>),
) -> Vec<String> {
    let mut found = BTreeSet::new();
    sets.iter().for_each(|labels| add(labels, &mut found));
    found.into_iter().collect()
}

fn strings(list: &[String], params: &Params) -> Result<ApiResponse, ApiError> {
    let limit = params.limit("limit")?;
    let mut json = String::new();
    push_list(&mut json, list.iter().take(limit), |json, text| {
        push_string(json, text)
    });
    Ok(truncated(ApiResponse::data(json), list.len() > limit))
}

fn truncated(response: ApiResponse, is_truncated: bool) -> ApiResponse {
    response.with_warnings(is_truncated.then(|| "results truncated due to limit".to_owned()))
}
