//! `/write`: the [remote-write 1.0](https://prometheus.io/docs/specs/prw/remote_write_spec/) receiver.
//!
//! A sender of [2.0](https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/) is answered 415 by the content type
//! it names, and falls back to 1.0.

mod wire;

use std::sync::Arc;

use prost::Message;
use salvo::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use salvo::http::{HeaderMap, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use crate::metrics::labels::Labels;
use crate::metrics::now_ms;
use crate::metrics::store::{Appended, Exemplar, Limits, Store};
use crate::wire::intake::{BodyError, Intake, Reservation};
use crate::wire::measure::{self, Field, Shape};
use crate::wire::unpack::{self, UnpackError};
use wire::WireHistogram;

/// Stores pushed series.
pub(crate) struct RemoteWrite {
    store: Arc<Store>,
    intake: Intake,
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
    histograms: Vec<WireHistogram>,
}

/// Bytes, so that one text that is not UTF-8 refuses its own series and not the whole batch.
#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
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

/// The intake that all paths of a store share at which samples are pushed.
pub(crate) fn intake(limits: &Limits) -> Intake {
    let most = limits.max_body_bytes.min(MAX_BODY_BYTES);
    Intake::new(most, most, limits.max_decoded_bytes)
}

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
    pub(crate) fn new(store: Arc<Store>, intake: Intake) -> Self {
        Self { store, intake }
    }

    async fn receive(&self, req: &mut Request) -> Result<(), Refusal> {
        check_headers(req.headers()).inspect_err(|_| self.store.count_refused_request())?;
        let messages = self.messages(req).await.inspect_err(|_| {
            self.store.count_refused_request();
        })?;
        let decoding = self.intake.decoding(messages.size).await;
        let store = self.store.clone();
        blocking(move || {
            let _decoding = decoding;
            store_all(&store, messages)
        })
        .await
    }

    /// Reads, unpacks and measures a body; each waits for its memory.
    async fn messages(&self, req: &mut Request) -> Result<Messages, Refusal> {
        let body = self.intake.read(req).await.map_err(|unread| {
            let status = match unread {
                BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                BodyError::Slow => StatusCode::REQUEST_TIMEOUT,
                BodyError::Busy => StatusCode::SERVICE_UNAVAILABLE,
                BodyError::Broken(_) => StatusCode::BAD_REQUEST,
            };
            (status, unread.to_string())
        })?;
        let limit = self.intake.most_unpacked();
        let refuse = move |error| match error {
            UnpackError::TooLarge(size) => {
                let text =
                    format!("decompressed body of {size} bytes is larger than {limit} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, text)
            }
            UnpackError::Malformed(reason) => bad(format!("snappy: {reason}")),
        };
        let size = unpack::snappy_size(&body.bytes, limit).map_err(refuse)?;
        let unpacked = self.intake.unpacking(size).await;
        let most = self.intake.most_decoded();
        blocking(move || {
            let bytes = unpack::snappy(&body.bytes, limit).map_err(refuse)?;
            let size = measure::protobuf(&bytes, &WRITE_REQUEST, most);
            let size = size.map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))?;
            Ok(Messages {
                bytes,
                size,
                _unpacked: unpacked,
            })
        })
        .await
    }
}

/// A body unpacked.
struct Messages {
    bytes: Vec<u8>,
    /// Memory that they take when they are decoded.
    size: usize,
    _unpacked: Reservation,
}

/// Works on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let text = "the write failed".to_owned();
        Err((StatusCode::INTERNAL_SERVER_ERROR, text))
    })
}

/// Bytes of each element in memory. A list may be twice as long as its content.
static WRITE_REQUEST: Shape = Shape(&[(
    1,
    Field::Messages(&TIME_SERIES, 2 * size_of::<TimeSeries>()),
)]);
static TIME_SERIES: Shape = Shape(&[
    (1, LABELS),
    (2, Field::Messages(&SAMPLE, 2 * size_of::<Sample>())),
    (3, Field::Messages(&EXEMPLAR, 2 * size_of::<WireExemplar>())),
    (
        4,
        Field::Messages(&wire::HISTOGRAM, 2 * size_of::<WireHistogram>()),
    ),
]);
static EXEMPLAR: Shape = Shape(&[(1, LABELS)]);
static SAMPLE: Shape = Shape(&[]);
static LABEL: Shape = Shape(&[(1, Field::Bytes), (2, Field::Bytes)]);
const LABELS: Field = Field::Messages(&LABEL, 2 * size_of::<Label>());

