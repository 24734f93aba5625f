//! OTLP over HTTP: `POST /v1/traces`, `/v1/logs`, `/v1/metrics`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use salvo::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use salvo::http::{ResBody, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};
use tonic::Code;

use super::body::{Encoding, Unreadable, too_large as too_large_text};
use super::gate::Gate;
use super::intake::{Body, take_in};
use super::receivers::Receivers;
use super::response;
use super::signal::{Rejected, Signal};
use super::status::Failure;
use crate::wire::intake::BodyError;

/// When a body may come again for which there was no room.
const BUSY: Duration = Duration::from_secs(1);

const TEXT: &str = "text/plain";
const UNSUPPORTED: &str =
    "415 unsupported media type, supported: [application/json, application/x-protobuf]";
const WRONG_METHOD: &str = "405 method not allowed, supported: [POST]";

/// The routes that an OTLP receiver has on port 4318, one for each signal that is taken.
#[must_use]
pub fn router(receivers: &Receivers) -> Router {
    let route = |signal: &Arc<dyn Signal>| {
        Router::with_path(signal.kind().path).goal(Receiver {
            gate: receivers.gate().clone(),
            signal: Arc::clone(signal),
        })
    };
    let signals = receivers.signals().iter();
    signals.fold(Router::new(), |router, signal| router.push(route(signal)))
}

struct Receiver {
    gate: Gate,
    signal: Arc<dyn Signal>,
}

#[async_trait]
impl Handler for Receiver {
    async fn handle(
        &self,
        request: &mut Request,
        _depot: &mut Depot,
        response: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        if request.method() != "POST" {
            render(response, StatusCode::METHOD_NOT_ALLOWED, TEXT, WRONG_METHOD);
            return;
        }
        let content_type = header(request, CONTENT_TYPE);
        let Some(encoding) = Encoding::of(&content_type) else {
            render(
                response,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                TEXT,
                UNSUPPORTED,
            );
            return;
        };
        let (status, body) = match self.receive(request, encoding).await {
            Ok(answer) => (StatusCode::OK, answer),
            Err((status, failure)) => {
                if let Some(wait) = failure.retry_after {
                    let seconds = wait.as_secs_f64().ceil().max(1.0) as u64;
                    response.headers_mut().insert(RETRY_AFTER, seconds.into());
                }
                (status, encoding.failure(&failure))
            }
        };
        render(response, status, encoding.content_type(), body);
    }
}

impl Receiver {
    async fn receive(
        &self,
        request: &mut Request,
        encoding: Encoding,
    ) -> Result<Vec<u8>, (StatusCode, Failure)> {
        let longest = self.gate.intake().most_unpacked();
        let too_large = |message: String| {
            self.signal.count_too_large();
            let failure = Failure::exhausted(message, None);
            (StatusCode::PAYLOAD_TOO_LARGE, failure)
        };
        let too_long = || too_large(too_large_text(longest));
        let malformed = |message: String| {
            self.signal.count_malformed();
            (StatusCode::BAD_REQUEST, Failure::invalid(message))
        };
        let gzip = match header(request, CONTENT_ENCODING).as_str() {
            "" | "identity" => false,
            "gzip" => true,
            other => return Err(malformed(format!("unsupported Content-Encoding: {other}"))),
        };
        let whole = match self.gate.intake().read(request).await {
            Ok(whole) => whole,
            Err(BodyError::TooLarge(_)) => return Err(too_long()),
            Err(busy @ BodyError::Busy) => {
                let failure = Failure::exhausted(busy.to_string(), Some(BUSY));
                return Err((StatusCode::SERVICE_UNAVAILABLE, failure));
            }
            Err(unread) => return Err(malformed(unread.to_string())),
        };
        let body = Body {
            bytes: whole.bytes.clone(),
            encoding,
            gzip: gzip.then_some(longest),
        };
        let taken = take_in(&self.gate, &self.signal, body).await;
        drop(whole);
        match taken {
            Ok(partial) => Ok(response::write(self.signal.kind(), encoding, partial)),
            Err(Rejected::Unreadable(Unreadable::TooLarge(message))) => Err(too_large(message)),
            Err(Rejected::Unreadable(Unreadable::Malformed(reason))) => Err(malformed(reason)),
            Err(Rejected::Refused(failure)) => Err((http_status(failure.code), failure)),
        }
    }
}

/// The HTTP status that the OTLP specification gives to a gRPC code.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn header(request: &Request, name: HeaderName) -> String {
    let value = request.headers().get(name);
    let text = value.and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}

fn render(
    response: &mut Response,
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) {
    response.status_code(status);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.body(ResBody::Once(body.into()));
}
