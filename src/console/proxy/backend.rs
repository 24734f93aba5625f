//! One server that requests are forwarded to.

use http::Uri;
use salvo::http::StatusCode;

use super::Refusal;

/// Which server it is.
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

    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "Prometheus",
            Self::Loki => "Loki",
            Self::Tempo => "Tempo",
        }
    }
}

/// A server and where it is.
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

    /// Where a path of it is.
    pub(super) fn uri(&self, path: &str, query: Option<&str>) -> Result<Uri, Refusal> {
        let mark = if query.is_some() { "?" } else { "" };
        let uri = format!("{}{path}{mark}{}", self.base, query.unwrap_or_default());
        uri.parse().map_err(|error| {
            let message = format!("this address cannot be asked for: {error}");
            Refusal::new(StatusCode::BAD_REQUEST, message)
        })
    }

    /// It could not be reached, or broke off.
    pub(super) fn is_down(&self, error: &(dyn std::error::Error + 'static)) -> Refusal {
        // The last cause is the one that tells something: that the connection was refused.
        let mut cause = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let (name, base) = (self.kind.name(), &self.base);
        let message = format!("{name} at {base} does not answer: {cause}");
        Refusal::new(StatusCode::BAD_GATEWAY, message)
    }

    /// It took too long.
    pub(super) fn is_late(&self, limit: std::time::Duration) -> Refusal {
        let (name, base) = (self.kind.name(), &self.base);
        let seconds = limit.as_secs_f64();
        let message = format!("{name} at {base} has not answered within {seconds} s");
        Refusal::new(StatusCode::GATEWAY_TIMEOUT, message)
    }
}
