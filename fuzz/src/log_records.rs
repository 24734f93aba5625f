//! OTLP: the bodies that exporters of logs send.

use std::sync::Arc;

use lab_backends::logs;
use lab_backends::otlp::{self, Receivers};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use prost::Message as _;
use serde_json::Value;

use super::push;
use super::server::{Answer, Server};
use super::spans::{JSON, PROTOBUF, says_what_json_cannot, span_store};
use super::worlds::{NOW, SECOND};

/// A store, its receiver and its API.
struct Loki {
    store: Arc<logs::Store>,
    receiver: Server,
    api: Server,
}

impl Loki {
    fn new() -> Self {
        let (store, api) = push::loki();
        let receivers = Receivers::of_traces(span_store()).and_logs(Arc::clone(&store));
        Self {
            receiver: Server::new(otlp::router(&receivers)),
            store,
            api,
        }
    }

    /// Sends a body twice: what came once is not there twice, and every stream is listed.
    fn take(&self, content_type: &str, body: &[u8]) -> Answer {
        let first = self.receiver.post("/v1/logs", content_type, body);
        let kept = self.store.stats();
        if first.is_ok() {
            let second = self.receiver.post("/v1/logs", content_type, body);
            assert_eq!(second.status, first.status, "{second:?}");
            assert_eq!(self.store.stats().entries, kept.entries);
        } else {
            assert_eq!(kept.entries, 0, "{first:?}");
        }
        push::every_stream_is_listed(&self.store, &self.api);
        first
    }

    /// The entries around the time of the store.
    fn entries(&self) -> Value {
        let (start, end) = (NOW - 3600 * SECOND, NOW + 3600 * SECOND);
        let fields = [
            ("query", "{service_name=~\".+\"}"),
            ("start", &start.to_string()),
            ("end", &end.to_string()),
            ("limit", "5000"),
        ];
        let found = self.api.form("/loki/api/v1/query_range", &fields);
        assert!(found.is_ok(), "{found:?}");
        found.json()["data"]["result"].clone()
    }
}

/// JSON: what is accepted twice is there once.
pub fn otlp_logs_json(data: &[u8]) {
    Loki::new().take(JSON, data);
}

/// Protobuf: accepted is what decodes; and the same records as JSON are the same entries.
pub fn otlp_logs_protobuf(data: &[u8]) {
    let loki = Loki::new();
    let answer = loki.take(PROTOBUF, data);
    let Ok(message) = ExportLogsServiceRequest::decode(data) else {
        return assert!(answer.status.is_client_error(), "{answer:?}");
    };
    if !answer.is_ok() || says_what_json_cannot(&message) {
        return;
    }
    let other = Loki::new();
    let again = other.take(JSON, &serde_json::to_vec(&message).expect("JSON"));
    assert_eq!(again.status, answer.status, "{again:?}");
    assert_eq!(other.entries(), loki.entries());
}
