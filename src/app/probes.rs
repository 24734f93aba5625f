//! The routes for machines: metrics, liveness, readiness. They make no spans and no log lines.

use std::sync::Arc;

use salvo::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use salvo::http::{HeaderValue, StatusCode};
use salvo::writing::Text;
use salvo::{Depot, Request, Response};
use salvo_oapi::endpoint;
use tracing::error;

use super::instance::{Instance, NoInstance};
use super::problem::Problem;
use openmetrics_exemplars::Exposition;

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
    let page = match depot.get_typed::<Arc<Instance>>() {
        Ok(instance) => instance
            .metrics
            .expose(format)
            .map_err(|error| error.to_string()),
        Err(_) => Err(NoInstance.to_string()),
    };
    match page {
        Ok(page) => {
            let headers = res.headers_mut();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static(format.content_type()),
            );
            headers.insert(VARY, HeaderValue::from_static("accept"));
            res.body(page);
        }
        Err(error) => {
            error!(error, "the metrics could not be written");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics could not be written",
            )
            .render(res);
        }
    }
}

/// True if the process runs.
#[endpoint(tags("probes"))]
pub async fn livez() -> &'static str {
    "ok"
}

/// True if requests are taken: not while shutting down.
#[endpoint(tags("probes"), status_codes(200, 503))]
pub async fn readyz(depot: &mut Depot, res: &mut Response) {
    match depot.get_typed::<Arc<Instance>>() {
        Ok(instance) if instance.gate.is_open() => res.render(Text::Plain("ok")),
        Ok(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, "shutting down").render(res),
        Err(_) => {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, NoInstance.to_string()).render(res)
        }
    }
}

/// True if a request is for a route that makes no spans and no log lines, being telemetry or a probe
/// itself; by whatever method it is asked.
#[must_use]
pub fn is_probe(req: &Request) -> bool {
    matches!(
        req.uri().path().trim_matches('/'),
        "metrics" | "livez" | "readyz"
    )
}
