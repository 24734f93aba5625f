//! Error responses of the guard and the bounds, as plain text.

use salvo::http::HeaderValue;
use salvo::http::header::CONTENT_TYPE;
use salvo::{Request, Response};

/// Writes the reason of a refusal. The status is set by the caller.
pub(super) fn refuse(_req: &Request, res: &mut Response, text: &str) {
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    res.headers_mut().insert(CONTENT_TYPE, plain);
    res.body(format!("{text}\n"));
}
