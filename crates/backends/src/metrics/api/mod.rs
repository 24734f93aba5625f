//! The [Prometheus HTTP API](https://prometheus.io/docs/prometheus/latest/querying/api/) over the store,
//! as far as Grafana, `promtool` and the lab use it.

mod federate;
mod params;
mod query;
mod response;
mod rules;
mod series;
mod status;
mod syntax;
mod targets;

use std::sync::Arc;

use bytes::Bytes;
use salvo::http::header::{CONTENT_TYPE, HeaderValue};
use salvo::http::{ResBody, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use super::store::Store;
use crate::metrics::engine::{JSON_BYTES, QueryLimits};
use crate::metrics::ingest::otlp::OtlpWrite;
use crate::metrics::ingest::remote_write::{self, RemoteWrite};
use crate::metrics::ingest::scrape::TargetSet;
use crate::metrics::rules::Rules;
use federate::Federate;
use params::Params;
use response::{ApiError, ApiResponse};

use crate::wire::{CONCURRENT, Queries, Stop, Unread};

/// State that all endpoints share.
struct Api {
    store: Arc<Store>,
    targets: Arc<TargetSet>,
    rules: Arc<Rules>,
    limits: QueryLimits,
    queries: Queries,
    unread: Unread,
    started: i64,
}

/// The routes of the API: `/api/v1/…`, `/-/ready` and `/-/healthy`. `/metrics` is not among them.
pub fn router(
    store: Arc<Store>,
    targets: Arc<TargetSet>,
    rules: Arc<Rules>,
    limits: QueryLimits,
) -> Router {
    let api = Arc::new(Api {
        store: store.clone(),
        targets,
        rules,
        unread: Unread::new(limits.max_result.saturating_mul(JSON_BYTES)),
        limits,
        queries: Queries::new(CONCURRENT),
        started: super::now_ms(),
    });
    let route = |path: &str, operation: Operation| {
        Router::with_path(path).get(Endpoint {
            api: api.clone(),
            operation,
        })
    };
    // Grafana sends the long ones by POST.
    let both = |path: &str, operation: Operation| {
        route(path, operation).post(Endpoint {
            api: api.clone(),
            operation,
        })
    };
    let intake = remote_write::intake(store.limits());
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
        .push(route("targets/metadata", |api, params, _| {
            targets::metadata_by_target(api, params)
        }))
        .push(route("scrape_pools", |api, _, _| targets::pools(api)))
        .push(route("alertmanagers", |_, _, _| {
            let none = r#"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#;
            Ok(ApiResponse::data(none))
        }))
        .push(route("rules", |api, params, _| rules::rules(api, params)))
        .push(route("alerts", |api, params, _| rules::alerts(api, params)))
        .push(both("format_query", |api, params, _| {
            syntax::format(api, params)
        }))
        .push(both("parse_query", |api, params, _| {
            syntax::parse(api, params)
        }))
        .push(route("status/buildinfo", |api, params, _| {
            status::build(api, params)
        }))
        .push(route("status/config", |api, _, _| status::config(api)))
        .push(route("status/flags", |api, _, _| status::flags(api)))
        .push(route("status/tsdb", |api, params, _| {
            status::tsdb(api, params)
        }))
        .push(route("status/runtimeinfo", |api, params, _| {
            status::runtime(api, params)
        }))
        .push(Router::with_path("write").post(RemoteWrite::new(store.clone(), intake.clone())))
        .push(Router::with_path("otlp/v1/metrics").post(OtlpWrite::new(store, intake)));
    Router::new()
        .push(v1)
        .push(Router::with_path("federate").get(Federate(api.clone())))
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

type Operation = fn(&Api, &Params, &Stop) -> Result<ApiResponse, ApiError>;

/// Reads the parameters, computes the response on a blocking thread, writes its JSON.
struct Endpoint {
    api: Arc<Api>,
    operation: Operation,
}

impl Endpoint {
    async fn respond(&self, req: &mut Request) -> Result<(StatusCode, Bytes), ApiError> {
        let params = Params::read(req).await?;
        let (api, operation) = (self.api.clone(), self.operation);
        let time = self.api.limits.timeout;
        let work = move |stop: &Stop| match operation(&api, &params, stop) {
            Ok(response) => match response.into_json() {
                Some(json) => (StatusCode::OK, json.into_bytes()),
                None => (StatusCode::NO_CONTENT, Vec::new()),
            },
            Err(error) => (error.status(), error.into_json().into_bytes()),
        };
        let responded = self.api.queries.respond(time, &self.api.unread, work).await;
        responded.map_err(ApiError::of_queue)
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
        let responded = self.respond(req).await;
        let (status, body) =
            responded.unwrap_or_else(|error| (error.status(), error.into_json().into()));
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
