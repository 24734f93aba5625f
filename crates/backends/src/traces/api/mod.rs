//! Tempo's HTTP API (<https://grafana.com/docs/tempo/latest/api_docs/>), as far as Grafana and the
//! lab use it.

mod json;
mod metrics;
mod params;
mod response;
mod search;
mod status;
mod tags;
mod time;
mod trace;
mod writer;

use std::sync::Arc;
use std::time::SystemTime;

use salvo::http::header::ACCEPT;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use super::Store;
use crate::wire::form::Form;
use crate::wire::{CONCURRENT, Queries, Stop, Unread};
use params::Params;
use response::ApiResponse;

/// The routes that a Tempo has on port 3200, over one store.
#[must_use]
pub fn router(store: Arc<Store>) -> Router {
    let queries = Arc::new(Queries::new(CONCURRENT));
    let unread = Unread::new(store.limits().max_query_bytes);
    let fixed =
        |path: &str, respond: fn() -> ApiResponse| Router::with_path(path).get(Fixed(respond));
    let query = |path: &str, operation: Operation| {
        Router::with_path(path).get(Endpoint {
            store: Arc::clone(&store),
            queries: Arc::clone(&queries),
            unread: unread.clone(),
            operation,
        })
    };
    Router::new()
        .push(fixed("ready", || ApiResponse::text("ready\n")))
        .push(fixed("api/echo", || ApiResponse::text("echo\n")))
        .push(fixed("api/status/buildinfo", status::build_info))
        .push(query("metrics", status::metrics))
        .push(query("status", status::all))
        .push(query("status/{about}", status::all))
        .push(query("api/traces/{trace_id}", trace::v1))
        .push(query("api/v2/traces/{trace_id}", trace::v2))
        .push(query("api/search", search::traces))
        .push(query("api/search/tags", tags::names_v1))
        .push(query("api/v2/search/tags", tags::names_v2))
        .push(query("api/search/tag/{tag}/values", tags::values_v1))
        .push(query("api/v2/search/tag/{tag}/values", tags::values_v2))
        .push(query("api/metrics/query_range", metrics::range))
        .push(query("api/metrics/query", metrics::instant))
}

/// Sends a response that is always the same.
struct Fixed(fn() -> ApiResponse);

#[async_trait]
impl Handler for Fixed {
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

/// Computes a response until it is told to stop.
type Operation = fn(&Arc<Store>, &Params, &Stop) -> ApiResponse;

/// Reads the parameters, computes the response on a blocking thread, writes it.
struct Endpoint {
    store: Arc<Store>,
    queries: Arc<Queries>,
    unread: Unread,
    operation: Operation,
}

#[async_trait]
impl Handler for Endpoint {
    async fn handle(
        &self,
        request: &mut Request,
        _depot: &mut Depot,
        response: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        let mut form = Form::default();
        form.add(request.uri().query().unwrap_or_default().as_bytes());
        // What cannot be read is left out, as in Tempo, and of several values the first counts.
        let queries = form.pairs.into_iter().rev().collect();
        let params = Params {
            path: ["trace_id", "tag", "about"]
                .iter()
                .find_map(|name| request.params().get(*name).cloned())
                .unwrap_or_default(),
            queries,
            accept: request.header(ACCEPT).unwrap_or_default(),
        };
        let (store, operation) = (Arc::clone(&self.store), self.operation);
        let time = store.limits().max_search_time;
        let responded = self.queries.respond(time, &self.unread, move |stop| {
            store.evict_expired(SystemTime::now());
            operation(&store, &params, stop).into_parts()
        });
        let api_response = match responded.await {
            Ok((head, body)) => ApiResponse::from_parts(head, body),
            Err(why) => why.into(),
        };
        api_response.render(response);
    }
}
