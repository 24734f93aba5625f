//! Names and values of attributes: the flat first version, and the second with scopes and types.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::params::Params;
use super::response::ApiResponse;
use crate::traces::Store;
use crate::traces::engine::search::{TagScope, TagValue, tag_names, values_of};
use crate::traces::lang::{self, AttributeScope, Field, Intrinsic};
use crate::wire::Stop;

/// The scope of what every span has.
const INTRINSIC: &str = "intrinsic";

/// Intrinsics of every span, as Tempo lists them, sorted.
const INTRINSICS: [&str; 25] = [
    "duration",
    "event:name",
    "event:timeSinceStart",
    "instrumentation:name",
    "instrumentation:version",
    "kind",
    "link:spanID",
    "link:traceID",
    "name",
    "rootName",
    "rootServiceName",
    "span:duration",
    "span:id",
    "span:kind",
    "span:name",
    "span:parentID",
    "span:status",
    "span:statusMessage",
    "status",
    "statusMessage",
    "trace:duration",
    "trace:id",
    "trace:rootName",
    "trace:rootService",
    "traceDuration",
];

type Names = BTreeMap<TagScope, BTreeSet<String>>;

/// `GET /api/search/tags`. A query narrows nothing here, and the limit is one of all names.
pub(super) fn names_v1(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    if params.get("scope") == Some(INTRINSIC) {
        return ApiResponse::json(&json!({ "tagNames": INTRINSICS }));
    }
    match names(store, params, None, stop) {
        Ok(names) => {
            let flat: BTreeSet<String> = names.into_values().flatten().collect();
            let flat: Vec<String> = flat.into_iter().take(limit(params)).collect();
            ApiResponse::json(&json!({ "tagNames": flat }))
        }
        Err(response) => response,
    }
}

/// `GET /api/v2/search/tags`.
pub(super) fn names_v2(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    let scope = params.get("scope");
    let mut scopes: Vec<Value> = Vec::new();
    if matches!(scope, None | Some("none" | INTRINSIC)) {
        scopes.push(json!({ "name": INTRINSIC, "tags": INTRINSICS }));
    }
    if scope != Some(INTRINSIC) {
        match names(store, params, filter(params), stop) {
            Ok(names) => scopes.extend(
                names
                    .into_iter()
                    .map(|(scope, tags)| json!({ "name": scope.name(), "tags": tags })),
            ),
            Err(response) => return response,
        }
    }
    ApiResponse::json(&json!({ "scopes": scopes }))
}

/// `GET /api/search/tag/{tag}/values`. Here every name is an
/// attribute's, but for three.
pub(super) fn values_v1(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    let field = match lang::parse_field(&params.path) {
        Ok(
            field
            @ Field::Intrinsic(Intrinsic::Name | Intrinsic::RootName | Intrinsic::RootService),
        ) => field,
        _ => Field::Attribute(AttributeScope::Any, params.path.clone()),
    };
    match values(store, params, &field, stop) {
        Ok(values) => {
            let values: BTreeSet<String> = values.into_iter().map(|v| v.value).collect();
            ApiResponse::json(&json!({ "tagValues": values }))
        }
        Err(response) => response,
    }
}

/// `GET /api/v2/search/tag/{tag}/values`.
pub(super) fn values_v2(store: &Arc<Store>, params: &Params, stop: &Stop) -> ApiResponse {
    let field = match lang::parse_field(&params.path) {
        Ok(field) => field,
        Err(error) => {
            let tag = &params.path;
            return ApiResponse::bad_request(format!(
                "please provide a valid tagName: failed to parse identifier {tag}: {error}"
            ));
        }
    };
    match values(store, params, &field, stop) {
        Ok(values) => {
            let values: Vec<Value> = values
                .into_iter()
                .map(|v| json!({ "type": v.kind, "value": v.value }))
                .collect();
            ApiResponse::json(&json!({ "tagValues": values }))
        }
        Err(response) => response,
    }
}

/// Names in all scopes, or in the one that is named.
fn names(
    store: &Store,
    params: &Params,
    filter: Option<lang::Query>,
    stop: &Stop,
) -> Result<Names, ApiResponse> {
    let wanted = match params.get("scope") {
        None | Some("none") => None,
        Some(name) => match TagScope::ALL.into_iter().find(|s| s.name() == name) {
            Some(scope) => Some(scope),
            None => return Err(ApiResponse::bad_request(format!("invalid scope: {name}"))),
        },
    };
    let window = params.tag_window().map_err(ApiResponse::bad_request)?;
    let mut names = tag_names(store, window, filter.as_ref(), stop)?;
    names.retain(|scope, _| wanted.is_none_or(|wanted| wanted == *scope));
    for names in names.values_mut() {
        *names = std::mem::take(names)
            .into_iter()
            .take(limit(params))
            .collect();
    }
    Ok(names)
}

fn values(
    store: &Store,
    params: &Params,
    field: &Field,
    stop: &Stop,
) -> Result<BTreeSet<TagValue>, ApiResponse> {
    let window = params.tag_window().map_err(ApiResponse::bad_request)?;
    let values = values_of(store, field, window, filter(params).as_ref(), stop)?;
    Ok(values.into_iter().take(limit(params)).collect())
}

/// Limit of names in a scope, and of values of an attribute, in a response. Tempo takes
/// anything that is no number for no limit, and so does this.
fn limit(params: &Params) -> usize {
    let limit = params
        .get("limit")
        .and_then(|text| text.parse::<u32>().ok());
    match limit {
        None | Some(0) => usize::MAX,
        Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
    }
}

/// The query that narrows suggestions, as far as it is complete.
fn filter(params: &Params) -> Option<lang::Query> {
    lang::parse_unfinished(params.bytes("q")?)
}
