//! Bodies of requests and responses of the lab's own routes.

use salvo::http::{ParseError, StatusCode};
use salvo::{Request, Response};
use serde::de::{DeserializeOwned, Error as _};
use serde_json::Value;

use crate::console::answer;
use crate::unique::Unique;

/// What is not done: the status, the reason and what to do.
pub(super) type Refused = (StatusCode, String);

/// The body of a request, JSON of a few fields in `largest` bytes at most.
///
/// # Errors
/// 413 when it is larger, 400 when it cannot be read, is something else or has a field twice.
pub(super) async fn json<T: DeserializeOwned>(
    req: &mut Request,
    largest: usize,
) -> Result<T, Refused> {
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    let text = match req.payload_with_max_size(largest).await {
        Ok(text) => text,
        Err(ParseError::PayloadTooLarge) => {
            let text = format!("the body may have {largest} bytes");
            return Err((StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Err(error) => return Err(bad(format!("the body cannot be read: {error}"))),
    };
    let unexpected = |error: serde_json::Error| {
        bad(format!(
            "the body is not the JSON that is expected: {error}"
        ))
    };
    let Unique(body) = serde_json::from_slice(text).map_err(unexpected)?;
    // A list would be taken for the fields in their order.
    if body.is_array() {
        return Err(unexpected(serde_json::Error::custom(
            "a list, and no object",
        )));
    }
    serde_json::from_value(body).map_err(unexpected)
}

/// Writes what came of a request.
pub(super) fn write(res: &mut Response, outcome: Result<Value, Refused>) {
    match outcome {
        Ok(value) => answer::fresh(res, &value),
        Err((status, text)) => answer::message(res, status, &text),
    }
}
