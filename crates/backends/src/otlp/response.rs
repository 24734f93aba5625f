//! The response to an export. Those of all signals have the same form in protobuf; in JSON the number of
//! refused elements has a name of its own.

use prost::Message;

use super::body::Encoding;
use super::signal::{Kind, Partial};

/// `ExportTraceServiceResponse`, `ExportLogsServiceResponse`, `ExportMetricsServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

impl From<Partial> for ExportResponse {
    fn from(partial: Partial) -> Self {
        Self {
            partial_success: Some(PartialSuccess {
                rejected: i64::try_from(partial.rejected).unwrap_or(i64::MAX),
                error_message: partial.message,
            }),
        }
    }
}

/// Writes the response to a request of a signal.
pub(crate) fn write(kind: &Kind, encoding: Encoding, partial: Partial) -> Vec<u8> {
    if encoding == Encoding::Protobuf {
        return ExportResponse::from(partial).encode_to_vec();
    }
    let mut object = serde_json::Map::new();
    if partial.rejected != 0 {
        let rejected = partial.rejected.to_string();
        object.insert(kind.rejected.to_owned(), rejected.into());
    }
    if !partial.message.is_empty() {
        object.insert("errorMessage".to_owned(), partial.message.into());
    }
    serde_json::json!({ "partialSuccess": object })
        .to_string()
        .into_bytes()
}
