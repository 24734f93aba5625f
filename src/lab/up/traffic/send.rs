//! One request to an instance. The instance starts its trace.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use http_body_util::Full;

use crate::client::{Bounds, Client, Failure, Size};
use crate::telemetry::propagation::Told;

/// Longest time for one request; the slowest route takes five seconds when all is well.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes of a response body that are kept.
const EXCERPT: usize = 4096;

/// Idle connections that are kept for each instance.
const IDLE: usize = 8;

/// Sends requests.
#[derive(Clone)]
pub(super) struct Sender {
    client: Client,
    names: Arc<[String]>,
    addresses: Arc<[SocketAddr]>,
}

/// Response of an instance.
pub(super) struct Response {
    /// Its trace, as the instance named it.
    pub(super) trace: Option<Told>,
    pub(super) status: u16,
    pub(super) took: Duration,
    /// The beginning of the body.
    pub(super) body: String,
}

/// No response.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoResponse {
    #[error("{app} has not answered within {} s", PATIENCE.as_secs())]
    Late { app: String },
    #[error("{app} at http://{address} cannot be reached; /api/status tells whether it runs")]
    Down { app: String, address: SocketAddr },
}

impl Sender {
    pub(super) fn new(apps: &[(String, SocketAddr)]) -> Self {
        Self {
            client: Client::new(IDLE, None),
            names: apps.iter().map(|(name, _)| name.clone()).collect(),
            addresses: apps.iter().map(|(_, address)| *address).collect(),
        }
    }

    /// The instances by name.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Requests a path of instance `number`.
    pub(super) async fn send(&self, number: usize, path: &str) -> Result<Response, NoResponse> {
        let (app, address) = (&self.names[number], self.addresses[number]);
        let begun = Instant::now();
        let down = || NoResponse::Down {
            app: app.clone(),
            address,
        };
        let request = Request::get(format!("http://{address}{path}")).body(Full::default());
        let bounds = Bounds {
            time: PATIENCE,
            size: Size::Beginning(EXCERPT),
        };
        let exchange = self.client.exchange(request.map_err(|_| down())?, bounds);
        let response = exchange.await.map_err(|failure| match failure {
            Failure::Late(_) => NoResponse::Late { app: app.clone() },
            Failure::NotConnected(_) | Failure::Broken(_) | Failure::TooLarge(_) => down(),
        })?;
        Ok(Response {
            trace: Told::by(response.headers()),
            status: response.status().as_u16(),
            took: begun.elapsed(),
            body: String::from_utf8_lossy(response.body()).into_owned(),
        })
    }
}
