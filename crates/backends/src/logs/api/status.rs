//! Questions about the server itself, and the formatter.

use serde_json::json;

use super::answer::{Answer, Asked, TEXT};
use super::params::Params;
use crate::logs::lang;
use crate::logs::store::LogStore;
use crate::wire::Stop;

/// The version whose API this is; Grafana and logcli choose their requests by it.
const LOKI_VERSION: &str = "3.7.6";

/// `/ready`
pub(super) fn ready(_: &LogStore, _: &Params, _: &Stop) -> Asked {
    Ok(Answer {
        status: 200,
        content_type: TEXT,
        body: "ready\n".to_owned(),
    })
}

/// `/loki/api/v1/status/buildinfo`
pub(super) fn buildinfo(_: &LogStore, _: &Params, _: &Stop) -> Asked {
    let body = json!({
        "version": LOKI_VERSION,
        "revision": concat!("embedded-", env!("CARGO_PKG_VERSION")),
        "branch": "HEAD",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    Ok(Answer {
        content_type: "application/json",
        ..Answer::json(&body)
    })
}

/// `/loki/api/v1/format_query`
pub(super) fn format_query(_: &LogStore, params: &Params, _: &Stop) -> Asked {
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
    Ok(Answer {
        status,
        content_type: "application/json; charset=utf-8",
        ..Answer::json(&body)
    })
}
