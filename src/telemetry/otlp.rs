//! Sends spans to a collector over OTLP gRPC, and says how many of them it took.
//!
//! `opentelemetry-otlp` would do it too, but it does not tell how many spans a collector has
//! refused in a [partial success], which makes them look exported.
//!
//! [partial success]: https://opentelemetry.io/docs/specs/otlp/#partial-success

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes};
use http::HeaderMap;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::Resource;
use prost::Message;
use tokio::time::sleep;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use super::queue::Batch;
use super::span_encoding;

/// The method that takes spans.
const EXPORT: PathAndQuery =
    PathAndQuery::from_static("/opentelemetry.proto.collector.trace.v1.TraceService/Export");

/// Wait before the first retry; it doubles each time, up to the longest.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// A collector.
#[derive(Clone, Debug)]
pub struct Collector {
    /// URL of an OTLP gRPC endpoint, `http://host:port`.
    pub endpoint: String,
    /// Longest time that one request to it may take, retries included.
    pub timeout: Duration,
    /// Headers that each request has, such as a token.
    pub headers: HeaderMap,
    /// Requests are compressed. That takes more time than to make the spans, so it pays only where the way to the
    /// collector is narrow.
    pub gzip: bool,
    /// `User-Agent` of each request, as `name/version`.
    pub user_agent: &'static str,
}

/// An export that the collector did not accept.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: Status,
    /// How long to wait before the same spans are sent again; `None` when the collector would refuse them again.
    pub(super) again_after: Option<Duration>,
}

/// Outcome of an export that the collector answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Spans that it did not take.
    pub(super) rejected: u64,
    /// The reason, or a warning.
    pub(super) message: String,
}

/// The connection to a collector. Clones share it, for several exports at the same time.
#[derive(Clone)]
pub(super) struct Exporter {
    channel: Channel,
    timeout: Duration,
    metadata: MetadataMap,
    gzip: bool,
    /// The fields of `ResourceSpans` beside the spans.
    resource: Arc<[u8]>,
}

impl Exporter {
    /// An exporter that connects when it is first used. To be called inside the runtime that will
    /// run it.
    ///
    /// # Errors
    /// When the endpoint is no URL.
    pub(super) fn new(collector: Collector) -> Result<Self, tonic::transport::Error> {
        let channel = Endpoint::from_shared(collector.endpoint)?
            .user_agent(collector.user_agent)?
            .timeout(collector.timeout)
            .connect_lazy();
        Ok(Self {
            channel,
            timeout: collector.timeout,
            metadata: MetadataMap::from_headers(collector.headers),
            gzip: collector.gzip,
            resource: Arc::default(),
        })
    }

    /// Resource of all spans.
    pub(super) fn set_resource(&mut self, resource: &Resource) {
        self.resource = span_encoding::resource(resource).into();
    }

    /// The message with a batch.
    pub(super) fn message(&self, batch: Batch) -> Spans {
        Spans::Batch {
            resource: Arc::clone(&self.resource),
            batch: Arc::new(batch),
        }
    }

    /// Sends spans, again after a while when the collector may take them then.
    ///
    /// # Errors
    /// That of the last attempt.
    pub(super) async fn export(self, message: Spans) -> Result<Answer, Failure> {
        let began = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let failure = match self.export_once(message.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wanted) = failure.again_after else {
                return Err(failure);
            };
            let pause = pause(wait.max(wanted));
            if began.elapsed() + pause >= self.timeout {
                return Err(failure);
            }
            sleep(pause).await;
            wait = longer(wait);
        }
    }

    /// Sends spans once.
    ///
    /// # Errors
    /// The collector's status, or the transport's.
    pub(super) async fn export_once(&self, message: Spans) -> Result<Answer, Failure> {
        let answer = self.send(message).await.map_err(|status| Failure {
            again_after: retry_after(&status),
            status,
        })?;
        let partial = answer.partial_success.unwrap_or_default();
        Ok(Answer {
            // A negative number has no meaning and counts as zero.
            rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
            message: partial.error_message,
        })
    }

    async fn send(&self, message: Spans) -> Result<ExportTraceServiceResponse, Status> {
        let mut client = Grpc::new(self.channel.clone());
        if self.gzip {
            client = client.send_compressed(CompressionEncoding::Gzip);
        }
        client
            .ready()
            .await
            .map_err(|error| Status::unknown(format!("the connection cannot be used: {error}")))?;
        let mut request = Request::new(message);
        *request.metadata_mut() = self.metadata.clone();
        let answer = client.unary(request, EXPORT.clone(), EncodedSpans).await?;
        Ok(answer.into_inner())
    }
}

