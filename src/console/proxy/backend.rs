//! A server that requests are forwarded to.

use http::Uri;
use salvo::http::StatusCode;

use super::Refusal;
use crate::client::Failure;

/// The kind of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Metrics.
    Prometheus,
    /// Log lines.
    Loki,
    /// Traces.
    Tempo,
}

impl Kind {
    /// The uid of its data source.
    pub(super) fn uid(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Loki => "loki",
            Self::Tempo => "tempo",
        }
    }

    /// Its product name, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Loki => "Loki",
            Self::Tempo => "Tempo",
        }
    }
}

/// A server and its URL.
#[derive(Clone, Debug)]
pub struct Backend {
    pub(super) kind: Kind,
    /// Without a slash at its end.
    base: String,
}

impl Backend {
    /// The server at a URL, `http://host:port` with or without a path before its own paths.
    #[must_use]
    pub fn new(kind: Kind, url: &str) -> Self {
        let base = url.trim_end_matches('/').to_owned();
        Self { kind, base }
    }

    /// The URI of a path on this server.
    pub(super) fn uri(&self, path: &str, query: Option<&str>) -> Result<Uri, Refusal> {
        let mark = if query.is_some() { "?" } else { "" };
        let uri = format!("{}{path}{mark}{}", self.base, query.unwrap_or_default());
        uri.parse().map_err(|error| {
            let message = format!("this address cannot be asked for: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, message)
        })
    }

    /// The refusal when the server gave no response.
    pub(super) fn has_failed(&self, failure: &Failure) -> Refusal {
        let (name, base) = (self.kind.name(), &self.base);
        match failure {
            Failure::Late(limit) => {
                let seconds = limit.as_secs_f64();
                let message = format!("{name} at {base} has not answered within {seconds} s");
                Refusal::new(StatusCode::GATEWAY_TIMEOUT, message)
            }
            Failure::NotConnected(_) | Failure::Broken(_) | Failure::TooLarge(_) => {
                let cause = failure.cause();
                let message = format!("{name} at {base} does not answer: {cause}");
                Refusal::new(StatusCode::BAD_GATEWAY, message)
            }
        }
    }
}
