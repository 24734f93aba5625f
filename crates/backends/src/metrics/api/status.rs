//! `/status/…`: what the server is, how it is set, and what it holds.

use std::time::Duration;

use serde_json::{Value, json};

use super::Api;
use super::params::Params;
use super::response::{ApiError, ApiResponse};
use crate::metrics::labels::METRIC_NAME;
use crate::metrics::store::Count;
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

/// The jobs, in the form of `prometheus.yml`.
pub(super) fn config(api: &Api) -> Result<ApiResponse, ApiError> {
    let mut yaml = "scrape_configs:\n".to_owned();
    let mut last = None;
    for target in api.targets.targets() {
        let job = &target.job;
        if last != Some(target.job_name()) {
            // A text of JSON is one of YAML.
            yaml.push_str(&format!(
                "- job_name: {}\n  honor_labels: {}\n  honor_timestamps: {}\n  scrape_interval: {}\n  \
                 scrape_timeout: {}\n  scrape_native_histograms: {}\n  \
                 always_scrape_classic_histograms: {}\n  metrics_path: {}\n  scheme: http\n  static_configs:\n",
                json!(job.job_name),
                job.honor_labels,
                job.honor_timestamps,
                span(job.scrape_interval),
                span(job.scrape_timeout),
                job.scrape_native_histograms,
                job.always_scrape_classic_histograms,
                json!(job.metrics_path),
            ));
            last = Some(target.job_name());
        }
        yaml.push_str(&format!("  - targets: [{}]\n", json!(target.address)));
    }
    let mut files = api.rules.groups().iter().map(|group| &group.file);
    if let Some(file) = files.next() {
        yaml.push_str(&format!("rule_files: [{}]\n", json!(file)));
    }
    Ok(ApiResponse::data(json!({"yaml": yaml}).to_string()))
}

/// The flags of Prometheus that say the same.
pub(super) fn flags(api: &Api) -> Result<ApiResponse, ApiError> {
    let (limits, store) = (&api.limits, api.store.limits());
    let data = json!({
        "enable-feature": "exemplar-storage",
        "query.lookback-delta": span(limits.lookback),
        "query.max-samples": limits.max_samples.to_string(),
        "query.timeout": span(limits.timeout),
        "storage.tsdb.retention.size": format!("{}MiB", store.max_bytes >> 20),
        "storage.tsdb.retention.time": span(store.max_age),
        "web.enable-otlp-receiver": "true",
        "web.enable-remote-write-receiver": "true",
    });
    Ok(ApiResponse::data(data.to_string()))
}

fn span(duration: Duration) -> String {
    prometheus::format(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}

/// What takes the place in the index.
pub(super) fn tsdb(api: &Api, params: &Params) -> Result<ApiResponse, ApiError> {
    const MOST: i64 = 10_000;
    let limit = match params.integer("limit") {
        None => 10,
        Some(Ok(limit)) if limit > MOST => {
            let problem = format!("limit must not exceed {MOST}");
            return Err(ApiError::bad_data(problem));
        }
        Some(Ok(limit)) if limit > 0 => usize::try_from(limit).unwrap_or(usize::MAX),
        Some(_) => return Err(ApiError::bad_data("limit must be a positive number")),
    };
    let sizes = api.store.cardinality(METRIC_NAME, limit);
    // As Prometheus, whose head is empty so.
    let (min, max) = sizes.times.unwrap_or((i64::MAX, i64::MIN));
    let list = |counts: Vec<Count>| -> Vec<Value> {
        let counts = counts.into_iter();
        counts
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect()
    };
    let data = json!({
        "headStats": {
            "numSeries": sizes.series,
            "numLabelPairs": sizes.pairs,
            "chunkCount": sizes.chunks,
            "minTime": min,
            "maxTime": max,
        },
        "seriesCountByMetricName": list(sizes.by_metric),
        "labelValueCountByLabelName": list(sizes.values_by_label),
        "memoryInBytesByLabelName": list(sizes.bytes_by_label),
        "seriesCountByLabelValuePair": list(sizes.by_pair),
    });
    Ok(ApiResponse::data(data.to_string()))
}
