//! The HTTP API of Loki, as far as the lab uses it: paths, parameters, status codes and bodies as in
//! <https://grafana.com/docs/loki/latest/reference/loki-http-api/>.

mod detected;
mod endpoint;
mod index;
mod labels;
mod params;
mod query;
mod response;
mod status;
mod streams;
mod tail;

use std::sync::Arc;

use salvo::Router;

use self::endpoint::{Endpoint, Operation};
use self::tail::TailSocket;
use crate::logs::ingest::{OtlpPush, Push, intake};
use crate::logs::store::Store;

/// The routes of the API over a store.
#[must_use]
pub fn router(store: Arc<Store>) -> Router {
    let route = |path: &str, operation: Operation, reads_lines: bool| {
        let endpoint = || Endpoint::new(Arc::clone(&store), operation, reads_lines);
        Router::with_path(path).get(endpoint()).post(endpoint())
    };
    let get = |path: &str, operation: Operation| {
        Router::with_path(path).get(Endpoint::new(Arc::clone(&store), operation, false))
    };
    let index = |path: &str, operation: Operation| route(path, operation, false);
    let query = |path: &str, operation: Operation| route(path, operation, true);
    let format_query = || {
        let endpoint = Endpoint::new(Arc::clone(&store), status::format_query, false);
        endpoint.forgiving()
    };
    let intake = intake(store.limits());
    let push = |path: &str, legacy: bool| {
        Router::with_path(path).post(Push::new(Arc::clone(&store), intake.clone(), legacy))
    };
    let otlp = OtlpPush::new(Arc::clone(&store), intake.clone());
    let tail = TailSocket::new(Arc::clone(&store));
    Router::new()
        .push(get("ready", status::ready))
        .push(get("config", status::config))
        .push(get("metrics", status::metrics))
        .push(get("loki/api/v1/status/buildinfo", status::buildinfo))
        .push(get(
            "loki/api/v1/drilldown-limits",
            status::drilldown_limits,
        ))
        .push(get("prometheus/api/v1/rules", status::rules))
        .push(get("prometheus/api/v1/alerts", status::alerts))
        .push(push("loki/api/v1/push", false))
        .push(push("api/prom/push", true))
        .push(Router::with_path("otlp/v1/logs").post(otlp))
        .push(query("loki/api/v1/query", query::instant))
        .push(query("loki/api/v1/query_range", query::range))
        .push(index("loki/api/v1/labels", labels::names))
        .push(index("loki/api/v1/label", labels::names))
        .push(index("loki/api/v1/label/{name}/values", labels::values))
        .push(index("loki/api/v1/series", labels::series))
        .push(index("loki/api/v1/index/stats", index::stats))
        .push(index("loki/api/v1/index/volume", index::volume))
        .push(index("loki/api/v1/index/volume_range", index::volume_range))
        .push(index("loki/api/v1/detected_labels", detected::labels))
        .push(query("loki/api/v1/detected_fields", detected::fields))
        .push(query(
            "loki/api/v1/detected_field/{name}/values",
            detected::values,
        ))
        .push(query("loki/api/v1/patterns", detected::patterns))
        .push(
            Router::with_path("loki/api/v1/format_query")
                .get(format_query())
                .post(format_query()),
        )
        .push(Router::with_path("loki/api/v1/tail").get(tail))
}
