//! The paths of the probes. Middleware treats requests to them differently.

use salvo::Request;

/// True for `/metrics`, `/livez` and `/readyz`, with any method. A request to them creates no span and no
/// log line, and passes the bounds.
#[must_use]
pub(super) fn is_probe(req: &Request) -> bool {
    matches!(
        req.uri().path().trim_matches('/'),
        "metrics" | "livez" | "readyz"
    )
}
