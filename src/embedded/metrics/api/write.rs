//! `/write`: the [remote-write 1.0](https://prometheus.io/docs/specs/prw/remote_write_spec/) receiver.
//!
//! A sender of [2.0](https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/) is answered 415 by the content type
//! it names, and falls back to 1.0. Native histograms are refused by name; what else a batch brings is kept.

use std::sync::Arc;

use prost::Message;
use salvo::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use salvo::http::{HeaderMap, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use crate::embedded::metrics::labels::Labels;
use crate::embedded::metrics::now_ms;
use crate::embedded::metrics::store::{Appended, Exemplar, Store};

/// Stores pushed series.
pub(super) struct RemoteWrite {
    pub(super) store: Arc<Store>,
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<WireExemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<NativeHistogram>,
}

/// Only counted: its fields are skipped.
#[derive(Clone, PartialEq, Message)]
struct NativeHistogram {}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct WireExemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

/// Largest body, before and after decompression. A sender's batch is a tenth of it, and decoded messages
/// take many times their size on the wire.
const MAX_BODY_BYTES: usize = 4 << 20;

/// The message of remote write 1.0.
const MESSAGE: &str = "prometheus.WriteRequest";

type Refusal = (StatusCode, String);

fn bad(text: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, text.into())
}

#[async_trait]
impl Handler for RemoteWrite {
    async fn handle(
        &self,
        req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        let outcome = self.receive(req).await;
        match outcome {
            Ok(()) => res.status_code(StatusCode::NO_CONTENT),
            Err((status, text)) => {
                res.body(text + "\n");
                res.status_code(status)
            }
        };
    }
}

/// Refuses what is not a message of remote write 1.0 in snappy, by its headers, as Prometheus does. Without
/// headers it is taken for one.
fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name| {
        let value = headers.get(name).map(|value| value.to_str());
        value.transpose().map(Option::unwrap_or_default)
    };
    let unsupported = |text: String| (StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    let unreadable = |_| unsupported("a header that is not ASCII text".to_owned());
    let kind = text(CONTENT_TYPE).map_err(unreadable)?;
    let mut parts = kind.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if !kind.is_empty() && !media.eq_ignore_ascii_case("application/x-protobuf") {
        return Err(unsupported(format!(
            "expected application/x-protobuf as the first (media) part, got {kind} content-type"
        )));
    }
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        if name.trim().eq_ignore_ascii_case("proto") && value.trim() != MESSAGE {
            return Err(unsupported(format!(
                "{} protobuf message is not accepted by this server; only accepts {MESSAGE}",
                value.trim()
            )));
        }
    }
    let encoding = text(CONTENT_ENCODING).map_err(unreadable)?;
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("snappy") {
        return Err(unsupported(format!(
            "{encoding} encoding (compression) is not accepted by this server; only snappy is acceptable"
        )));
    }
    Ok(())
}

impl RemoteWrite {
    async fn receive(&self, req: &mut Request) -> Result<(), Refusal> {
        check_headers(req.headers()).inspect_err(|_| self.store.count_refused_request())?;
        let limit = self.store.limits().max_body_bytes.min(MAX_BODY_BYTES);
        let unreadable = || {
            self.store.count_refused_request();
            let text = format!("request body is unreadable or larger than {limit} bytes");
            (StatusCode::PAYLOAD_TOO_LARGE, text)
        };
        let announced = req.header::<usize>(CONTENT_LENGTH);
        if announced.is_some_and(|bytes| bytes > limit) {
            return Err(unreadable());
        }
        let body = match req.payload_with_max_size(limit).await {
            Ok(body) => body.clone(),
            Err(_) => return Err(unreadable()),
        };
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store_all(&store, &body))
            .await
            .unwrap_or_else(|_| {
                Err((
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the write failed".to_owned(),
                ))
            })
    }
}

/// Decompresses and decodes a body.
fn decode(body: &[u8], limit: usize) -> Result<WriteRequest, Refusal> {
    let size = snap::raw::decompress_len(body).map_err(|error| bad(format!("snappy: {error}")))?;
    if size > limit {
        let text = format!("decompressed body of {size} bytes is larger than {limit} bytes");
        return Err((StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    let raw = snap::raw::Decoder::new()
        .decompress_vec(body)
        .map_err(|error| bad(format!("snappy: {error}")))?;
    WriteRequest::decode(raw.as_slice()).map_err(|error| bad(format!("protobuf: {error}")))
}

/// Decodes and stores. As the real receiver does, it keeps what it can and then reports the first refusal.
fn store_all(store: &Store, body: &[u8]) -> Result<(), Refusal> {
    let limit = store.limits().max_body_bytes.min(MAX_BODY_BYTES);
    let request = decode(body, limit).inspect_err(|_| store.count_refused_request())?;
    let now = now_ms();
    let mut refusal = None;
    for series in request.timeseries {
        let labels = labels_of(series.labels);
        if labels.metric_name().is_empty() {
            refusal.get_or_insert_with(|| bad(format!("series {labels} has no metric name")));
            continue;
        }
        if !series.histograms.is_empty() {
            refusal.get_or_insert_with(|| {
                bad(format!(
                    "native histograms are not stored here, and {labels} brings one: \
                     set send_native_histograms to false"
                ))
            });
        }
        for sample in series.samples {
            let outcome = store
                .append(&labels, sample.timestamp, sample.value, now)
                .map_err(|error| (StatusCode::TOO_MANY_REQUESTS, error.to_string()))?;
            let problem = match outcome {
                Appended::OutOfOrder => "out of order sample",
                Appended::Duplicate => "duplicate sample for timestamp",
                Appended::OutOfBounds => "out of bounds",
                _ => continue,
            };
            refusal
                .get_or_insert_with(|| bad(format!("{problem}: {labels} at {}", sample.timestamp)));
        }
        for exemplar in series.exemplars {
            let exemplar = Exemplar {
                labels: labels_of(exemplar.labels),
                value: exemplar.value,
                timestamp: exemplar.timestamp,
                has_timestamp: true,
            };
            store.add_exemplar(&labels, exemplar, now);
        }
    }
    refusal.map_or(Ok(()), Err)
}

fn labels_of(labels: Vec<Label>) -> Labels {
    Labels::from_pairs(labels.into_iter().map(|label| (label.name, label.value)))
}
