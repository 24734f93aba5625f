//! Bounds on the cost of one request, and the middleware that enforces them behind the guard. Each bound has a
//! status of its own.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use salvo::http::header::{CONNECTION, RETRY_AFTER};
use salvo::http::{Body, HeaderValue, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};
use tokio::time::{self, error::Elapsed};
use tracing::warn;

use super::gate::Gate;
use super::probe_paths::is_probe;
use super::problem::Problem;
use super::rejected;
use crate::faults;
use crate::guard::Before;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most requests that are answered at the same time. Further requests get status 503.
    pub max_concurrent_requests: usize,
    /// Most bytes of a request's head. The HTTP library answers a larger one with status 431.
    pub max_header_bytes: usize,
    /// Most bytes of a request's body. A larger one gets status 413.
    pub max_body_bytes: u64,
    /// Longest time until a request is answered. After it the client gets status 504.
    pub request_timeout: Duration,
}

/// Middleware that enforces the bounds. Probes are exempt, so that monitoring still reaches a service
/// that is overloaded or shutting down.
pub(super) struct Enforce {
    /// Sees a request first. It is no middleware of its own, because each costs every request.
    pub guard: Before,
    /// Admits requests and counts those that are being answered.
    pub gate: Arc<Gate>,
    /// The bounds.
    pub limits: Limits,
}

impl Enforce {
    async fn answer(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) -> Result<(), Problem> {
        if !self.gate.is_open() {
            res.headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the service is shutting down",
            ));
        }
        let Some(_place) = self.gate.enter() else {
            res.headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return Err(Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                format!(
                    "{} requests are being answered, which is the most at a time",
                    self.limits.max_concurrent_requests
                ),
            ));
        };
        let work = async {
            self.drain_body(req, res).await?;
            // Salvo sets the status of a request without a route before any middleware runs.
            if res.status_code.is_none()
                && let Some(work) = faults::before(req, depot)
                && let Some(failing) = work.await
            {
                fail(failing, res);
                ctrl.skip_rest();
                return Ok(());
            }
            rejected::unless_matched(req, depot, res, ctrl).await;
            Ok(())
        };
        match within(self.limits.request_timeout, work).await {
            Ok(done) => done,
            Err(_) => Err(Problem::new(
                StatusCode::GATEWAY_TIMEOUT,
                format!(
                    "no answer within {} ms, which is the most a request may take",
                    self.limits.request_timeout.as_millis()
                ),
            )),
        }
    }

    /// Reads the body and discards it, because no route takes one. A body that is not read would escape
    /// the size and time bounds.
    async fn drain_body(&self, req: &mut Request, res: &mut Response) -> Result<(), Problem> {
        let body = req.take_body();
        if body.is_end_stream() {
            return Ok(());
        }
        let limit = usize::try_from(self.limits.max_body_bytes).unwrap_or(usize::MAX);
        let too_large = || {
            Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {limit} bytes"),
            )
        };
        let drained = if body.size_hint().lower() > self.limits.max_body_bytes {
            Err(too_large())
        } else {
            let mut body = Limited::new(body, limit);
            loop {
                match body.frame().await {
                    None => break Ok(()),
                    Some(Ok(_)) => {}
                    Some(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                        break Err(too_large());
                    }
                    Some(Err(_)) => {
                        break Err(Problem::new(
                            StatusCode::BAD_REQUEST,
                            "the body ended before it was complete",
                        ));
                    }
                }
            }
        };
        if drained.is_err() {
            // The client still sends the rest of the body, so this connection cannot be used again.
            res.headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        drained
    }
}

/// Ends a request with an error.
#[cfg(feature = "faults")]
fn fail(failing: faults::Failing, res: &mut Response) {
    super::upstream::failure(failing).render(res);
}

/// No request ends so.
#[cfg(not(feature = "faults"))]
fn fail(failing: faults::Failing, _res: &mut Response) {
    match failing {}
}

/// What `work` gives, or an error after `limit`. Most answers are there at once: only what waits gets a
/// timer.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut work = pin!(work);
    if let Poll::Ready(done) = poll_fn(|task| Poll::Ready(work.as_mut().poll(task))).await {
        return Ok(done);
    }
    time::timeout(limit, work).await
}

#[async_trait]
impl Handler for Enforce {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        let passage = self.guard.enter(req, res);
        if !passage.goes_on {
            ctrl.skip_rest();
        } else if is_probe(req) {
            rejected::unless_matched(req, depot, res, ctrl).await;
        } else if let Err(problem) = self.answer(req, depot, res, ctrl).await {
            warn!(
                "{} {} refused with {}: {}",
                req.method(),
                req.uri().path(),
                problem.status().as_u16(),
                problem.detail()
            );
            problem.render(res);
            ctrl.skip_rest();
        }
        passage.leave(res);
    }
}
