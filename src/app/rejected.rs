//! Requests that reach no handler: the guard refuses them, or no route matches.

use salvo::http::StatusCode;
use salvo::{Depot, FlowCtrl, Request, Response};
use tracing::warn;

use super::probe_paths::is_probe;
use super::problem::Problem;

/// Writes the 403 response for a request that the guard refuses, and logs the reason.
pub(super) fn refuse(req: &Request, res: &mut Response, text: &str) {
    let status = StatusCode::FORBIDDEN;
    if !is_probe(req) {
        let (method, path) = (req.method(), req.uri().path());
        warn!("{method} {path} refused with {}: {text}", status.as_u16());
    }
    Problem::new(status, text.to_owned()).render(res);
}

/// Hands a request to its route, or writes the 404 or 405 response. Salvo sets the status before any middleware
/// runs.
pub(super) async fn unless_matched(
    req: &mut Request,
    depot: &mut Depot,
    res: &mut Response,
    ctrl: &mut FlowCtrl,
) {
    let detail = match res.status_code {
        Some(StatusCode::NOT_FOUND) => "Not Found",
        Some(StatusCode::METHOD_NOT_ALLOWED) => "Method Not Allowed",
        _ => {
            ctrl.call_next(req, depot, res).await;
            return;
        }
    };
    if !is_probe(req) {
        warn!("{} {}: {detail}", req.method(), req.uri().path());
    }
    if let Some(status) = res.status_code {
        Problem::new(status, detail).render(res);
    }
}
