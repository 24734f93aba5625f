//! One request: sent, and its answer read to the end, in bounded time and size.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::telemetry::propagation::Told;
use crate::telemetry::server_span::REQUEST_ID;

/// Largest answer that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// Outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// An answer with this status was read to its end.
    Answered(u16),
    /// No answer.
    Failed(Failure),
}

/// Reasons for a request without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failure {
    /// No connection to the target.
    NotConnected,
    /// The connection or the answer broke off, or the answer was too large.
    Broken,
    /// It took too long.
    Timeout,
    /// Ctrl-C came before the answer.
    Abandoned,
}

impl Failure {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NotConnected => "not connected",
            Self::Broken => "broken off",
            Self::Timeout => "timeout",
            Self::Abandoned => "abandoned",
        }
    }
}

/// The client for all targets.
#[derive(Clone)]
pub(super) struct Client {
    hyper: Hyper<HttpConnector, Empty<Bytes>>,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self {
            hyper: Hyper::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .build(connector),
            timeout,
        }
    }

    /// Sends one request, named `id`. What it told of its trace is known as soon as the answer
    /// begins, so that an answer that breaks off tells it too.
    pub(super) async fn get(&self, target: &Uri, path: &str, id: &str) -> (Ended, Option<Told>) {
        let mut told = None;
        let authority = target.authority().map_or("", |it| it.as_str());
        let request = Request::get(format!("http://{authority}{path}"))
            .header(REQUEST_ID, id)
            .body(Empty::new());
        let exchange = async {
            let request = request.map_err(|_| Failure::Broken)?;
            let response = self.hyper.request(request).await;
            let response = response.map_err(|error| match error.is_connect() {
                true => Failure::NotConnected,
                false => Failure::Broken,
            })?;
            told = Told::by(response.headers());
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), LARGEST).collect().await;
            body.map(|_| status).map_err(|_| Failure::Broken)
        };
        let ended = match timeout(self.timeout, exchange).await {
            Ok(Ok(status)) => Ended::Answered(status),
            Ok(Err(failure)) => Ended::Failed(failure),
            Err(_) => Ended::Failed(Failure::Timeout),
        };
        (ended, told)
    }
}
