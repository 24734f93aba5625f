//! `/status/buildinfo` and `/status/runtimeinfo`.

use serde_json::json;

use super::Api;
use super::params::Params;
use super::response::{ApiError, ApiResponse};
use crate::wire::duration::prometheus;

/// The version of Prometheus whose API this is. Grafana decides by it what it may ask.
const API_VERSION: &str = "3.5.0";

pub(super) fn build(_api: &Api, _params: &Params) -> Result<ApiResponse, ApiError> {
    let data = json!({
        "version": API_VERSION,
        "revision": concat!("salvo-observability ", env!("CARGO_PKG_VERSION")),
        "branch": "embedded",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    Ok(ApiResponse::data(data.to_string()))
}

pub(super) fn runtime(api: &Api, _params: &Params) -> Result<ApiResponse, ApiError> {
    let stats = api.store.stats();
    let limits = api.store.limits();
    let age = i64::try_from(limits.max_age.as_nanos()).unwrap_or(i64::MAX);
    let started = jiff::Timestamp::from_millisecond(api.started).map(|time| time.to_string());
    let data = json!({
        "startTime": started.unwrap_or_default(),
        "CWD": "",
        "reloadConfigSuccess": true,
        "lastConfigTime": "0001-01-01T00:00:00Z",
        "corruptionCount": 0,
        "timeSeriesCount": stats.series,
        "storageRetention": format!("{} or {}MiB", prometheus::format(age), limits.max_bytes >> 20),
    });
    Ok(ApiResponse::data(data.to_string()))
}
