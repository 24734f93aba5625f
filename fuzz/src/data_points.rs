//! OTLP: the bodies that exporters of metrics send.

use std::sync::Arc;

use lab_backends::metrics;
use lab_backends::otlp::{self, Receivers};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;

use super::samples;
use super::server::{Answer, Server};
use super::spans::{JSON, PROTOBUF, says_what_json_cannot, span_store};

/// A store, its receiver and its API.
struct Prometheus {
    store: Arc<metrics::Store>,
    receiver: Server,
    api: Server,
}

impl Prometheus {
    fn new() -> Self {
        let store = samples::store();
        let receivers = Receivers::of_traces(span_store()).and_metrics(Arc::clone(&store));
        Self {
            receiver: Server::new(otlp::router(&receivers)),
            api: samples::prometheus(&store),
            store,
        }
    }

    /// Sends a body twice: what came once is not there twice, in bounded memory.
    fn take(&self, content_type: &str, body: &[u8]) -> Answer {
        let first = self.receiver.post("/v1/metrics", content_type, body);
        let kept = self.store.stats();
        assert!(kept.bytes <= 16 << 20, "{kept:?}");
        if first.is_ok() {
            let second = self.receiver.post("/v1/metrics", content_type, body);
            assert_eq!(second.status, first.status, "{second:?}");
            assert_eq!(self.store.stats().samples_ingested, kept.samples_ingested);
        }
        if kept.samples_ingested > 0 {
            assert!(samples::listed(&self.api) > 0, "{first:?}");
        }
        first
    }

    /// Series, samples and exemplars that are kept.
    fn kept(&self) -> (u64, u64, u64) {
        let kept = self.store.stats();
        (kept.series, kept.samples_ingested, kept.exemplars)
    }
}

/// JSON: what is accepted twice is there once.
pub fn otlp_metrics_json(data: &[u8]) {
    Prometheus::new().take(JSON, data);
}

/// Protobuf: accepted is what decodes; and the same points as JSON are the same series.
pub fn otlp_metrics_protobuf(data: &[u8]) {
    let prometheus = Prometheus::new();
    let answer = prometheus.take(PROTOBUF, data);
    let Ok(message) = ExportMetricsServiceRequest::decode(data) else {
        return assert!(answer.status.is_client_error(), "{answer:?}");
    };
    if !answer.is_ok() || says_what_json_cannot(&message) {
        return;
    }
    let other = Prometheus::new();
    let again = other.take(JSON, &serde_json::to_vec(&message).expect("JSON"));
    assert_eq!(again.status, answer.status, "{again:?}");
    assert_eq!(other.kept(), prometheus.kept());
}
