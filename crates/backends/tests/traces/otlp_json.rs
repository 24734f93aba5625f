//! OTLP/JSON is read as protobuf's JSON mapping says and as the collector reads it: the same bodies,
//! and the same spans out of them.

use std::time::{Duration, SystemTime};

use crate::support::traces::Backend;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab_backends::traces::Limits;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, TracesData};
use prost::Message;
use serde_json::Value;

const JSON: (&str, &str) = ("content-type", "application/json");
const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// Traces with what may be there or not filled in, as bytes, so that NaN equals itself.
fn comparable(mut batches: Vec<ResourceSpans>) -> Vec<u8> {
    for batch in &mut batches {
        let resource = batch.resource.get_or_insert_default();
        for pair in &mut resource.attributes {
            pair.value.get_or_insert_default();
        }
        for scope in &mut batch.scope_spans {
            let attributes = &mut scope.scope.get_or_insert_default().attributes;
            for pair in attributes {
                pair.value.get_or_insert_default();
            }
        }
    }
    let all = TracesData {
        resource_spans: batches,
    };
    let mut bytes = all.encode_to_vec();
    // Go's NaN has other bits than Rust's.
    let (go, rust) = (
        0x7ff8_0000_0000_0001u64.to_le_bytes(),
        f64::NAN.to_le_bytes(),
    );
    for at in 0..bytes.len().saturating_sub(7) {
        if bytes[at..at + 8] == go {
            bytes[at..at + 8].copy_from_slice(&rust);
        }
    }
    bytes
}

/// Takes the traces of some ids out of the store.
fn taken(backend: &Backend, ids: &[u128]) -> Vec<Option<Vec<u8>>> {
    let traces = ids
        .iter()
        .map(|id| backend.store.trace(*id).map(comparable));
    let traces = traces.collect();
    // Everything is too old in two hours.
    let later = SystemTime::now() + Duration::from_secs(7200);
    backend.store.evict_expired(later);
    traces
}

#[tokio::test]
async fn every_recorded_shape_is_read_as_the_collector_does_or_as_the_mapping_says() {
    let recorded: Value = serde_json::from_str(include_str!("../golden/otlp_json.json")).unwrap();
    let recorded = recorded.as_array().unwrap();
    assert!(recorded.len() >= 318, "the recording is whole");
    let backend = Backend::start(Limits::default()).await;
    let mut differences = Vec::new();
    for shape in recorded {
        let (name, body) = (&shape["name"], shape["body"].as_str().unwrap().to_owned());
        let answer = backend.post(&[JSON], body).await;
        let read = !answer.text().contains("json: ");
        if shape["read"] != read || (answer.status == 200 && !read) {
            differences.push(format!("{name}: {} {}", answer.status, answer.text()));
        }
        let Some(collector) = shape["collector"].as_str().filter(|_| read) else {
            taken(&backend, &[]);
            continue;
        };
        let message = STANDARD.decode(collector).unwrap();
        let request = ExportTraceServiceRequest::decode(message.as_slice()).unwrap();
        let scopes = request.resource_spans.iter();
        let spans = scopes
            .flat_map(|batch| &batch.scope_spans)
            .flat_map(|scope| &scope.spans);
        let id = |id: &Vec<u8>| Some(u128::from_be_bytes(id.as_slice().try_into().ok()?));
        let ids: Vec<u128> = spans.filter_map(|span| id(&span.trace_id)).collect();
        let found = taken(&backend, &ids);
        let again = backend.post(&[PROTOBUF], message).await;
        if (again.status, taken(&backend, &ids)) != (answer.status, found) {
            differences.push(format!("{name}: other spans than the collector's"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Tempo 2.10.8 returns the same.
#[tokio::test]
async fn a_name_that_is_not_there_and_a_kind_that_has_no_name_come_back_as_they_were_sent() {
    let backend = Backend::start(Limits::default()).await;
    let body = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
        "traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","kind":99,"status":{"code":9},
        "attributes":[{"value":{"kvlistValue":{"values":[{}]}}}]
    }]}]}]}"#;
    assert_eq!(backend.post(&[JSON], body.to_vec()).await.status, 200);
    let found = backend.json("/api/traces/a", &[]).await;
    let span = found.pointer("/batches/0/scopeSpans/0/spans/0").unwrap();
    assert_eq!(span["kind"], 99);
    assert_eq!(span["status"], serde_json::json!({"code": 9}));
    assert_eq!(
        span["attributes"],
        serde_json::json!([{"value": {"kvlistValue": {"values": [{"value": {}}]}}}])
    );
}

#[tokio::test]
async fn a_byte_that_is_no_utf_8_costs_one_character_and_not_the_request() {
    let backend = Backend::start(Limits::default()).await;
    let mut body = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
        "traceId":"0000000000000000000000000000000a","spanId":"000000000000000b","name":"caf# au lait"
    }]}]}]}"#
        .to_vec();
    let at = body.iter().position(|byte| *byte == b'#').unwrap();
    body[at] = 0xe9;
    assert_eq!(backend.post(&[JSON], body).await.status, 200);
    let found = backend.json("/api/traces/a", &[]).await;
    let name = found.pointer("/batches/0/scopeSpans/0/spans/0/name");
    assert_eq!(name.unwrap(), "caf\u{fffd} au lait");
}
