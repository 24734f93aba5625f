//! The calls of `/chain` in the servers without telemetry: this server, then both targets, one after the other.

use std::error::Error;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The client, and the URLs that it calls.
pub struct Chain {
    client: Client<HttpConnector, Empty<Bytes>>,
    urls: [Uri; 3],
}

impl Chain {
    /// For the server at `own`; `TARGET_ONE_HOST` and `TARGET_TWO_HOST` name the others.
    pub fn new(own: std::net::SocketAddr) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let target = |name, default: &str| std::env::var(name).unwrap_or(default.to_owned());
        let one = target("TARGET_ONE_HOST", "127.0.0.1:8001");
        let two = target("TARGET_TWO_HOST", "127.0.0.1:8002");
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            urls: [
                format!("http://{own}/").parse()?,
                format!("http://{one}/io_task").parse()?,
                format!("http://{two}/cpu_task").parse()?,
            ],
        })
    }

    /// Makes the calls and reads the answers.
    pub async fn call(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        for url in &self.urls {
            let response = self.client.get(url.clone()).await?;
            if !response.status().is_success() {
                return Err(format!("{url}: {}", response.status()).into());
            }
            response.into_body().collect().await?;
        }
        Ok(())
    }
}