/// The message `ExportTraceServiceRequest`. A clone shares the spans.
#[derive(Clone)]
pub(super) enum Spans {
    /// One `ResourceSpans` with the spans of a batch.
    Batch {
        resource: Arc<[u8]>,
        batch: Arc<Batch>,
    },
    /// All of its bytes.
    Encoded(Bytes),
}

/// Fields of the messages around the spans.
const RESOURCE_SPANS: u64 = 1;
const SCOPE_SPANS: u64 = 2;

impl Spans {
    /// The batch, if this is one that nothing else shares.
    pub(super) fn into_batch(self) -> Option<Batch> {
        match self {
            Self::Batch { batch, .. } => Arc::into_inner(batch),
            Self::Encoded(_) => None,
        }
    }

    /// Hands the message's bytes to `put`, part by part.
    pub(super) fn write(&self, mut put: impl FnMut(&[u8])) {
        let (resource, batch) = match self {
            Self::Batch { resource, batch } => (resource, batch),
            Self::Encoded(bytes) => return put(bytes),
        };
        let scopes = batch.scopes.iter();
        let scopes: Vec<_> = scopes
            .map(|it| {
                let prefix = span_encoding::prefix(SCOPE_SPANS, it.bytes.len());
                (prefix, &it.bytes)
            })
            .collect();
        let lengths = scopes
            .iter()
            .map(|(prefix, bytes)| prefix.len() + bytes.len());
        let length = resource.len() + lengths.sum::<usize>();
        put(&span_encoding::prefix(RESOURCE_SPANS, length));
        put(resource);
        for (prefix, bytes) in scopes {
            put(&prefix);
            put(bytes);
        }
    }
}

/// The encoding of a request whose spans are encoded already.
struct EncodedSpans;

impl Codec for EncodedSpans {
    type Encode = Spans;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for EncodedSpans {
    type Item = Spans;
    type Error = Status;

    fn encode(&mut self, message: Spans, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let mut length = 0;
        message.write(|part| length += part.len());
        out.reserve(length);
        message.write(|part| out.put_slice(part));
        Ok(())
    }
}

impl Decoder for EncodedSpans {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let answer = ExportTraceServiceResponse::decode(bytes);
        answer
            .map(Some)
            .map_err(|error| Status::internal(format!("the answer cannot be read: {error}")))
    }
}

/// The wait before the next retry but one.
pub(super) fn longer(wait: Duration) -> Duration {
    (wait * 2).min(LONGEST_WAIT)
}

/// A wait of about this time, so that instances that failed together do not come again together.
pub(super) fn pause(wait: Duration) -> Duration {
    wait.mul_f64(rand::random_range(1.0..1.5))
}

/// Time that the collector asks to wait before a retry; `None` when it would
/// refuse that again. <https://opentelemetry.io/docs/specs/otlp/#failures>
fn retry_after(status: &Status) -> Option<Duration> {
    // Made here and not by the collector: the connection broke, or what came was no answer.
    if status.source().is_some() {
        return Some(Duration::ZERO);
    }
    let wanted = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    match status.code() {
        Code::ResourceExhausted => wanted,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Some(wanted.unwrap_or_default()),
        _ => None,
    }
}
