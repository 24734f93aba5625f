//! Bodies of OTLP over HTTP: two encodings, perhaps compressed, of a limited size.

use prost::Message;

use super::budget::{Budget, Spent};
use super::json::{Problem, Reader};
use super::signal::Kind;
use super::status::Failure;
use crate::wire::measure::protobuf;
use crate::wire::unpack::{self, UnpackError};

/// Encoding of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// Reasons why a body cannot be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
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
    pub(crate) fn of(content_type: &str) -> Option<Self> {
        let essence = content_type
            .split_once(';')
            .map_or(content_type, |(e, _)| e);
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/x-protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// Upper bound of the bytes of a decoded request.
    pub(crate) fn measure(
        self,
        body: &[u8],
        kind: &Kind,
        budget: &Budget,
    ) -> Result<usize, Unreadable> {
        match self {
            Self::Protobuf => {
                let size = protobuf(body, kind.shape, budget.most());
                size.map_err(|_| budget.spent().into())
            }
            // An upper bound: every object the largest element, every string one of a list. What
            // it really takes is counted while it is read.
            Self::Json => {
                let braces = body.iter().filter(|byte| **byte == b'{').count();
                let quotes = body.iter().filter(|byte| **byte == b'"').count();
                Ok(body.len() + 2 * kind.largest * braces + size_of::<String>() * 2 * quotes)
            }
        }
    }

    /// Reads a request. `json` reads it from JSON; elements are counted before they are built.
    pub(crate) fn decode<R: Message + Default>(
        self,
        body: &[u8],
        budget: Budget,
        json: impl FnOnce(&mut Reader<'_>) -> Result<R, Problem>,
    ) -> Result<R, Unreadable> {
        match self {
            Self::Protobuf => {
                R::decode(body).map_err(|error| Unreadable::Malformed(format!("proto: {error}")))
            }
            Self::Json => {
                let mut reader = Reader::new(body, budget);
                let request = json(&mut reader).and_then(|request| reader.end().map(|()| request));
                request.map_err(|problem| match problem {
                    Problem::Malformed(reason) => Unreadable::Malformed(reason),
                    Problem::Spent(spent) => spent.into(),
                })
            }
        }
    }

    /// Writes an error.
    pub(crate) fn failure(self, failure: &Failure) -> Vec<u8> {
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
pub(crate) fn too_large(longest: usize) -> String {
    format!("request body too large: more than {longest} bytes")
}

/// Unpacks a gzip body, to a limited size.
pub(crate) fn gunzip(body: &[u8], longest: usize) -> Result<Vec<u8>, Unreadable> {
    unpack::gzip(body, longest).map_err(|error| match error {
        UnpackError::TooLarge(_) => Unreadable::TooLarge(too_large(longest)),
        UnpackError::Malformed(reason) => Unreadable::Malformed(format!("gzip: {reason}")),
    })
}
