//! Bodies of pushes, as Promtail and others send them.

use std::io::Write;

use lab_backends::logs::ingest::{
    EntryProto, LabelProto, PushRequestProto, StreamProto, TimestampProto,
};
use prost::Message;
use serde_json::json;

use super::logs::{Backend, Response, SECOND};

/// A push of one entry, with `trace_id` as metadata.
pub fn protobuf(labels: &str, ts: i64, line: &str) -> Vec<u8> {
    let request = PushRequestProto {
        streams: vec![StreamProto {
            labels: labels.to_owned(),
            entries: vec![EntryProto {
                timestamp: Some(TimestampProto {
                    seconds: ts / SECOND,
                    nanos: i32::try_from(ts % SECOND).unwrap(),
                }),
                line: line.into(),
                structured_metadata: vec![LabelProto {
                    name: "trace_id".into(),
                    value: "abc".into(),
                }],
            }],
        }],
    };
    request.encode_to_vec()
}

pub fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Sends a push.
pub async fn push(backend: &Backend, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
    backend
        .request("POST", "/loki/api/v1/push", headers, body)
        .await
}

/// A push of one entry.
pub fn json_of(pairs: serde_json::Value, ts: i64, line: &str) -> String {
    json!({"streams": [{"stream": pairs, "values": [[ts.to_string(), line]]}]}).to_string()
}

pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub const JSON: (&str, &str) = ("content-type", "application/json");
