//! The paths at which Loki and Prometheus themselves take OTLP. They are stricter about headers than a
//! collector, and have their own texts.

use std::sync::Arc;

use salvo::Request;
use salvo::http::StatusCode;
use salvo::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use tonic::Code;

use super::body::{Encoding, Unreadable};
use super::gate::Gate;
use super::intake::{Body, take_in};
use super::signal::{Partial, Rejected, Signal};
use super::status::Failure;
use crate::wire::intake::BodyError;

/// A signal at the path of a server.
#[derive(Clone)]
pub(crate) struct OwnPath {
    pub(crate) gate: Gate,
    pub(crate) signal: Arc<dyn Signal>,
    /// The server's text about a content type that it does not know.
    pub(crate) unknown_type: fn(&str) -> String,
    /// The server's text about a content encoding that it does not know.
    pub(crate) unknown_encoding: fn(&str) -> String,
}

/// The status and the text of a failure.
pub(crate) type Failed = (StatusCode, String);

impl OwnPath {
    /// Reads and stores a request; says also which encoding it has.
    ///
    /// # Errors
    /// [`Failed`], and then nothing is stored.
    pub(crate) async fn receive(&self, req: &mut Request) -> Result<(Partial, Encoding), Failed> {
        let malformed = |text: String| {
            self.signal.count_malformed();
            (StatusCode::BAD_REQUEST, text)
        };
        let too_large = |text: String| {
            self.signal.count_too_large();
            (StatusCode::PAYLOAD_TOO_LARGE, text)
        };
        let content_type = header(req, CONTENT_TYPE);
        // Parameters are not understood.
        let encoding = match content_type.as_str() {
            "application/x-protobuf" => Encoding::Protobuf,
            "application/json" => Encoding::Json,
            other => return Err(malformed((self.unknown_type)(other))),
        };
        let intake = self.gate.intake();
        let gzip = match header(req, CONTENT_ENCODING).as_str() {
            "" => None,
            "gzip" => Some(intake.most_unpacked()),
            other => return Err(malformed((self.unknown_encoding)(other))),
        };
        let whole = match intake.read(req).await {
            Ok(whole) => whole,
            Err(unread @ BodyError::TooLarge(_)) => return Err(too_large(unread.to_string())),
            Err(unread @ BodyError::Slow) => {
                return Err((StatusCode::REQUEST_TIMEOUT, unread.to_string()));
            }
            Err(unread @ BodyError::Busy) => {
                return Err((StatusCode::SERVICE_UNAVAILABLE, unread.to_string()));
            }
            Err(unread @ BodyError::Broken(_)) => return Err(malformed(unread.to_string())),
        };
        let body = Body {
            bytes: whole.bytes.clone(),
            encoding,
            gzip,
        };
        let taken = take_in(&self.gate, &self.signal, body).await;
        drop(whole);
        match taken {
            Ok(partial) => Ok((partial, encoding)),
            Err(Rejected::Unreadable(Unreadable::TooLarge(text))) => Err(too_large(text)),
            Err(Rejected::Unreadable(Unreadable::Malformed(text))) => Err(malformed(text)),
            Err(Rejected::Refused(failure)) => Err((status(&failure), failure.message)),
        }
    }
}

fn status(failure: &Failure) -> StatusCode {
    match failure.code {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::FailedPrecondition => StatusCode::UNPROCESSABLE_ENTITY,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn header(req: &Request, name: HeaderName) -> String {
    let value = req.headers().get(name);
    let text = value.and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}
