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

use salvo::http::StatusCode;
use salvo::http::header::ACCEPT;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use super::Store;
use answer::Answer;
use params::Params;

/// The routes that a Tempo has on port 3200, over one store.
#[must_use]
pub fn router(store: Arc<Store>) -> Router {
    let ask = |answer: fn(&Arc<Store>, &Params) -> Answer| Ask {
        store: Arc::clone(&store),
        answer,
    };
    let get = |path: &str, answer: fn(&Arc<Store>, &Params) -> Answer| {
        Router::with_path(path).get(ask(answer))
    };
    Router::new()
        .push(get("ready", |_, _| Answer::text("ready\n")))
        .push(get("api/echo", |_, _| Answer::text("echo\n")))
        .push(get("api/status/buildinfo", |_, _| build_info()))
        .push(get("api/traces/{trace_id}", trace::v1))
        .push(get("api/v2/traces/{trace_id}", trace::v2))
        .push(get("api/search", search::traces))
        .push(get("api/search/tags", tags::names_v1))
        .push(get("api/v2/search/tags", tags::names_v2))
        .push(get("api/search/tag/{tag}/values", tags::values_v1))
        .push(get("api/v2/search/tag/{tag}/values", tags::values_v2))
        .push(get("api/metrics/query_range", metrics::range))
        .push(get("api/metrics/query", metrics::instant))
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

/// Asks the store on a thread that may take its time.
struct Ask {
    store: Arc<Store>,
    answer: fn(&Arc<Store>, &Params) -> Answer,
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
        let answered = tokio::task::spawn_blocking(move || {
            store.evict_expired(SystemTime::now());
            answer(&store, &params)
        });
        match answered.await {
            Ok(answer) => answer.render(response),
            Err(_) => {
                response.status_code(StatusCode::INTERNAL_SERVER_ERROR);
            }
        }
    }
}
