//! `/targets` and `/metadata`: what is scraped, how it does, and what it says about its metrics.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Api;
use super::params::Params;
use super::response::{ApiError, ApiResponse, push_labels, push_list, push_string};
use crate::metrics::engine;
use crate::metrics::ingest::scrape::{Metadata, Target};
use crate::metrics::labels::Labels;
use crate::wire::duration::prometheus;

/// All targets with their last scrape.
pub(super) fn targets(api: &Api, params: &Params) -> Result<ApiResponse, ApiError> {
    let (state, pool) = (
        params.get("state").to_ascii_lowercase(),
        params.get("scrapePool"),
    );
    let wanted = |target: &&std::sync::Arc<Target>| {
        matches!(state.as_str(), "" | "any" | "active")
            && (pool.is_empty() || pool == target.job_name())
    };
    let mut json = String::from(r#"{"activeTargets":"#);
    push_list(
        &mut json,
        api.targets.targets().iter().filter(wanted),
        |json, target| {
            push_target(json, target);
        },
    );
    json.push_str(r#","droppedTargets":[],"droppedTargetCounts":{}}"#);
    Ok(ApiResponse::data(json))
}

fn push_target(json: &mut String, target: &Target) {
    let last = target.last_scrape();
    let text = |duration: std::time::Duration| {
        prometheus::format(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    };
    let (interval, timeout) = (
        text(target.job.scrape_interval),
        text(target.job.scrape_timeout),
    );
    let discovered = Labels::from_pairs([
        ("__address__", target.address.as_str()),
        ("__metrics_path__", target.job.metrics_path.as_str()),
        ("__scheme__", "http"),
        ("__scrape_interval__", interval.as_str()),
        ("__scrape_timeout__", timeout.as_str()),
        ("job", target.job_name()),
    ]);
    json.push_str(r#"{"discoveredLabels":"#);
    push_labels(json, &discovered);
    json.push_str(r#","labels":"#);
    push_labels(json, target.labels());
    let time = last
        .time
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .map_or_else(
            || "0001-01-01T00:00:00Z".to_owned(),
            |time| time.to_string(),
        );
    for (name, text) in [
        ("scrapePool", target.job_name()),
        ("scrapeUrl", target.url()),
        ("globalUrl", target.url()),
        ("lastError", &last.error),
        ("lastScrape", &time),
        ("health", last.health.as_str()),
        ("scrapeInterval", &interval),
        ("scrapeTimeout", &timeout),
    ] {
        json.push_str(&format!(",{name:?}:"));
        push_string(json, text);
    }
    json.push_str(&format!(
        r#","lastScrapeDuration":{}}}"#,
        last.duration.as_secs_f64()
    ));
}

/// A limit of metadata: what is below `least` limits nothing.
fn most(params: &Params, name: &str, least: i64) -> Result<usize, ApiError> {
    match params.integer(name) {
        Some(Ok(number)) if number >= least => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
        None | Some(Ok(_)) => Ok(usize::MAX),
        Some(Err(_)) => Err(ApiError::bad_data(format!("{name} must be a number"))),
    }
}

/// Type, help and unit of each metric family, over all targets.
pub(super) fn metadata(api: &Api, params: &Params) -> Result<ApiResponse, ApiError> {
    let (limit, per_metric) = (
        most(params, "limit", 0)?,
        most(params, "limit_per_metric", 1)?,
    );
    let only = params.get("metric");
    let mut families: BTreeMap<String, BTreeSet<Metadata>> = BTreeMap::new();
    for target in api.targets.targets() {
        target.with_metadata(|family, metadata| {
            if only.is_empty() || only == family {
                families
                    .entry(family.to_owned())
                    .or_default()
                    .insert(metadata.clone());
            }
        });
    }
    let mut json = String::from("{");
    for (index, (family, found)) in families.iter().take(limit).enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_string(&mut json, family);
        json.push(':');
        push_list(
            &mut json,
            found.iter().take(per_metric),
            |json, metadata| {
                json.push_str(r#"{"type":"#);
                push_string(json, &metadata.kind);
                json.push_str(r#","help":"#);
                push_string(json, &metadata.help);
                json.push_str(r#","unit":"#);
                push_string(json, &metadata.unit);
                json.push('}');
            },
        );
    }
    json.push('}');
    Ok(ApiResponse::data(json))
}

/// The metadata of each target.
pub(super) fn metadata_by_target(api: &Api, params: &Params) -> Result<ApiResponse, ApiError> {
    let limit = most(params, "limit", 0)?;
    let selector = match params.get("match_target") {
        "" => None,
        text => {
            let parsed = engine::series_selector(text);
            Some(parsed.map_err(|error| ApiError::of_query("match_target", error))?)
        }
    };
    let only = params.get("metric");
    let mut found = Vec::new();
    for target in api.targets.targets() {
        // As in Prometheus a limit ends between two targets, not within one.
        let wanted = selector
            .as_ref()
            .is_none_or(|it| it.accepts(target.labels()));
        if found.len() >= limit || !wanted {
            continue;
        }
        let labels: BTreeMap<_, _> = target.labels().iter().collect();
        target.with_metadata(|family, metadata| {
            let mut one = json!({
                "target": labels,
                "type": metadata.kind,
                "help": metadata.help,
                "unit": metadata.unit,
            });
            if only.is_empty() {
                one["metric"] = family.into();
            }
            if only.is_empty() || only == family {
                found.push(one);
            }
        });
    }
    Ok(ApiResponse::data(Value::from(found).to_string()))
}

/// The names of the jobs.
pub(super) fn pools(api: &Api) -> Result<ApiResponse, ApiError> {
    let jobs = api.targets.targets().iter().map(|it| it.job_name());
    let jobs: BTreeSet<&str> = jobs.collect();
    Ok(ApiResponse::data(json!({"scrapePools": jobs}).to_string()))
}
