//! Forwards the console's requests to Prometheus, Loki and Tempo: only read endpoints, only to the
//! configured servers, within bounds of time and size.
//!
//! * [`endpoints`]: allowed endpoints
//! * [`backend`]: the servers and their URIs
//! * [`exchange`]: forwards a request and its response
//! * [`body`]: streams a response within bounds
//! * [`tunnel`]: the live tail, a WebSocket

mod backend;
mod body;
mod endpoints;
mod exchange;
mod tunnel;

use std::sync::Arc;
use std::time::Duration;

use salvo::http::StatusCode;
use salvo::http::header::UPGRADE;
use salvo::{Request, Response, handler};
use tokio::sync::{Semaphore, watch};

use super::{answer, path};
use crate::client::Client;
pub use backend::{Backend, Kind};
use endpoints::Endpoint;

/// The path prefix of Grafana's own data source proxy.
const PREFIX: &str = "/api/datasources/proxy/uid/";

/// Idle connections that are kept for each server.
const IDLE: usize = 8;

/// Bounds on what is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time to connect.
    pub connect: Duration,
    /// Time until the response headers.
    pub head: Duration,
    /// Time until the end of the response.
    pub whole: Duration,
    /// Largest request body in bytes.
    pub request_bytes: usize,
    /// Largest response body in bytes.
    pub answer_bytes: u64,
    /// Concurrent requests; further ones wait.
    pub requests: usize,
    /// Concurrent live tails; further ones are refused.
    pub tunnels: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(30),
            whole: Duration::from_secs(60),
            request_bytes: 256 << 10,
            answer_bytes: 64 << 20,
            requests: 64,
            tunnels: 32,
        }
    }
}

/// The servers, the HTTP client, and permits.
pub(super) struct Proxy {
    backends: Vec<Backend>,
    limits: Limits,
    client: Client,
    requests: Arc<Semaphore>,
    tunnels: Arc<Semaphore>,
    /// Dropped with the console, which closes all tunnels.
    open: watch::Sender<()>,
}

/// An error response of the proxy itself.
struct Refusal {
    status: StatusCode,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, message }
    }
}

impl Proxy {
    pub(super) fn new(backends: Vec<Backend>, limits: Limits) -> Self {
        Self {
            backends,
            limits,
            client: Client::new(IDLE, Some(limits.connect)),
            requests: Arc::new(Semaphore::new(limits.requests)),
            tunnels: Arc::new(Semaphore::new(limits.tunnels)),
            open: watch::Sender::new(()),
        }
    }

    async fn forward(&self, req: &mut Request, res: &mut Response) -> Result<(), Refusal> {
        let (backend, endpoint) = self.wanted(req)?;
        let uri = backend.uri(&endpoint.path, req.uri().query())?;
        if endpoint.is_socket && req.headers().contains_key(UPGRADE) {
            return self.tunnel(backend, uri, req, res).await;
        }
        self.exchange(backend, uri, req, res).await
    }

    /// The server and endpoint of a request, if it may be forwarded.
    fn wanted(&self, req: &Request) -> Result<(&Backend, Endpoint), Refusal> {
        let forbidden = || {
            let message = "only the read endpoints of Prometheus, Loki and Tempo are forwarded";
            Refusal::new(StatusCode::FORBIDDEN, message)
        };
        let rest = req.uri().path().strip_prefix(PREFIX);
        let (uid, path) = rest
            .and_then(|it| it.split_once('/'))
            .ok_or_else(forbidden)?;
        let mut backends = self.backends.iter();
        let backend = backends.find(|it| it.kind.uid() == uid);
        let backend = backend.ok_or_else(forbidden)?;
        let segments = path::segments(path).ok_or_else(forbidden)?;
        let endpoint = Endpoint::find(backend.kind, req.method(), &segments);
        Ok((backend, endpoint.ok_or_else(forbidden)?))
    }
}

/// The route of the proxy.
pub(super) struct Forward(pub(super) Arc<Proxy>);

#[handler]
impl Forward {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        if let Err(refusal) = self.0.forward(req, res).await {
            answer::message(res, refusal.status, &refusal.message);
        }
    }
}
