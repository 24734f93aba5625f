//! The Salvo middleware around every request: metrics with exemplars, and the place where an
//! error or a panic of a handler becomes an exception event, a log line and a count.
//!
//! The server span is made by [`super::server_span`], which goes before this.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt;
use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;
use salvo::http::StatusCode;
use salvo::writing::Json;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};
use tracing::error;

use super::exception::Exception;
use super::metrics::{Metrics, Sampled, method_label};
use super::server_span::route_template;

/// `path` label value of every request that matched no route.
pub const UNMATCHED: &str = "_unmatched";

/// Counts and times every request.
pub struct Observe {
    metrics: Arc<Metrics>,
}

impl Observe {
    /// Middleware that feeds `metrics`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics }
    }

    async fn observe(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) -> prometheus::Result<()> {
        let method = method_label(req.method().as_str());
        let path = route_template(req, res);
        let path = path.as_deref().unwrap_or(UNMATCHED);
        let route = self.metrics.route(method, path)?;
        let trace = current_trace();
        let started = Instant::now();
        let in_progress = route.received(trace);

        let answered = AssertUnwindSafe(ctrl.call_next(req, depot, res))
            .catch_unwind()
            .await;

        // The rest is observed now: an earlier time would fall behind what other requests recorded.
        let trace = trace.map(Sampled::again);
        let exception = match answered {
            Ok(_) => res.extensions.remove::<Exception>(),
            Err(payload) => {
                res.status_code(StatusCode::INTERNAL_SERVER_ERROR);
                res.render(Json(serde_json::json!({"detail": "Internal Server Error"})));
                Some(Exception::from_panic(payload.as_ref()))
            }
        };
        if let Some(exception) = exception {
            exception.record(method, path);
            self.metrics
                .exception((method, path), exception.kind, trace)?;
        }
        let status = res.status_code.unwrap_or(StatusCode::OK).as_u16();
        route.answered(started.elapsed(), trace);
        self.metrics
            .response(route, (method, path), status, trace)?;
        drop(in_progress);
        Ok(())
    }
}

#[async_trait]
impl Handler for Observe {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        if let Err(failure) = self.observe(req, depot, res, ctrl).await {
            error!(error = %failure, "request not counted");
        }
    }
}

/// The current trace, if it is sampled.
fn current_trace() -> Option<Sampled> {
    let trace_id = Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        (ids.is_valid() && ids.is_sampled()).then(|| ids.trace_id())
    })?;
    Some(Sampled::now(trace_id))
}
