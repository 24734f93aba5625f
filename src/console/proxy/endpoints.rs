//! Allowed endpoints of each server: read endpoints that the console or Grafana's data sources use.

use std::borrow::Cow;

use salvo::http::Method;

use super::backend::Kind;
use crate::console::path;

/// Also allowed by POST with a form, for long queries.
const PROMETHEUS_FORMS: &[&str] = &[
    "api/v1/query",
    "api/v1/query_range",
    "api/v1/query_exemplars",
    "api/v1/labels",
    "api/v1/series",
    "api/v1/format_query",
    "api/v1/parse_query",
];

const PROMETHEUS: &[&str] = &[
    "api/v1/label/*/values",
    "api/v1/metadata",
    "api/v1/targets",
    "api/v1/rules",
    "api/v1/alerts",
    "api/v1/status/buildinfo",
    "-/ready",
    "-/healthy",
];

const LOKI: &[&str] = &[
    "loki/api/v1/query",
    "loki/api/v1/query_range",
    "loki/api/v1/labels",
    "loki/api/v1/label/*/values",
    "loki/api/v1/series",
    "loki/api/v1/index/stats",
    "loki/api/v1/index/volume",
    "loki/api/v1/detected_fields",
    "loki/api/v1/detected_field/*/values",
    "loki/api/v1/format_query",
    "loki/api/v1/status/buildinfo",
    "ready",
];

/// Loki's WebSocket endpoint.
const TAIL: &[&str] = &["loki/api/v1/tail"];

const TEMPO: &[&str] = &[
    "api/traces/*",
    "api/v2/traces/*",
    "api/search",
    "api/search/tags",
    "api/search/tag/*/values",
    "api/v2/search/tags",
    "api/v2/search/tag/*/values",
    "api/echo",
    "api/status/buildinfo",
    "ready",
];

/// An allowed endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Absolute and canonical.
    pub(super) path: String,
    /// True for a WebSocket endpoint.
    pub(super) is_socket: bool,
}

impl Endpoint {
    /// The endpoint of a request, if it is allowed.
    pub(super) fn find(kind: Kind, method: &Method, segments: &[Cow<'_, str>]) -> Option<Self> {
        let among = |patterns: &[&str]| patterns.iter().any(|it| matches(it, segments));
        let is_get = method == Method::GET;
        let is_socket = kind == Kind::Loki && among(TAIL);
        let allowed = match kind {
            Kind::Prometheus if among(PROMETHEUS_FORMS) => is_get || method == Method::POST,
            Kind::Prometheus => is_get && among(PROMETHEUS),
            Kind::Loki => is_get && (is_socket || among(LOKI)),
            Kind::Tempo => is_get && among(TEMPO),
        };
        allowed.then(|| Self {
            path: path::joined(segments),
            is_socket,
        })
    }
}

/// True if segments match a pattern, in which `*` matches any one segment.
fn matches(pattern: &str, segments: &[Cow<'_, str>]) -> bool {
    let mut wanted = pattern.split('/');
    let same = segments.iter().all(|segment| {
        let wanted = wanted.next();
        wanted == Some("*") || wanted == Some(segment)
    });
    same && wanted.next().is_none()
}
