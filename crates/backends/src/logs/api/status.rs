//! Readiness, build information, and the query formatter.

use serde_json::json;

use super::params::Params;
use super::response::{ApiResponse, ApiResult, TEXT};
use crate::logs::lang;
use crate::logs::store::Store;
use crate::wire::Stop;

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
