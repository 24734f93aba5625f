//! A trace by its id.

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, TracesData};
use serde_json::json;

use super::answer::Answer;
use super::json;
use super::params::Params;
use crate::embedded::traces::Store;

/// The answer of the second version of the API: the trace inside a message.
#[derive(Clone, PartialEq, prost::Message)]
struct TraceByIdResponse {
    /// Its field 1 are resource spans, as in OTLP.
    #[prost(message, optional, tag = "1")]
    trace: Option<TracesData>,
}

/// `GET /api/traces/{id}`.
pub(super) fn v1(store: &Store, params: &Params) -> Answer {
    find(store, params, |batches| {
        if params.wants_protobuf() {
            return Answer::protobuf(&TracesData {
                resource_spans: batches,
            });
        }
        Answer::json(&json!({ "batches": json::resource_spans(&batches) }))
    })
}

/// `GET /api/v2/traces/{id}`.
pub(super) fn v2(store: &Store, params: &Params) -> Answer {
    find(store, params, |batches| {
        if params.wants_protobuf() {
            let trace = Some(TracesData {
                resource_spans: batches,
            });
            return Answer::protobuf(&TraceByIdResponse { trace });
        }
        Answer::json(&json!({ "trace": { "resourceSpans": json::resource_spans(&batches) } }))
    })
}

fn find(
    store: &Store,
    params: &Params,
    answer: impl FnOnce(Vec<ResourceSpans>) -> Answer,
) -> Answer {
    let id = match trace_id(&params.path) {
        Ok(id) => id,
        Err(message) => return Answer::bad_request(message),
    };
    // A window narrows the search for blocks in Tempo; here it is only checked.
    if let Err(message) = params.window() {
        return Answer::bad_request(message);
    }
    store.trace(id).map_or_else(Answer::not_found, answer)
}

/// Up to 32 hex digits; leading zeros may be missing.
fn trace_id(text: &str) -> Result<u128, String> {
    let odd = text.chars().zip(1..).find(|(c, _)| !c.is_ascii_hexdigit());
    if let Some((char, position)) = odd {
        return Err(format!(
            "trace IDs can only contain hex characters: invalid character '{char}' at position \
             {position}"
        ));
    }
    if text.len() > 32 {
        return Err("trace IDs can't be larger than 128 bits".to_owned());
    }
    u128::from_str_radix(text, 16).map_err(|_| "please provide a traceID".to_owned())
}
