//! Readiness, build information, configuration, and the query formatter.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::params::Params;
use super::response::{ApiResponse, ApiResult, TEXT};
use crate::logs::lang;
use crate::logs::store::Store;
use crate::wire::Stop;
use crate::wire::duration::prometheus;

/// The version whose API this is. Grafana and logcli choose their requests by it.
const LOKI_VERSION: &str = "3.7.6";

/// `/ready`
pub(super) fn ready(_: &Store, _: &Params, _: &Stop) -> ApiResult {
    Ok(ApiResponse {
        status: 200,
        content_type: TEXT,
        body: "ready\n".to_owned(),
    })
}

/// `/loki/api/v1/status/buildinfo`
pub(super) fn buildinfo(_: &Store, _: &Params, _: &Stop) -> ApiResult {
    let body = json!({
        "version": LOKI_VERSION,
        "revision": concat!("embedded-", env!("CARGO_PKG_VERSION")),
        "branch": "HEAD",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    Ok(ApiResponse {
        content_type: "application/json",
        ..ApiResponse::json(&body)
    })
}

/// `/config`: what applies here of Loki's configuration, as YAML.
pub(super) fn config(store: &Store, _: &Params, _: &Stop) -> ApiResult {
    let mut body =
        "target: all\nauth_enabled: false\npattern_ingester:\n  enabled: true\nlimits_config:\n"
            .to_owned();
    if let Json::Object(limits) = limits(store) {
        for (name, value) in limits {
            // A text of JSON is one of YAML.
            body.push_str(&format!("  {name}: {value}\n"));
        }
    }
    Ok(ApiResponse {
        status: 200,
        content_type: TEXT,
        body,
    })
}

/// `/loki/api/v1/drilldown-limits`: what Grafana's Logs Drilldown has to know. Loki wants to be told a tenant here,
/// of which there is one.
pub(super) fn drilldown_limits(store: &Store, _: &Params, _: &Stop) -> ApiResult {
    let body = json!({
        "limits": limits(store),
        "pattern_ingester_enabled": true,
        "version": LOKI_VERSION,
    });
    Ok(ApiResponse {
        content_type: "application/json",
        ..ApiResponse::json(&body)
    })
}

/// `/metrics`: what the store counts, under the names that Loki has for it.
pub(super) fn metrics(store: &Store, _: &Params, _: &Stop) -> ApiResult {
    let stats = store.stats();
    let own = env!("CARGO_PKG_VERSION");
    let mut body = format!(
        "# TYPE loki_build_info gauge\n\
         loki_build_info{{version=\"{LOKI_VERSION}\",revision=\"embedded-{own}\"}} 1\n"
    );
    for (name, kind, number) in [
        (
            "distributor_lines_received_total",
            "counter",
            stats.ingested_entries,
        ),
        (
            "distributor_bytes_received_total",
            "counter",
            stats.ingested_bytes,
        ),
        ("ingester_memory_streams", "gauge", stats.streams),
        ("ingester_memory_chunks", "gauge", stats.chunks),
    ] {
        let labels = match kind {
            "counter" => r#"{tenant="fake"}"#,
            _ => "",
        };
        body.push_str(&format!(
            "# TYPE loki_{name} {kind}\nloki_{name}{labels} {number}\n"
        ));
    }
    body.push_str("# TYPE loki_discarded_samples_total counter\n");
    for (reason, number) in [
        ("greater_than_max_sample_age", stats.refused_too_old),
        ("line_too_long", stats.refused_too_long),
        ("out_of_order", stats.refused_out_of_order),
        ("rate_limited", stats.refused_rate),
        ("stream_limit", stats.refused_streams),
        ("too_far_in_future", stats.refused_too_new),
    ] {
        body.push_str(&format!(
            "loki_discarded_samples_total{{reason=\"{reason}\",tenant=\"fake\"}} {number}\n"
        ));
    }
    Ok(ApiResponse {
        status: 200,
        content_type: "text/plain; version=0.0.4; charset=utf-8",
        body,
    })
}

/// The limits under Loki's names.
fn limits(store: &Store) -> Json {
    let limits = store.limits();
    let span = |duration: Duration| {
        prometheus::format(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    };
    json!({
        "creation_grace_period": span(limits.creation_grace),
        "discover_log_levels": limits.discover_log_levels,
        "discover_service_name": limits.discover_service_name,
        "increment_duplicate_timestamp": limits.increment_duplicate_timestamp,
        "max_entries_limit_per_query": limits.max_entries_per_query,
        "max_label_name_length": limits.max_label_name_bytes,
        "max_label_names_per_series": limits.max_label_names,
        "max_label_value_length": limits.max_label_value_bytes,
        "max_query_length": span(limits.max_query_length),
        "max_query_series": limits.max_query_series,
        "max_global_streams_per_user": limits.max_streams,
        "metric_aggregation_enabled": false,
        "pattern_persistence_enabled": false,
        "query_timeout": span(limits.query_timeout),
        "reject_old_samples_max_age": span(limits.reject_older_than),
        "retention_period": span(limits.max_age),
        "volume_enabled": true,
    })
}

/// `/prometheus/api/v1/rules`: there are none.
pub(super) fn rules(_: &Store, _: &Params, _: &Stop) -> ApiResult {
    Ok(ruler(&json!({"groups": []})))
}

/// `/prometheus/api/v1/alerts`: there are none.
pub(super) fn alerts(_: &Store, _: &Params, _: &Stop) -> ApiResult {
    Ok(ruler(&json!({"alerts": []})))
}

fn ruler(data: &serde_json::Value) -> ApiResponse {
    let body = json!({"status": "success", "data": data, "errorType": "", "error": ""});
    ApiResponse {
        content_type: "application/json",
        ..ApiResponse::json(&body)
    }
}

/// `/loki/api/v1/format_query`
pub(super) fn format_query(_: &Store, params: &Params, _: &Stop) -> ApiResult {
    let (status, body) = match lang::parse_bytes(params.bytes("query")) {
        Ok(expr) => (
            200,
            json!({"status": "success", "data": lang::pretty(&expr)}),
        ),
        Err(error) => (
            400,
            json!({"status": "invalid-query", "error": error.to_string()}),
        ),
    };
    Ok(ApiResponse {
        status,
        content_type: "application/json; charset=utf-8",
        ..ApiResponse::json(&body)
    })
}
