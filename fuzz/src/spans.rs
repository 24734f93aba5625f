//! OTLP: the bodies that exporters of traces send.

use std::sync::Arc;

use http::Request;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::Value;

use lab_backends::otlp::{self, Receivers};
use lab_backends::traces::{Limits, Store, api};

use super::server::{Answer, Server};

pub(super) const PROTOBUF: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";

/// A store for spans.
pub(super) fn span_store() -> Arc<Store> {
    Arc::new(Store::new(Limits::for_store_of(16 << 20)))
}

/// Whether a message has a number that JSON has none for: serde writes null.
pub(super) fn says_what_json_cannot(message: &impl std::fmt::Debug) -> bool {
    let shown = format!("{message:?}");
    ["NaN", "inf"].iter().any(|it| shown.contains(it))
}

/// A store, its receiver and its API.
struct Tempo {
    receiver: Server,
    api: Server,
}

impl Tempo {
    fn new() -> Self {
        let store = span_store();
        Self {
            receiver: Server::new(otlp::router(&Receivers::of_traces(Arc::clone(&store)))),
            api: Server::new(api::router(store)),
        }
    }

    fn take(&self, content_type: &str, body: &[u8]) -> Answer {
        self.receiver.post("/v1/traces", content_type, body)
    }

    /// The traces that are kept, by id.
    fn ids(&self) -> Vec<String> {
        let params = [("q", "{}"), ("limit", "1000")];
        let found = self.api.get("/api/search", &params).expect("a request");
        assert!(found.is_ok(), "{found:?}");
        let found = found.json();
        let traces = found["traces"].as_array().cloned().unwrap_or_default();
        let id = |trace: &Value| trace["traceID"].as_str().expect("an id").to_owned();
        let mut ids: Vec<_> = traces.iter().map(id).collect();
        ids.sort();
        ids
    }

    /// A trace as JSON.
    fn trace(&self, id: &str) -> Value {
        let path = format!("/api/v2/traces/{id}");
        let found = self.api.get(&path, &[]).expect("a request");
        assert!(found.is_ok(), "{id}: {found:?}");
        found.json()
    }

    /// A trace as protobuf, which an exporter could send as well.
    fn sendable(&self, id: &str) -> Vec<u8> {
        let request = Request::get(format!("/api/traces/{id}"));
        let request = request.header("accept", "application/protobuf");
        let found = self.api.send(request.body(Vec::new()).expect("a request"));
        assert!(found.is_ok(), "{id}: {found:?}");
        found.body.to_vec()
    }

    fn traces(&self) -> Vec<(String, Value)> {
        let ids = self.ids().into_iter();
        ids.map(|id| (id.clone(), self.trace(&id))).collect()
    }
}

/// What is kept can be read, and when it is sent as it was read, it reads the same again.
fn is_kept_whole(tempo: &Tempo) {
    let second = Tempo::new();
    let traces = tempo.traces();
    for (id, _) in &traces {
        let answer = second.take(PROTOBUF, &tempo.sendable(id));
        assert!(answer.is_ok(), "{answer:?}");
    }
    assert_eq!(second.traces(), traces);
}

/// JSON: what is accepted is kept whole.
pub fn otlp_json(data: &[u8]) {
    let tempo = Tempo::new();
    if tempo.take(JSON, data).is_ok() {
        is_kept_whole(&tempo);
    }
}

/// Protobuf: accepted is what decodes; it is kept whole; and the same spans as JSON are the same spans.
pub fn otlp_protobuf(data: &[u8]) {
    let tempo = Tempo::new();
    let answer = tempo.take(PROTOBUF, data);
    let Ok(message) = ExportTraceServiceRequest::decode(data) else {
        return assert!(answer.status.is_client_error(), "{answer:?}");
    };
    if !answer.is_ok() {
        return;
    }
    is_kept_whole(&tempo);
    if says_what_json_cannot(&message) {
        return;
    }
    let other = Tempo::new();
    let json = serde_json::to_vec(&message).expect("JSON");
    let again = other.take(JSON, &json);
    assert_eq!(again.status, answer.status, "{again:?}");
    assert_eq!(other.traces(), tempo.traces());
}
