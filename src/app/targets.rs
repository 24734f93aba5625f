//! Calls to other instances: a client span each, with the trace's headers sent along.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry::Context;
use tokio::time;
use tracing::field::Empty as Unset;
use tracing::{Instrument, Span, info_span, warn};

#[cfg(feature = "faults")]
use crate::faults::PoolTimeout;
use crate::faults::{Calls, Hop};
use crate::telemetry::propagation::Propagation;

/// Most bytes of a target's answer that are read.
const MAX_BODY: usize = 64 * 1024;

/// Idle connections kept for the next call to a target.
const IDLE_CONNECTIONS: usize = 32;

/// A call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// The target did not answer in time.
    #[error("{url} did not answer within {} ms", limit.as_millis())]
    Timeout {
        /// The URL.
        url: Uri,
        /// Time waited.
        limit: Duration,
    },
    /// The target could not be reached, or its answer broke off.
    #[error("{url} cannot be reached")]
    Unreachable {
        /// The URL.
        url: Uri,
        /// The reason.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The target's answer is larger than what is read of one.
    #[error("{url} answered with more than {MAX_BODY} bytes")]
    TooLarge {
        /// The URL.
        url: Uri,
    },
    /// No connection became free in time.
    #[cfg(feature = "faults")]
    #[error("{url} was not called: no connection is free")]
    NoConnection {
        /// The URL.
        url: Uri,
        /// The reason.
        source: PoolTimeout,
    },
    /// The target answered with a status that is no success.
    #[error("{url} answered with status {status}")]
    Status {
        /// The URL.
        url: Uri,
        /// Its status.
        status: StatusCode,
    },
}

impl CallError {
    /// `error.type` of the client span: a name of low cardinality.
    fn kind(&self) -> String {
        match self {
            Self::Timeout { .. } => "timeout".to_owned(),
            Self::Unreachable { .. } => "unreachable".to_owned(),
            Self::TooLarge { .. } => "answer_too_large".to_owned(),
            #[cfg(feature = "faults")]
            Self::NoConnection { .. } => "pool_timeout".to_owned(),
            Self::Status { status, .. } => status.as_str().to_owned(),
        }
    }
}

/// The client for all targets.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    client: Client<HttpConnector, Empty<Bytes>>,
    timeout: Duration,
    propagation: Propagation,
}

impl Targets {
    /// A client that gives each call `timeout`.
    #[must_use]
    pub(super) fn new(timeout: Duration, propagation: Propagation) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(timeout));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Self {
            client,
            timeout,
            propagation,
        }
    }

    /// Calls `path` on the instance at `target` and reads the answer.
    ///
    /// # Errors
    /// [`CallError`]: a target that fails, is slow or answers with an error status.
    #[expect(clippy::expect_used, reason = "the path is a literal")]
    pub(super) async fn get(
        &self,
        calls: &Calls,
        hop: Hop,
        target: &Authority,
        path: &'static str,
    ) -> Result<(), CallError> {
        let url = Uri::builder()
            .scheme("http")
            .authority(target.clone())
            .path_and_query(path)
            .build()
            .expect("a URL");
        let mut resends = 0;
        loop {
            match self.attempt(calls, hop, target, &url, resends).await {
                Err(error) if calls.goes_again(hop, resends) => {
                    resends += 1;
                    warn!(error = &error as &dyn Error, resends, "trying again");
                }
                result => return result,
            }
        }
    }

    /// Calls `url` once, after it was called `resends` times in vain.
    async fn attempt(
        &self,
        calls: &Calls,
        hop: Hop,
        target: &Authority,
        url: &Uri,
        resends: u32,
    ) -> Result<(), CallError> {
        let span = info_span!(
            "GET",
            otel.kind = "client",
            otel.status_code = Unset,
            otel.status_description = Unset,
            http.request.method = "GET",
            http.request.resend_count = (resends > 0).then_some(resends),
            server.address = target.host().trim_matches(['[', ']']),
            server.port = i64::from(target.port_u16().unwrap_or(80)),
            url.full = %url,
            http.response.status_code = Unset,
            error.type = Unset,
        );
        async {
            let result =
                match time::timeout(self.timeout, self.send(calls, hop, url, resends)).await {
                    Ok(result) => result,
                    Err(_) => Err(CallError::Timeout {
                        url: url.clone(),
                        limit: self.timeout,
                    }),
                };
            if let Err(error) = &result {
                let span = Span::current();
                span.record("otel.status_code", "ERROR");
                span.record("otel.status_description", error.to_string());
                span.record("error.type", error.kind());
            }
            result
        }
        .instrument(span)
        .await
    }

    #[cfg_attr(
        not(feature = "faults"),
        expect(unused_variables, reason = "nothing happens on the way")
    )]
    async fn send(
        &self,
        calls: &Calls,
        hop: Hop,
        url: &Uri,
        resends: u32,
    ) -> Result<(), CallError> {
        let unreachable = |source| CallError::Unreachable {
            url: url.clone(),
            source,
        };
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = url.clone();
        #[cfg(feature = "faults")]
        let _connection = match calls.connection() {
            Some(connection) => {
                Some(connection.await.map_err(|source| CallError::NoConnection {
                    url: url.clone(),
                    source,
                })?)
            }
            None => None,
        };
        #[cfg(feature = "faults")]
        if let Some(way) = calls.way(hop) {
            way.await;
        }
        if !calls.loses_context(hop) {
            Context::map_current(|context| {
                self.propagation.inject(context, request.headers_mut());
            });
        }
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| unreachable(error.into()))?;
        let status = response.status();
        Span::current().record("http.response.status_code", i64::from(status.as_u16()));
        // Read to the end, or the connection cannot be used again.
        Limited::new(response.into_body(), MAX_BODY)
            .collect()
            .await
            .map_err(|error| match error.is::<LengthLimitError>() {
                true => CallError::TooLarge { url: url.clone() },
                false => unreachable(error),
            })?;
        #[cfg(feature = "faults")]
        if calls.breaks_off(hop, resends) {
            let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            return Err(unreachable(reset.into()));
        }
        if status.is_success() {
            Ok(())
        } else {
            Err(CallError::Status {
                url: url.clone(),
                status,
            })
        }
    }
}
