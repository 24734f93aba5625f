//! One request: sent, and its answer read to the end, in bounded time and size.

use std::time::Duration;

use http::{Request, Uri};
use http_body_util::Full;

use crate::client::{self, Bounds, Size};
use crate::telemetry::propagation::Told;
use crate::telemetry::server_span::REQUEST_ID;

/// Largest response body that is read, in bytes.
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

impl From<client::Failure> for Failure {
    fn from(failure: client::Failure) -> Self {
        match failure {
            client::Failure::NotConnected(_) => Self::NotConnected,
            client::Failure::Broken(_) | client::Failure::TooLarge(_) => Self::Broken,
            client::Failure::Late(_) => Self::Timeout,
        }
    }
}

/// The client for all targets.
#[derive(Clone)]
pub(super) struct Client {
    client: client::Client,
    bounds: Bounds,
}

impl Client {
    /// A client for as many as `max_open` requests at a time.
    pub(super) fn new(timeout: Duration, max_open: usize) -> Self {
        Self {
            client: client::Client::new(max_open, None),
            bounds: Bounds {
                time: timeout,
                size: Size::Whole(LARGEST),
            },
        }
    }

    /// Sends one request, named `id`. Its trace is known as soon as the head of the response arrives, so
    /// that a response that breaks off names it too.
    pub(super) async fn get(&self, target: &Uri, path: &str, id: &str) -> (Ended, Option<Told>) {
        let authority = target.authority().map_or("", |it| it.as_str());
        let request = Request::get(format!("http://{authority}{path}"))
            .header(REQUEST_ID, id)
            .body(Full::default());
        let Ok(request) = request else {
            return (Ended::Failed(Failure::Broken), None);
        };
        let mut told = None;
        let exchange = self
            .client
            .exchange_with(request, self.bounds, |head| told = Told::by(&head.headers));
        let ended = match exchange.await {
            Ok(response) => Ended::Answered(response.status().as_u16()),
            Err(failure) => Ended::Failed(failure.into()),
        };
        (ended, told)
    }
}
