//! The HTTP API of Loki, as far as the lab asks it: paths, parameters, status codes and bodies as in
//! <https://grafana.com/docs/loki/latest/reference/loki-http-api/>.

mod answer;
mod ask;
mod index;
mod labels;
mod params;
mod query;
mod status;
mod streams;
mod tail;

use std::sync::Arc;

use salvo::Router;

use self::ask::Ask;
use self::tail::TailSocket;
use crate::logs::ingest::{Push, intake};
use crate::logs::store::LogStore;

/// All routes over a store.
#[must_use]
pub fn router(store: Arc<LogStore>) -> Router {
    let route = |path: &str, question: ask::Question, reads_lines: bool| {
        let ask = || Ask::new(Arc::clone(&store), question, reads_lines);
        Router::with_path(path).get(ask()).post(ask())
    };
    let ask = |path: &str, question: ask::Question| route(path, question, false);
    let query = |path: &str, question: ask::Question| route(path, question, true);
    let intake = intake(store.limits());
    let push = |path: &str, legacy: bool| {
        Router::with_path(path).post(Push::new(Arc::clone(&store), intake.clone(), legacy))
    };
    let tail = TailSocket::new(Arc::clone(&store));
    Router::new()
        .push(ask("ready", status::ready))
        .push(ask("loki/api/v1/status/buildinfo", status::buildinfo))
        .push(push("loki/api/v1/push", false))
        .push(push("api/prom/push", true))
        .push(query("loki/api/v1/query", query::instant))
        .push(query("loki/api/v1/query_range", query::range))
        .push(ask("loki/api/v1/labels", labels::names))
        .push(ask("loki/api/v1/label", labels::names))
        .push(ask("loki/api/v1/label/{name}/values", labels::values))
        .push(ask("loki/api/v1/series", labels::series))
        .push(ask("loki/api/v1/index/stats", index::stats))
        .push(ask("loki/api/v1/index/volume", index::volume))
        .push(ask("loki/api/v1/index/volume_range", index::volume_range))
        .push(ask("loki/api/v1/format_query", status::format_query))
        .push(Router::with_path("loki/api/v1/tail").get(tail))
}
