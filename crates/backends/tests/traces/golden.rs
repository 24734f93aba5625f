//! Every request that was recorded on a real Tempo is answered alike by the embedded one.

use crate::support::shop;
use crate::support::traces::{Backend, Response, query, send};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use lab_backends::traces::{Limits, lang};
use prost::Message;
use serde_json::{Map, Value};

/// The start of `google.rpc.Status`, the protobuf error of OTLP.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_request_is_answered_as_tempo_did() {
    let input = read(include_str!("../golden/input.json"));
    let recorded = read(include_str!("../golden/tempo.json"));
    let backend = Backend::start(Limits::default()).await;
    backend.ingest(&input["otlp_traces"]).await;

    let recorded = recorded.as_array().unwrap();
    assert!(recorded.len() >= 35, "the recording is whole");
    let mut differences = Vec::new();
    for case in recorded {
        let answer = send_recorded(&backend, case).await;
        if let Err(difference) = compare(case, &answer) {
            differences.push(format!(
                "{} {} {}\n  {difference}\n  answered: {} {:?} {}",
                case["method"],
                case["path"],
                case["params"],
                answer.status,
                answer.content_type(),
                answer.text(),
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Which spans of which traces were found, by spanset, with what was computed of each set.
fn found(answer: &Response) -> String {
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let set = |set: &Value| {
        let id = |span: &Value| u64::from_str_radix(span["spanID"].as_str().unwrap(), 16).unwrap();
        let mut ids: Vec<u64> = list(&set["spans"]).iter().map(id).collect();
        ids.sort_unstable();
        let ids: Vec<String> = ids.iter().map(|id| format!("{id:x}")).collect();
        let attribute = |a: &Value| {
            // The recording has a double as a float, whether it was written as 2 or as 2.0.
            let value = match a["value"]["doubleValue"].as_f64() {
                Some(number) => serde_json::json!({"doubleValue": number}),
                None => a["value"].clone(),
            };
            format!("{}={value}", a["key"].as_str().unwrap())
        };
        let mut attributes: Vec<String> = list(&set["attributes"]).iter().map(attribute).collect();
        attributes.sort();
        match attributes.as_slice() {
            [] => ids.join(","),
            _ => format!("{}{{{}}}", ids.join(","), attributes.join(";")),
        }
    };
    let trace = |trace: &Value| {
        let mut sets: Vec<String> = list(&trace["spanSets"]).iter().map(set).collect();
        sets.sort();
        format!("{}:{}", trace["traceID"].as_str().unwrap(), sets.join("|"))
    };
    let mut traces: Vec<String> = list(&answer["traces"]).iter().map(trace).collect();
    traces.sort();
    traces.join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_traceql_query_finds_the_same_spans() {
    let recorded = read(include_str!("../golden/traceql.json"));
    let backend = Backend::start(Limits::default()).await;
    backend.ingest(&recorded["world"]).await;
    let searched = recorded["searched"].as_array().unwrap();
    assert!(searched.len() > 2_700, "the recording is whole");
    let mut differences = Vec::new();
    for case in searched {
        let (query, expected) = (case[0].as_str().unwrap(), case[1].as_str().unwrap());
        let params = [("q", query), ("limit", "100"), ("spss", "50")];
        let answer = backend.get("/api/search", &params).await;
        let ours = match answer.status.as_u16() {
            200 => found(&answer),
            _ => answer.text().replacen("invalid TraceQL query: ", "! ", 1),
        };
        if ours != expected {
            differences.push(format!("{query}\n  ours   {ours}\n  Tempo  {expected}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_recorded_text_is_read_or_refused_as_tempo_does() {
    let recorded = read(include_str!("../golden/traceql.json"));
    let parsed = recorded["parsed"].as_array().unwrap();
    assert!(parsed.len() > 1_000, "the recording is whole");
    let mut differences = Vec::new();
    for case in parsed {
        let (query, is_traceql) = (case[0].as_str().unwrap(), &case[1]);
        let parsed = lang::parse(query);
        let alike = match is_traceql.as_bool() {
            // What makes no sense is still TraceQL.
            Some(true) => !matches!(parsed, Err(lang::QueryError::Syntax { .. })),
            _ => parsed.is_err(),
        };
        if !alike {
            differences.push(format!("{query}: Tempo says {is_traceql}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn send_recorded(backend: &Backend, case: &Value) -> Response {
    let path = case["path"].as_str().unwrap();
    let params: Vec<(String, String)> = match case["params"].as_object() {
        None => Vec::new(),
        Some(params) => params
            .iter()
            .map(|(name, value)| {
                let text = value.as_str().map(str::to_owned);
                (name.clone(), text.unwrap_or_else(|| value.to_string()))
            })
            .collect(),
    };
    let params: Vec<(&str, &str)> = params
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    if case["method"] == "GET" {
        return backend.get(path, &params).await;
    }
    let uri = format!("http://{}{path}{}", backend.otlp_http, query(&params));
    let content_type = case["request_content_type"].as_str().unwrap();
    let body = case["request_body"].as_str().unwrap().to_owned();
    let request = Request::post(uri)
        .header("content-type", content_type)
        .header("accept", "application/json")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    send(request).await
}

/// Compares by the rules of the recording: order is free where none is promised, versions and the
/// wording of errors may differ.
fn compare(case: &Value, answer: &Response) -> Result<(), String> {
    let status = case["status"].as_u64().unwrap();
    if u64::from(answer.status.as_u16()) != status {
        return Err(format!("status should be {status}"));
    }
    let content_type = case["content_type"].as_str();
    if answer.content_type() != content_type {
        return Err(format!("content type should be {content_type:?}"));
    }
    let expected = &case["body"];
    if content_type == Some("application/x-protobuf") {
        let wanted = Status::decode(expected.as_str().unwrap().as_bytes()).unwrap();
        let found = Status::decode(answer.body.as_ref()).map_err(|e| e.to_string())?;
        let alike = found.code == wanted.code && found.message.starts_with("proto: ");
        return alike.then_some(()).ok_or(format!("{found:?} {wanted:?}"));
    }
    if content_type != Some("application/json") {
        let expected = expected.as_str().unwrap();
        let found = answer.text();
        let alike = found == expected;
        return alike.then_some(()).ok_or(format!("should be {expected:?}"));
    }
    let mut found: Value = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
    let mut expected = expected.clone();
    if case["path"] == "/api/status/buildinfo" {
        let names = |v: &Value| -> Vec<String> { v.as_object().unwrap().keys().cloned().collect() };
        let (mut a, mut b) = (names(&found), names(&expected));
        a.sort();
        b.sort();
        return (a == b).then_some(()).ok_or(format!("should have {b:?}"));
    }
    if status >= 400 {
        // Go's JSON parser words its errors in its own way.
        let same = found["code"] == expected["code"];
        let message = found["message"].as_str().unwrap_or_default();
        let wanted = expected["message"].as_str().unwrap();
        let alike = wanted.starts_with("ReadObject") || message == wanted;
        return (same && alike && !message.is_empty())
            .then_some(())
            .ok_or(format!("should be {expected}"));
    }
    normalize(&mut found);
    normalize(&mut expected);
    (found == expected)
        .then_some(())
        .ok_or(format!("should be {expected}"))
}

/// Sorts the lists whose order is not promised, and leaves out what the recording leaves out.
fn normalize(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::Object(object) => {
            object.remove("metrics");
            for (name, inner) in object.iter_mut() {
                normalize(inner);
                let unordered = [
                    "attributes",
                    "batches",
                    "resourceSpans",
                    "tagValues",
                    "scopes",
                ];
                if let (true, Value::Array(items)) = (unordered.contains(&name.as_str()), inner) {
                    items.sort_by_key(|item| item.to_string());
                }
            }
            let sorted: Map<String, Value> = std::mem::take(object).into_iter().collect();
            *object = sorted;
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_status_and_the_counters_are_told() {
    let backend = shop::backend().await;
    let text = async |path: &str| {
        let answer = backend.get(path, &[]).await;
        assert_eq!(answer.status, 200, "{path}");
        answer.text()
    };
    let version = text("/status/version").await;
    assert!(version.contains("tempo, version 2.10.8"), "{version}");
    let config = text("/status/config").await;
    assert!(config.contains("block_retention: 1h0m0s"), "{config}");
    assert_eq!(text("/status").await, version + &config);
    assert_eq!(backend.get("/status/nothing", &[]).await.status, 404);
    let counters = text("/metrics").await;
    let received = "tempo_distributor_spans_received_total{tenant=\"single-tenant\"} 6\n";
    assert!(counters.contains(received), "{counters}");
}
