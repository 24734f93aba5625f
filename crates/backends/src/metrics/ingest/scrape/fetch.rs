//! The HTTP side of a scrape: one request with the headers of Prometheus 3, one bounded body.

use std::io::Read as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// `Accept` header of Prometheus 3 without native histograms.
const ACCEPTED: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// `Accept` header of Prometheus 3 with native histograms, which only protobuf has.
const ACCEPTED_WITH_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
    encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
    application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
    text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

/// Reasons for a scrape without a body. The texts are those that Prometheus shows for a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// No answer: refused, reset, no such host.
    #[error("Get \"{url}\": {cause}")]
    Unreachable {
        /// The URL.
        url: String,
        /// The innermost cause.
        cause: String,
    },
    /// No whole answer in time.
    #[error("Get \"{url}\": context deadline exceeded")]
    Timeout {
        /// The URL.
        url: String,
    },
    /// Another status than 200.
    #[error("server returned HTTP status {0}")]
    Status(StatusCode),
    /// More bytes than allowed, counted after decompression.
    #[error("body size limit exceeded")]
    TooLarge,
    /// A body that says gzip and is not.
    #[error("gzip: {0}")]
    Gzip(String),
}

/// A body and what its header calls it.
#[derive(Debug, Clone)]
pub(crate) struct Fetched {
    /// The exposition.
    pub body: Bytes,
    /// `Content-Type`.
    pub content_type: Option<String>,
}

/// An HTTP client for scrapes. Cheap to clone; keeps connections alive between scrapes.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
        }
    }
}

impl Fetcher {
    /// Gets a URL within `timeout` and `limit` bytes. `native` is true if native histograms are asked for.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub(crate) async fn fetch(
        &self,
        url: &str,
        timeout: Duration,
        limit: usize,
        native: bool,
    ) -> Result<Fetched, FetchError> {
        match tokio::time::timeout(timeout, self.exchange(url, timeout, limit, native)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FetchError::Timeout {
                url: url.to_owned(),
            }),
        }
    }

    async fn exchange(
        &self,
        url: &str,
        timeout: Duration,
        limit: usize,
        native: bool,
    ) -> Result<Fetched, FetchError> {
        let accepted = if native {
            ACCEPTED_WITH_NATIVE
        } else {
            ACCEPTED
        };
        let unreachable = |cause: String| FetchError::Unreachable {
            url: url.to_owned(),
            cause,
        };
        let request = Request::get(url)
            .header(ACCEPT, accepted)
            .header(ACCEPT_ENCODING, "gzip")
            .header(
                USER_AGENT,
                concat!("salvo-observability/", env!("CARGO_PKG_VERSION")),
            )
            .header(
                "X-Prometheus-Scrape-Timeout-Seconds",
                timeout.as_secs_f64().to_string(),
            )
            .body(Empty::new())
            .map_err(|error| unreachable(error.to_string()))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| unreachable(innermost(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let content_type = header(CONTENT_TYPE);
        let zipped =
            header(CONTENT_ENCODING).is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"));
        let mut incoming = response.into_body();
        let mut body = BytesMut::new();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| unreachable(innermost(&error)))?;
            if let Ok(data) = frame.into_data() {
                if body.len() + data.len() > limit {
                    return Err(FetchError::TooLarge);
                }
                body.extend_from_slice(&data);
            }
        }
        let body = if zipped {
            unzip(&body, limit)?
        } else {
            body.freeze()
        };
        Ok(Fetched { body, content_type })
    }
}

fn unzip(zipped: &[u8], limit: usize) -> Result<Bytes, FetchError> {
    let mut body = Vec::new();
    MultiGzDecoder::new(zipped)
        .take(limit as u64 + 1)
        .read_to_end(&mut body)
        .map_err(|error| FetchError::Gzip(error.to_string()))?;
    if body.len() > limit {
        return Err(FetchError::TooLarge);
    }
    Ok(Bytes::from(body))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    match error
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind)
    {
        Some(std::io::ErrorKind::ConnectionRefused) => {
            "dial tcp: connect: connection refused".to_owned()
        }
        _ => error.to_string(),
    }
}
