//! The Salvo middleware around every request: the server span, metrics with exemplars, and the place where an
//! error or a panic of a handler becomes an exception event, a log line and a count.
//!
//! It is one middleware for all of them, because each costs every request some 400 instructions.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt, TraceId};
use salvo::http::StatusCode;
use salvo::writing::Json;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};
use tracing::error;

use super::exception::Exception;
use super::metrics::{Metrics, Sampled, method_label};
use super::server_span::{ServerSpan, route_template};

/// `path` label value of every request that matched no route.
pub const UNMATCHED: &str = "_unmatched";

/// Counts and times every request, and makes its server span.
pub struct Observe {
    metrics: Arc<Metrics>,
    spans: Option<Spans>,
}

struct Spans {
    span: ServerSpan,
    /// True for a request that gets a span.
    wanted: fn(&Request) -> bool,
}

/// Labels of a request.
#[derive(Clone, Copy)]
struct Labels<'a> {
    method: &'static str,
    path: &'a str,
}

impl Observe {
    /// Middleware that feeds `metrics`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            spans: None,
        }
    }

    /// Makes a span too for each request for which `wanted` holds.
    #[must_use]
    pub fn with_spans(self, span: ServerSpan, wanted: fn(&Request) -> bool) -> Self {
        Self {
            spans: Some(Spans { span, wanted }),
            ..self
        }
    }

    /// Answers and observes a request that belongs to `trace`, if that is sampled.
    async fn observe(
        &self,
        Labels { method, path }: Labels<'_>,
        trace: Option<TraceId>,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) -> prometheus::Result<()> {
        #[cfg(feature = "faults")]
        let own = self.metrics.own_route(method, path, req.uri().path())?;
        #[cfg(feature = "faults")]
        let (metrics, route, label) = match &own {
            Some(own) => own.parts(),
            None => (&*self.metrics, self.metrics.route(method, path)?, path),
        };
        #[cfg(not(feature = "faults"))]
        let (metrics, route, label) = (&*self.metrics, self.metrics.route(method, path)?, path);
        let trace = trace.map(Sampled::now);
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
            metrics.exception((method, label), exception.kind, trace)?;
        }
        let status = res.status_code.unwrap_or(StatusCode::OK).as_u16();
        route.answered(started.elapsed(), trace);
        metrics.response(route, (method, label), status, trace)?;
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
        let route = route_template(req, res);
        let labels = Labels {
            method: method_label(req.method().as_str()),
            path: route.as_deref().unwrap_or(UNMATCHED),
        };
        let spans = self.spans.as_ref().filter(|spans| (spans.wanted)(req));
        let Some(Spans { span, .. }) = spans else {
            let counted = self.observe(labels, None, req, depot, res, ctrl).await;
            tell(counted);
            return;
        };
        let context = span.start(req, labels.method, route.as_deref());
        let trace = sampled_trace(&context);
        self.observe(labels, trace, req, depot, res, ctrl)
            .map(tell)
            .with_context(context.clone())
            .await;
        span.end(&context, res);
    }
}

/// Logs why a request could not be counted.
fn tell(counted: prometheus::Result<()>) {
    if let Err(failure) = counted {
        error!(error = %failure, "request not counted");
    }
}

/// The trace of the context's span, if it is sampled.
fn sampled_trace(context: &Context) -> Option<TraceId> {
    let span = context.span();
    let ids = span.span_context();
    (ids.is_valid() && ids.is_sampled()).then(|| ids.trace_id())
}
