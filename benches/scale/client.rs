//! HTTP with one server.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Most time that one answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Client(Http<HttpConnector, Full<Bytes>>);

impl Client {
    pub fn new() -> Self {
        Self(Http::builder(TokioExecutor::new()).build_http())
    }

    async fn send(&self, request: http::Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
        let exchange = async {
            let answer = self.0.request(request).await?;
            let status = answer.status().as_u16();
            anyhow::Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        tokio::time::timeout(PATIENCE, exchange)
            .await
            .context("no answer in time")?
    }

    /// The body of a successful answer.
    pub async fn get(&self, url: &str) -> anyhow::Result<Bytes> {
        let request = http::Request::get(url).body(Full::default())?;
        let (status, body) = self.send(request).await?;
        if status != 200 {
            bail!("{url}: {status} {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    /// Sends a body and returns the seconds until it was taken.
    pub async fn post(
        &self,
        url: &str,
        encoding: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<f64> {
        let mut request = http::Request::post(url).header("content-type", "application/x-protobuf");
        if let Some(encoding) = encoding {
            request = request
                .header("content-encoding", encoding)
                .header("x-prometheus-remote-write-version", "0.1.0");
        }
        let request = request.body(Full::from(body))?;
        let started = Instant::now();
        let (status, body) = self.send(request).await?;
        if !(200..300).contains(&status) {
            bail!("{url}: {status} {}", String::from_utf8_lossy(&body));
        }
        Ok(started.elapsed().as_secs_f64())
    }
}
