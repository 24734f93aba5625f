//! The [Prometheus HTTP API](https://prometheus.io/docs/prometheus/latest/querying/api/) over the store,
//! as far as Grafana, `promtool` and the lab ask it.

mod params;
mod query;
mod reply;
mod series;
mod status;
mod targets;

use std::sync::Arc;

use bytes::Bytes;
use salvo::http::header::{CONTENT_TYPE, HeaderValue};
use salvo::http::{ResBody, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use super::store::Store;
use crate::metrics::engine::{JSON_BYTES, QueryLimits};
use crate::metrics::ingest::remote_write::RemoteWrite;
use crate::metrics::ingest::scrape::TargetSet;
use params::Params;
use reply::{ApiError, Reply};

use crate::wire::{CONCURRENT, Queries, QueueError, Stop, Unread};

/// State that all endpoints share.
struct Api {
    store: Arc<Store>,
    targets: Arc<TargetSet>,
    limits: QueryLimits,
    queries: Queries,
    unread: Unread,
    started: i64,
}

/// The routes of the API: `/api/v1/…`, `/-/ready` and `/-/healthy`. `/metrics` is not among them.
pub fn router(store: Arc<Store>, targets: Arc<TargetSet>, limits: QueryLimits) -> Router {
    let api = Arc::new(Api {
        store: store.clone(),
        targets,
        unread: Unread::new(limits.max_result.saturating_mul(JSON_BYTES)),
        limits,
        queries: Queries::new(CONCURRENT),
        started: super::now_ms(),
    });
    let route = |path: &str, answer: Answer| {
        Router::with_path(path).get(Endpoint {
            api: api.clone(),
            answer,
        })
    };
    // Grafana sends the long ones by POST.
    let both = |path: &str, answer: Answer| {
        route(path, answer).post(Endpoint {
            api: api.clone(),
            answer,
        })
    };
    let v1 = Router::with_path("api/v1")
        .push(both("query", query::instant))
        .push(both("query_range", query::range))
        .push(both("query_exemplars", query::exemplars))
        .push(both("labels", series::label_names))
        .push(route("label/{name}/values", series::label_values))
        .push(both("series", series::series))
        .push(route("metadata", |api, params, _| {
            targets::metadata(api, params)
        }))
        .push(route("targets", |api, params, _| {
            targets::targets(api, params)
        }))
        .push(route("rules", |_, _, _| {
            Ok(Reply::data(r#"{"groups":[]}"#))
        }))
        .push(route("alerts", |_, _, _| {
            Ok(Reply::data(r#"{"alerts":[]}"#))
        }))
        .push(route("status/buildinfo", |api, params, _| {
            status::build(api, params)
        }))
        .push(route("status/runtimeinfo", |api, params, _| {
            status::runtime(api, params)
        }))
        .push(Router::with_path("write").post(RemoteWrite::new(store)));
    Router::new()
        .push(v1)
        .push(
            Router::with_path("-/ready")
                .get(Text("Prometheus Server is Ready.\n"))
                .head(Text("")),
        )
        .push(
            Router::with_path("-/healthy")
                .get(Text("Prometheus Server is Healthy.\n"))
                .head(Text("")),
        )
}

type Answer = fn(&Api, &Params, &Stop) -> Result<Reply, ApiError>;

/// Reads the parameters, computes the answer off the runtime's threads, writes the JSON around it.
struct Endpoint {
    api: Arc<Api>,
    answer: Answer,
}

impl Endpoint {
    async fn answer(&self, req: &mut Request) -> Result<(StatusCode, Bytes), ApiError> {
        let params = Params::read(req).await?;
        let (api, answer) = (self.api.clone(), self.answer);
        let time = self.api.limits.timeout;
        let work = move |stop: &Stop| match answer(&api, &params, stop) {
            Ok(reply) => match reply.into_json() {
                Some(json) => (StatusCode::OK, json.into_bytes()),
                None => (StatusCode::NO_CONTENT, Vec::new()),
            },
            Err(error) => (error.status(), error.into_json().into_bytes()),
        };
        let answered = self.api.queries.respond(time, &self.api.unread, work).await;
        answered.map_err(|error| match error {
            QueueError::TimedOut => ApiError::timeout("query timed out in query queue"),
            QueueError::Full | QueueError::Unread => ApiError::unavailable(error.to_string()),
            QueueError::Panicked => ApiError::internal(error.to_string()),
        })
    }
}

#[async_trait]
impl Handler for Endpoint {
    async fn handle(
        &self,
        req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        let answered = self.answer(req).await;
        let (status, body) =
            answered.unwrap_or_else(|error| (error.status(), error.into_json().into()));
        res.status_code(status);
        if status == StatusCode::NO_CONTENT {
            return;
        }
        res.headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        res.body(ResBody::Once(body));
    }
}

/// A fixed text.
struct Text(&'static str);

#[async_trait]
impl Handler for Text {
    async fn handle(
        &self,
        _req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        res.status_code(StatusCode::OK);
        res.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        res.body(self.0);
    }
}
