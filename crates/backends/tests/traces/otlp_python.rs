//! Spans of an independent client, the OpenTelemetry SDK for Python, come back whole.
//!
//! `OTEL_PYTHON` names a Python that has the SDK; `python3` is tried otherwise. Without one the
//! test fails where `CI` is set and says that it was skipped elsewhere.

use std::process::Command;

use crate::support::traces::Backend;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lab_backends::traces::Limits;
use serde_json::{Value, json};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/otlp_sdk.py");

const MODULES: &str = "import opentelemetry.sdk.trace, \
    opentelemetry.exporter.otlp.proto.grpc.trace_exporter, \
    opentelemetry.exporter.otlp.proto.http.trace_exporter";

/// A Python with the SDK.
fn python() -> Option<String> {
    let python = std::env::var("OTEL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&python).args(["-c", MODULES]).output();
    match tried {
        Ok(output) if output.status.success() => Some(python),
        tried => {
            assert!(
                std::env::var_os("CI").is_none(),
                "CI must have the OpenTelemetry SDK for Python; set OTEL_PYTHON ({tried:?})"
            );
            eprintln!(
                "skipped: {python} has no OpenTelemetry SDK; set OTEL_PYTHON to one that has"
            );
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_of_the_python_sdk_come_back_whole_by_trace_id() {
    let Some(python) = python() else { return };
    let backend = Backend::start(Limits::default()).await;
    let grpc = format!("http://{}", backend.otlp_grpc);
    let http = format!("http://{}/v1/traces", backend.otlp_http);
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(python);
        // Nothing from outside may change where the exporters send to.
        for (name, _) in std::env::vars() {
            if name.starts_with("OTEL_") || name.to_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.args([SCRIPT, &grpc, &http]).output()
    });
    let output = output.await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let sent: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(sent.len(), 3, "gRPC, HTTP, HTTP with gzip");

    for sent in sent {
        let path = format!("/api/traces/{}", sent["trace_id"].as_str().unwrap());
        let trace = backend.json(&path, &[]).await;
        let batches = trace["batches"].as_array().unwrap();
        assert_eq!(batches.len(), 1);
        let resource = attributes(&batches[0]["resource"]);
        let service = format!("python-{}", sent["transport"].as_str().unwrap());
        assert_eq!(resource["service.name"], service.as_str());
        assert_eq!(resource["replica"], 2);
        let scopes = &batches[0]["scopeSpans"];
        assert_eq!(scopes[0]["scope"]["name"], "otlp_sdk");
        assert_eq!(scopes.as_array().unwrap().len(), 1);

        let found = scopes[0]["spans"].as_array().unwrap();
        let mut found: Vec<Value> = found.iter().map(described).collect();
        let mut expected = sent["spans"].as_array().unwrap().clone();
        let id = |span: &Value| span["id"].as_str().unwrap().to_owned();
        found.sort_by_key(id);
        expected.sort_by_key(id);
        assert_eq!(found, expected);
    }
}

/// A span of Tempo's JSON as the script describes it.
fn described(span: &Value) -> Value {
    let empty = Vec::new();
    let list = |name: &str| span[name].as_array().unwrap_or(&empty).clone();
    let status = span["status"]["code"]
        .as_str()
        .unwrap_or("STATUS_CODE_UNSET");
    let events: Vec<Value> = list("events")
        .iter()
        .map(|event| {
            let mut keys: Vec<String> = attributes(event)
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect();
            keys.sort();
            json!([event["name"], number(&event["timeUnixNano"]), keys])
        })
        .collect();
    let links: Vec<Value> = list("links")
        .iter()
        .map(|link| json!([hex(&link["traceId"]), hex(&link["spanId"])]))
        .collect();
    let parent = span.get("parentSpanId").map(hex);
    json!({
        "id": hex(&span["spanId"]),
        "parent": parent,
        "name": span["name"],
        "kind": span["kind"].as_str().unwrap().trim_start_matches("SPAN_KIND_"),
        "start": number(&span["startTimeUnixNano"]),
        "end": number(&span["endTimeUnixNano"]),
        "status": status.trim_start_matches("STATUS_CODE_"),
        "message": span["status"]["message"].as_str().unwrap_or_default(),
        "attributes": attributes(span),
        "events": events,
        "links": links,
    })
}

/// Attributes as a plain object.
fn attributes(of: &Value) -> Value {
    let empty = Vec::new();
    let list = of["attributes"].as_array().unwrap_or(&empty);
    list.iter()
        .map(|pair| {
            (
                pair["key"].as_str().unwrap().to_owned(),
                plain(&pair["value"]),
            )
        })
        .collect()
}

fn plain(value: &Value) -> Value {
    let (kind, inner) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "intValue" => number(inner),
        "arrayValue" => inner["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(plain)
            .collect(),
        _ => inner.clone(),
    }
}

fn number(text: &Value) -> Value {
    text.as_str().unwrap().parse::<i64>().unwrap().into()
}

fn hex(base64: &Value) -> String {
    let bytes = STANDARD.decode(base64.as_str().unwrap()).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
