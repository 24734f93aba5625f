//! A trace by its id.

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::TracesData;

use super::json::{Frame, TraceJson};
use super::params::Params;
use super::response::ApiResponse;
use crate::traces::Store;
use crate::wire::{Stop, integer};

/// The response of the second version of the API: the trace inside a message.
#[derive(Clone, PartialEq, prost::Message)]
struct TraceByIdResponse {
    /// Its field 1 are resource spans, as in OTLP.
    #[prost(message, optional, tag = "1")]
    trace: Option<TracesData>,
}

const V1: Frame = Frame {
    before: r#"{"batches":["#,
    after: "]}",
};
const V2: Frame = Frame {
    before: r#"{"trace":{"resourceSpans":["#,
    after: r#"]},"metrics":{}}"#,
};

/// `GET /api/traces/{id}`.
pub(super) fn v1(store: &Arc<Store>, params: &Params, _stop: &Stop) -> ApiResponse {
    let id = match requested_id(params) {
        Ok(id) => id,
        Err(message) => return ApiResponse::bad_request(message),
    };
    if params.wants_protobuf() {
        return match store.trace(id) {
            Some(resource_spans) => ApiResponse::protobuf(&TracesData { resource_spans }),
            None => ApiResponse::not_found(),
        };
    }
    match TraceJson::new(store, id, V1) {
        Some(trace) => ApiResponse::trace(store, trace),
        None => ApiResponse::not_found(),
    }
}

/// `GET /api/v2/traces/{id}`. A trace that is not there is an empty one.
pub(super) fn v2(store: &Arc<Store>, params: &Params, _stop: &Stop) -> ApiResponse {
    let id = match requested_id(params) {
        Ok(id) => id,
        Err(message) => return ApiResponse::bad_request(message),
    };
    if params.wants_protobuf() {
        let resource_spans = store.trace(id).unwrap_or_default();
        let trace = Some(TracesData { resource_spans });
        return ApiResponse::protobuf(&TraceByIdResponse { trace });
    }
    match TraceJson::new(store, id, V2) {
        Some(trace) => ApiResponse::trace(store, trace),
        None => ApiResponse::json(&serde_json::json!({ "trace": {}, "metrics": {} })),
    }
}

fn requested_id(params: &Params) -> Result<u128, String> {
    let id = trace_id(&params.path)?;
    // A window narrows the search for blocks in Tempo; here it is only checked.
    let read = |name: &str| {
        let read = params
            .get(name)
            .map_or(Ok(0), |text| integer::parse::<i64>("ParseInt", text));
        read.map_err(|problem| format!("invalid {name}: {problem}"))
    };
    let (start, end) = (read("start")?, read("end")?);
    if start != 0 && end != 0 && end <= start {
        return Err(format!(
            "http parameter start must be before end. received start={start} end={end}"
        ));
    }
    Ok(id)
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
