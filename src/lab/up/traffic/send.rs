//! One request to an instance, which starts a trace for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

use crate::telemetry::propagation::Told;

/// Longest time for one request; the slowest route takes five seconds when all is well.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes of an answer that are kept.
const EXCERPT: usize = 4096;

/// Sends requests.
#[derive(Clone)]
pub(super) struct Sender {
    client: Client<HttpConnector, Empty<Bytes>>,
    names: Arc<[String]>,
    addresses: Arc<[SocketAddr]>,
}

/// Response.
pub(super) struct Answered {
    /// Its trace, as the instance told it.
    pub(super) trace: Option<Told>,
    pub(super) status: u16,
    pub(super) took: Duration,
    /// The beginning of it.
    pub(super) body: String,
}

/// Nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("{app} has not answered within {} s", PATIENCE.as_secs())]
    Late { app: String },
    #[error("{app} at http://{address} cannot be reached; /api/status tells whether it runs")]
    Down { app: String, address: SocketAddr },
}

impl Sender {
    pub(super) fn new(apps: &[(String, SocketAddr)]) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(8)
            .build_http();
        Self {
            client,
            names: apps.iter().map(|(name, _)| name.clone()).collect(),
            addresses: apps.iter().map(|(_, address)| *address).collect(),
        }
    }

    /// The instances by name.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Asks for a path of instance `number`.
    pub(super) async fn send(&self, number: usize, path: &str) -> Result<Answered, Unanswered> {
        let (app, address) = (&self.names[number], self.addresses[number]);
        let begun = Instant::now();
        let exchange = async {
            let uri: Uri = format!("http://{address}{path}").parse().ok()?;
            let request = Request::get(uri).body(Empty::new()).ok()?;
            let answer = self.client.request(request).await.ok()?;
            let (status, trace) = (answer.status().as_u16(), Told::by(answer.headers()));
            Some((status, trace, beginning(answer.into_body()).await?))
        };
        let answered = timeout(PATIENCE, exchange).await;
        let answered = answered.map_err(|_| Unanswered::Late { app: app.clone() })?;
        let (status, trace, body) = answered.ok_or_else(|| Unanswered::Down {
            app: app.clone(),
            address,
        })?;
        Ok(Answered {
            trace,
            status,
            took: begun.elapsed(),
            body,
        })
    }
}

/// The first bytes of a body as text; none when it breaks off before.
async fn beginning(mut body: Incoming) -> Option<String> {
    let mut bytes = Vec::new();
    while bytes.len() < EXCERPT {
        match body.frame().await {
            None => break,
            Some(frame) => {
                if let Some(data) = frame.ok()?.data_ref() {
                    bytes.extend_from_slice(data);
                }
            }
        }
    }
    bytes.truncate(EXCERPT);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
