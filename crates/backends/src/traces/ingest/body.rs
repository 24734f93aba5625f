//! Bodies of OTLP over HTTP: two encodings, perhaps compressed, of a limited size.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use super::status::Failure;
use super::{json, measure};
use crate::traces::store::budget::{Budget, Spent};
use crate::wire::measure::protobuf;
use crate::wire::unpack::{self, UnpackError};

/// Encoding of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// Reasons why a body cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// Too large, and in what way.
    TooLarge(String),
    Malformed(String),
}

impl From<Spent> for Unreadable {
    fn from(spent: Spent) -> Self {
        Self::TooLarge(spent.to_string())
    }
}

impl Encoding {
    /// The encoding that a content type names, parameters aside.
    pub(super) fn of(content_type: &str) -> Option<Self> {
        let essence = content_type
            .split_once(';')
            .map_or(content_type, |(e, _)| e);
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/x-protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// Upper bound of the bytes of a decoded request.
    pub(super) fn measure(self, body: &[u8], most: usize) -> Result<usize, Unreadable> {
        match self {
            Self::Protobuf => Ok(protobuf(body, &measure::REQUEST, most).map_err(Spent::from)?),
            // An upper bound: every object the largest element, every string one of a list. What
            // it really takes is counted while it is read.
            Self::Json => {
                let braces = body.iter().filter(|byte| **byte == b'{').count();
                let quotes = body.iter().filter(|byte| **byte == b'"').count();
                Ok(body.len() + 2 * size_of::<Span>() * braces + size_of::<String>() * 2 * quotes)
            }
        }
    }

    /// Reads a request.
    pub(super) fn decode(
        self,
        body: &[u8],
        budget: Budget,
    ) -> Result<ExportTraceServiceRequest, Unreadable> {
        match self {
            Self::Protobuf => ExportTraceServiceRequest::decode(body)
                .map_err(|error| Unreadable::Malformed(format!("proto: {error}"))),
            Self::Json => json::read(body, budget).map_err(|failure| match failure {
                json::Failure::Malformed(reason) => Unreadable::Malformed(reason),
                json::Failure::TooLarge(spent) => spent.into(),
            }),
        }
    }

    /// Writes an answer.
    pub(super) fn response(self, response: &ExportTraceServiceResponse) -> Vec<u8> {
        if self == Self::Protobuf {
            return response.encode_to_vec();
        }
        let partial = response.partial_success.clone().unwrap_or_default();
        let mut object = serde_json::Map::new();
        if partial.rejected_spans != 0 {
            let rejected = partial.rejected_spans.to_string();
            object.insert("rejectedSpans".to_owned(), rejected.into());
        }
        if !partial.error_message.is_empty() {
            object.insert("errorMessage".to_owned(), partial.error_message.into());
        }
        serde_json::json!({ "partialSuccess": object })
            .to_string()
            .into_bytes()
    }

    /// Writes an error.
    pub(super) fn failure(self, failure: &Failure) -> Vec<u8> {
        let status = failure.rpc_status();
        match self {
            Self::Protobuf => status.encode_to_vec(),
            Self::Json => serde_json::json!({ "code": status.code, "message": status.message })
                .to_string()
                .into_bytes(),
        }
    }
}

/// Says that a body has too many bytes.
pub(super) fn too_large(longest: usize) -> String {
    format!("request body too large: more than {longest} bytes")
}

/// Unpacks a gzip body, to a limited size.
pub(super) fn gunzip(body: &[u8], longest: usize) -> Result<Vec<u8>, Unreadable> {
    unpack::gzip(body, longest).map_err(|error| match error {
        UnpackError::TooLarge(_) => Unreadable::TooLarge(too_large(longest)),
        UnpackError::Malformed(reason) => Unreadable::Malformed(format!("gzip: {reason}")),
    })
}
