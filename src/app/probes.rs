//! The routes for monitoring: metrics, liveness, readiness. They create no spans and no log lines.

use std::sync::Arc;

use salvo::http::StatusCode;
use salvo::writing::Text;
use salvo::{Depot, Request, Response};
use salvo_oapi::endpoint;
use tracing::error;

use super::instance::{Instance, NoInstance};
use super::problem::Problem;
use crate::telemetry::exposition;

/// The metrics as OpenMetrics 1.0 or as Prometheus text. `Accept` chooses the format.
#[endpoint(tags("probes"))]
pub async fn metrics(req: &mut Request, depot: &mut Depot, res: &mut Response) {
    #[cfg(feature = "faults")]
    if let Some(scrape) = crate::faults::scrape() {
        scrape.wait.await;
        if let Some(status) = scrape.status.and_then(|it| StatusCode::from_u16(it).ok()) {
            let reason = status.canonical_reason().unwrap_or("Error");
            return Problem::new(status, reason).render(res);
        }
    }
    let format = exposition::preferred(req.headers());
    let page = match depot.get_typed::<Arc<Instance>>() {
        Ok(instance) => instance
            .metrics
            .expose(format)
            .map_err(|error| error.to_string()),
        Err(_) => Err(NoInstance.to_string()),
    };
    match page {
        Ok(page) => exposition::write(res, format, page),
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

/// Liveness: answers as long as the process runs.
#[endpoint(tags("probes"))]
pub async fn livez() -> &'static str {
    "ok"
}

/// Readiness: status 200 until the service shuts down, then 503.
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
