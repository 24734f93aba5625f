//! Bounds on what one request may cost, each with a status that says which one was reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use salvo::http::header::{CONNECTION, RETRY_AFTER};
use salvo::http::{Body, HeaderValue, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};
use tokio::sync::Semaphore;
use tokio::time;
use tracing::warn;

use super::probes::is_probe;
use super::problem::Problem;

/// The bounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Requests answered at a time; more get status 503.
    pub max_concurrent_requests: usize,
    /// Bytes of a request's head; more get status 431 from the HTTP library.
    pub max_header_bytes: usize,
    /// Bytes of a request's body; more get status 413.
    pub max_body_bytes: u64,
    /// Time until a request must be answered; then it gets status 504.
    pub request_timeout: Duration,
}

/// Lets requests in, and knows when the last one is out.
pub struct Gate {
    places: Arc<Semaphore>,
    limit: usize,
    closed: AtomicBool,
}

impl Gate {
    /// A gate that lets `limit` requests in at a time.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limit)),
            limit,
            closed: AtomicBool::new(false),
        }
    }

    /// True if requests are let in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// Lets no request in any more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Waits until no request is inside.
    pub async fn empty(&self) {
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all).await;
    }
}

/// The middleware that enforces the bounds; probes pass freely, so that an overloaded or
/// stopping service can still be looked at.
pub struct Enforce {
    /// The gate that requests go through.
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
        let Ok(_place) = self.gate.places.try_acquire() else {
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
            ctrl.call_next(req, depot, res).await;
            Ok(())
        };
        match time::timeout(self.limits.request_timeout, work).await {
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

    /// Reads a body away, as no route takes one. Left unread it would count against no bound.
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
            // The rest of the body is still on its way on this connection.
            res.headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
        }
        drained
    }
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
        if is_probe(req) {
            ctrl.call_next(req, depot, res).await;
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
    }
}
