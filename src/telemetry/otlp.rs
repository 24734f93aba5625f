//! Sends spans to a collector over OTLP gRPC, and says how many of them it took.
//!
//! `opentelemetry-otlp` would do it too, but it does not tell how many spans a collector has
//! refused in a [partial success], which makes them look exported.
//!
//! [partial success]: https://opentelemetry.io/docs/specs/otlp/#partial-success

use std::error::Error as _;
use std::time::{Duration, Instant};

use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use tokio::time::sleep;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// Attribute in which a span takes its `tracestate` along to the export, where it becomes the
/// field that OTLP has for it. The SDK's own type refuses keys that are allowed.
pub(super) const TRACE_STATE: &str = "w3c.tracestate";

/// Wait before the first retry; it doubles each time, up to the longest. There are retries as long as the
/// request may take: meanwhile further spans wait in the queue.
const FIRST_WAIT: Duration = Duration::from_millis(100);
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
    /// `User-Agent` of each request, as `name/version`.
    pub user_agent: &'static str,
}

/// Outcome of an export that the collector answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Spans that it did not take.
    pub(super) rejected: u64,
    /// The reason, or a warning.
    pub(super) message: String,
}

/// The connection to a collector.
pub(super) struct Exporter {
    client: TraceServiceClient<Channel>,
    timeout: Duration,
    metadata: MetadataMap,
    resource: ResourceAttributesWithSchema,
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
            client: TraceServiceClient::new(channel),
            timeout: collector.timeout,
            metadata: MetadataMap::from_headers(collector.headers),
            resource: ResourceAttributesWithSchema::default(),
        })
    }

    /// Resource of all spans.
    pub(super) fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }

    /// Sends a batch, again after a while when the collector may take it then.
    ///
    /// # Errors
    /// The collector's status, or the transport's.
    pub(super) async fn export(&mut self, batch: Vec<SpanData>) -> Result<Answer, Status> {
        let began = Instant::now();
        let mut resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let scopes = resource_spans.iter_mut().flat_map(|it| &mut it.scope_spans);
        scopes
            .flat_map(|scope| &mut scope.spans)
            .for_each(place_trace_state);
        let spans = ExportTraceServiceRequest { resource_spans };
        let mut wait = FIRST_WAIT;
        loop {
            let mut request = Request::new(spans.clone());
            *request.metadata_mut() = self.metadata.clone();
            let status = match self.client.export(request).await {
                Ok(answer) => {
                    let partial = answer.into_inner().partial_success.unwrap_or_default();
                    return Ok(Answer {
                        // A negative number has no meaning and counts as zero.
                        rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
                        message: partial.error_message,
                    });
                }
                Err(status) => status,
            };
            let Some(wanted) = retry_after(&status) else {
                return Err(status);
            };
            wait = wait.max(wanted);
            let pause = wait.mul_f64(rand::random_range(1.0..1.5));
            if began.elapsed() + pause >= self.timeout {
                return Err(status);
            }
            sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
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

/// Moves the trace state from the attribute that it came in to its own field.
fn place_trace_state(span: &mut Span) {
    let Some(at) = span.attributes.iter().position(|it| it.key == TRACE_STATE) else {
        return;
    };
    let value = span.attributes.swap_remove(at).value;
    if let Some(Value::StringValue(state)) = value.and_then(|value| value.value) {
        span.trace_state = state;
    }
}