/// Decodes and stores. As the real receiver does, it keeps what it can and then reports the first refusal.
fn store_all(store: &Store, messages: Messages) -> Result<(), Refusal> {
    let request = WriteRequest::decode(messages.bytes.as_slice()).map_err(|error| {
        store.count_refused_request();
        bad(format!("protobuf: {error}"))
    })?;
    drop(messages);
    let now = now_ms();
    let mut refusal = None;
    for series in request.timeseries {
        let labels = match labels_of(series.labels) {
            Ok(labels) if !labels.metric_name().is_empty() => labels,
            Ok(labels) => {
                refusal.get_or_insert_with(|| bad(format!("series {labels} has no metric name")));
                continue;
            }
            Err(problem) => {
                refusal.get_or_insert_with(|| bad(problem));
                continue;
            }
        };
        for sample in series.samples {
            let outcome = store
                .append(&labels, sample.timestamp, sample.value, now)
                .map_err(|error| (StatusCode::TOO_MANY_REQUESTS, error.to_string()))?;
            if let Some(problem) = problem(outcome) {
                let time = sample.timestamp;
                refusal.get_or_insert_with(|| bad(format!("{problem}: {labels} at {time}")));
            }
        }
        for histogram in series.histograms {
            let time = histogram.timestamp;
            let histogram = match histogram.read() {
                Ok(histogram) => histogram,
                Err(invalid) => {
                    refusal.get_or_insert_with(|| bad(format!("{invalid}: {labels} at {time}")));
                    continue;
                }
            };
            let outcome = store
                .append_histogram(&labels, time, histogram, now)
                .map_err(|error| (StatusCode::TOO_MANY_REQUESTS, error.to_string()))?;
            if let Some(problem) = problem(outcome) {
                refusal.get_or_insert_with(|| bad(format!("{problem}: {labels} at {time}")));
            }
        }
        for exemplar in series.exemplars {
            let exemplar_labels = match labels_of(exemplar.labels) {
                Ok(labels) => labels,
                Err(problem) => {
                    let text = format!("exemplar of {labels}: {problem}");
                    refusal.get_or_insert_with(|| bad(text));
                    continue;
                }
            };
            let exemplar = Exemplar {
                labels: exemplar_labels,
                value: exemplar.value,
                timestamp: exemplar.timestamp,
                has_timestamp: true,
            };
            store.add_exemplar(&labels, exemplar, now);
        }
    }
    refusal.map_or(Ok(()), Err)
}

/// Prometheus' words for a sample that is not taken.
fn problem(outcome: Appended) -> Option<&'static str> {
    match outcome {
        Appended::OutOfOrder => Some("out of order sample"),
        Appended::Duplicate => Some("duplicate sample for timestamp"),
        Appended::OutOfBounds => Some("out of bounds"),
        Appended::Stored | Appended::Repeated | Appended::Gone => None,
    }
}

/// The labels of a series or an exemplar, or what is wrong with them.
fn labels_of(labels: Vec<Label>) -> Result<Labels, String> {
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|error| {
            let shown = String::from_utf8_lossy(error.as_bytes()).into_owned();
            format!("label name or value {shown:?} is not UTF-8")
        })
    };
    let mut pairs = Vec::with_capacity(labels.len());
    for label in labels {
        pairs.push((text(label.name)?, text(label.value)?));
    }
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if names.first().is_some_and(|name| name.is_empty()) {
        return Err(format!("a label without a name in {pairs:?}"));
    }
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("label {:?} is given twice in {pairs:?}", twice[0]));
    }
    Ok(Labels::from_pairs(pairs))
}
