//! Tempo's HTTP API (<https://grafana.com/docs/tempo/latest/api_docs/>), as far as Grafana and the
//! lab ask it.

mod answer;
mod json;
mod metrics;
mod params;
mod search;
mod tags;
mod time;
mod trace;
mod writer;

use std::sync::Arc;
use std::time::SystemTime;

use salvo::http::header::ACCEPT;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use super::Store;
use crate::wire::{CONCURRENT, Queries, Stop, Unread};
use answer::Answer;
use params::Params;

/// The routes that a Tempo has on port 3200, over one store.
#[must_use]
pub fn router(store: Arc<Store>) -> Router {
    let queries = Arc::new(Queries::new(CONCURRENT));
    let unread = Unread::new(store.limits().max_query_bytes);
    let now = |path: &str, answer: fn() -> Answer| Router::with_path(path).get(Now(answer));
    let ask = |path: &str, answer: Compute| {
        Router::with_path(path).get(Ask {
            store: Arc::clone(&store),
            queries: Arc::clone(&queries),
            unread: unread.clone(),
            answer,
        })
    };
    Router::new()
        .push(now("ready", || Answer::text("ready\n")))
        .push(now("api/echo", || Answer::text("echo\n")))
        .push(now("api/status/buildinfo", build_info))
        .push(ask("api/traces/{trace_id}", trace::v1))
        .push(ask("api/v2/traces/{trace_id}", trace::v2))
        .push(ask("api/search", search::traces))
        .push(ask("api/search/tags", tags::names_v1))
        .push(ask("api/v2/search/tags", tags::names_v2))
        .push(ask("api/search/tag/{tag}/values", tags::values_v1))
        .push(ask("api/v2/search/tag/{tag}/values", tags::values_v2))
        .push(ask("api/metrics/query_range", metrics::range))
        .push(ask("api/metrics/query", metrics::instant))
}

/// The version whose API this is, and who it really is.
fn build_info() -> Answer {
    Answer::json(&serde_json::json!({
        "version": "2.10.8",
        "revision": concat!("embedded-", env!("CARGO_PKG_VERSION")),
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    }))
}

/// Says what is known without looking.
struct Now(fn() -> Answer);

#[async_trait]
impl Handler for Now {
    async fn handle(
        &self,
        _request: &mut Request,
        _depot: &mut Depot,
        response: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        (self.0)().render(response);
    }
}

/// Computes an answer until it is told to stop.
type Compute = fn(&Arc<Store>, &Params, &Stop) -> Answer;

/// Asks the store on a thread that may take its time.
struct Ask {
    store: Arc<Store>,
    queries: Arc<Queries>,
    unread: Unread,
    answer: Compute,
}

#[async_trait]
impl Handler for Ask {
    async fn handle(
        &self,
        request: &mut Request,
        _depot: &mut Depot,
        response: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        let params = Params {
            path: ["trace_id", "tag"]
                .iter()
                .find_map(|name| request.params().get(*name).cloned())
                .unwrap_or_default(),
            queries: request
                .queries()
                .iter()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            accept: request.header(ACCEPT).unwrap_or_default(),
        };
        let (store, answer) = (Arc::clone(&self.store), self.answer);
        let time = store.limits().max_search_time;
        let answered = self.queries.respond(time, &self.unread, move |stop| {
            store.evict_expired(SystemTime::now());
            answer(&store, &params, stop).into_parts()
        });
        let answer = match answered.await {
            Ok((head, body)) => Answer::from_parts(head, body),
            Err(why) => why.into(),
        };
        answer.render(response);
    }
}
