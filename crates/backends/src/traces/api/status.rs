//! `/status` and what stands under it: the version, and what applies here of Tempo's configuration; `/metrics`.

use std::sync::Arc;

use super::params::Params;
use super::response::ApiResponse;
use crate::traces::Store;
use crate::wire::Stop;
use crate::wire::duration::go;

/// The version whose API this is.
pub(super) const VERSION: &str = "2.10.8";

/// `GET /api/status/buildinfo`: that version, and who it really is.
pub(super) fn build_info() -> ApiResponse {
    ApiResponse::json(&serde_json::json!({
        "version": VERSION,
        "revision": concat!("embedded-", env!("CARGO_PKG_VERSION")),
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

/// `GET /status`
pub(super) fn all(store: &Arc<Store>, params: &Params, _: &Stop) -> ApiResponse {
    match params.path.as_str() {
        "" => ApiResponse::plain(format!("{}{}", version_text(), config_text(store))),
        "version" => ApiResponse::plain(version_text()),
        "config" => ApiResponse::plain(config_text(store)),
        _ => ApiResponse::not_found(),
    }
}

/// `GET /metrics`: what the store counts, under the names that Tempo has for it.
pub(super) fn metrics(store: &Arc<Store>, _: &Params, _: &Stop) -> ApiResponse {
    let stats = store.stats();
    let own = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "# TYPE tempo_build_info gauge\n\
         tempo_build_info{{version=\"{VERSION}\",revision=\"embedded-{own}\"}} 1\n\
         # TYPE tempo_distributor_spans_received_total counter\n\
         tempo_distributor_spans_received_total{{tenant=\"single-tenant\"}} {}\n\
         # TYPE tempo_ingester_live_traces gauge\n\
         tempo_ingester_live_traces{{tenant=\"single-tenant\"}} {}\n\
         # TYPE tempo_discarded_spans_total counter\n",
        stats.spans_ingested, stats.traces,
    );
    for (reason, number) in [
        ("rate_limited", stats.spans_refused_rate),
        ("trace_too_large", stats.spans_refused_trace_too_large),
        ("invalid_trace_id", stats.spans_refused_invalid),
    ] {
        text.push_str(&format!(
            "tempo_discarded_spans_total{{reason=\"{reason}\",tenant=\"single-tenant\"}} {number}\n"
        ));
    }
    ApiResponse::exposition(text)
}

fn version_text() -> String {
    let own = env!("CARGO_PKG_VERSION");
    format!("GET /status/version\ntempo, version {VERSION} (branch: , revision: embedded-{own})\n")
}

fn config_text(store: &Store) -> String {
    let limits = store.limits();
    let span = |duration: std::time::Duration| {
        go::format(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    };
    format!(
        "GET /status/config\n---\ntarget: all\nmultitenancy_enabled: false\nstorage:\n    trace:\n        \
         backend: memory\n        block_retention: {}\n        max_bytes: {}\nquery_frontend:\n    \
         api_timeout: {}\n",
        span(limits.max_age),
        limits.max_bytes,
        span(limits.max_search_time),
    )
}
