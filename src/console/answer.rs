//! JSON responses, and errors in the form that the console's JavaScript reads.

use salvo::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use salvo::http::{HeaderValue, StatusCode};
use salvo::{Request, Response};
use serde_json::{Value, json};

/// Responds with JSON that must not be cached.
pub(crate) fn fresh(res: &mut Response, value: &Value) {
    json_text(res, value.to_string());
}

/// As [`fresh`], for text that is already JSON.
pub(super) fn json_text(res: &mut Response, text: impl Into<bytes::Bytes>) {
    let headers = res.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    res.body(text.into());
}

/// Responds with an error: `{"message": …}`.
pub(crate) fn message(res: &mut Response, status: StatusCode, text: &str) {
    res.status_code(status);
    fresh(res, &json!({ "message": text }));
}

/// Responds with an error: JSON below `/api`, plain text elsewhere.
pub(super) fn error(req: &Request, res: &mut Response, status: StatusCode, text: &str) {
    if req.uri().path().starts_with("/api/") {
        return message(res, status, text);
    }
    res.status_code(status);
    let headers = res.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    res.body(format!("{text}\n"));
}
