//! The routes for machines: metrics, liveness, readiness. They make no spans and no log lines.

use std::sync::Arc;

use salvo::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use salvo::http::{HeaderValue, StatusCode};
use salvo::writing::{Json, Text};
use salvo::{Depot, Request, Response};
use salvo_oapi::endpoint;

use super::problem::Problem;
use super::service::Service;
use crate::telemetry::negotiation::Exposition;

/// The metrics, as OpenMetrics 1.0 or as Prometheus text, whichever `Accept` prefers.
#[endpoint(tags("probes"))]
pub async fn metrics(req: &mut Request, depot: &mut Depot, res: &mut Response) {
    let accept = req
        .headers()
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    let format = Exposition::negotiate(&accept);
    let page = depot
        .get_typed::<Arc<Service>>()
        .ok()
        .and_then(|service| service.metrics.expose(format).ok());
    match page {
        Some(page) => {
            let headers = res.headers_mut();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static(format.content_type()),
            );
            headers.insert(VARY, HeaderValue::from_static("accept"));
            res.body(page);
        }
        None => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the metrics could not be written",
        )
        .render(res),
    }
}

/// Whether the process runs.
#[endpoint(tags("probes"))]
pub async fn livez() -> &'static str {
    "ok"
}

/// Whether requests are taken: not while shutting down.
#[endpoint(tags("probes"), status_codes(200, 503))]
pub async fn readyz(depot: &mut Depot, res: &mut Response) {
    let ready = depot
        .get_typed::<Arc<Service>>()
        .is_ok_and(|service| service.gate.is_open());
    if ready {
        res.render(Text::Plain("ok"));
    } else {
        res.status_code(StatusCode::SERVICE_UNAVAILABLE);
        res.render(Json(serde_json::json!({"detail": "shutting down"})));
    }
}
