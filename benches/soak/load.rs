//! Sends spans and log lines at a fixed rate and tells how many were taken. `benches/soak/run` uses
//! it:
//!
//! ```text
//! soak-load OTLP_GRPC_URL LOKI_URL SECONDS SPANS_PER_SECOND LINES_PER_SECOND
//! ```
//!
//! A batch that is late is sent at once, so that the rate holds on average. The last line says
//! what was sent, what was refused, how long it took and the id of the last trace.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lab_backends::logs::ingest::{EntryProto, PushRequestProto, StreamProto, TimestampProto};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use tokio::time::{Instant, MissedTickBehavior, interval};

const SPANS_PER_BATCH: u64 = 512;
const SPANS_PER_TRACE: u64 = 8;
const LINES_PER_BATCH: u64 = 1000;
const APPS: [&str; 3] = ["app-a", "app-b", "app-c"];

/// What became of what one sender sent.
#[derive(Default)]
struct Outcome {
    taken: u64,
    refused: u64,
    seconds: f64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [otlp, loki, numbers @ ..] = words.as_slice() else {
        bail!("give OTLP_GRPC_URL LOKI_URL SECONDS SPANS_PER_SECOND LINES_PER_SECOND");
    };
    let numbers: Vec<u64> = numbers
        .iter()
        .map(|word| word.parse().with_context(|| format!("{word} is no number")))
        .collect::<Result<_, _>>()?;
    let [seconds, spans, lines] = numbers.as_slice() else {
        bail!("give SECONDS SPANS_PER_SECOND LINES_PER_SECOND as numbers");
    };
    let sending_spans = tokio::spawn(send_spans(otlp.clone(), seconds * spans, *spans));
    let sending_lines = tokio::spawn(send_lines(loki.clone(), seconds * lines, *lines));
    let (spans, lines) = (sending_spans.await??, sending_lines.await??);
    for (what, outcome) in [("spans", &spans), ("lines", &lines)] {
        println!(
            "{what}={} {what}_refused={} {what}_seconds={:.1}",
            outcome.taken, outcome.refused, outcome.seconds
        );
    }
    let last = (spans.taken + spans.refused).saturating_sub(1) / SPANS_PER_TRACE;
    println!("last_trace={:032x}", trace_id(last));
    Ok(())
}

/// Ticks at which batches are due.
fn ticks(per_batch: u64, per_second: u64) -> tokio::time::Interval {
    let period = Duration::from_secs_f64(per_batch as f64 / per_second as f64);
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

async fn send_spans(url: String, count: u64, per_second: u64) -> anyhow::Result<Outcome> {
    let mut client = TraceServiceClient::connect(url).await?;
    let mut ticks = ticks(SPANS_PER_BATCH, per_second);
    let mut outcome = Outcome::default();
    let started = Instant::now();
    let mut first = 0;
    while first < count {
        let size = SPANS_PER_BATCH.min(count - first);
        ticks.tick().await;
        match client.export(spans(first, size)).await {
            Ok(answer) => {
                let partial = answer.into_inner().partial_success.unwrap_or_default();
                let rejected = u64::try_from(partial.rejected_spans)?;
                outcome.refused += rejected;
                outcome.taken += size - rejected;
            }
            Err(_) => outcome.refused += size,
        }
        first += size;
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

async fn send_lines(url: String, count: u64, per_second: u64) -> anyhow::Result<Outcome> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut ticks = ticks(LINES_PER_BATCH, per_second);
    let mut outcome = Outcome::default();
    let started = Instant::now();
    let mut first = 0;
    while first < count {
        let size = LINES_PER_BATCH.min(count - first);
        ticks.tick().await;
        let request = http::Request::post(format!("{url}/loki/api/v1/push"))
            .header("content-type", "application/x-protobuf")
            .body(Full::from(lines(first, size)?))?;
        let answer = client.request(request).await?;
        match answer.status().is_success() {
            true => outcome.taken += size,
            false => outcome.refused += size,
        }
        answer.into_body().collect().await?;
        first += size;
    }
    outcome.seconds = started.elapsed().as_secs_f64();
    Ok(outcome)
}

/// An id without visible order, as real ones are.
fn trace_id(number: u64) -> u128 {
    u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

/// A batch of one instance: traces of eight spans, with the attributes that the service gives them.
fn spans(first: u64, count: u64) -> ExportTraceServiceRequest {
    let app = APPS[(first / SPANS_PER_BATCH % 3) as usize];
    let begin = now();
    let span = |number: u64| {
        let place = number % SPANS_PER_TRACE;
        let failed = number % 100 == 8;
        Span {
            trace_id: trace_id(number / SPANS_PER_TRACE).to_be_bytes().to_vec(),
            span_id: (number + 1).to_be_bytes().to_vec(),
            parent_span_id: match place {
                0 => Vec::new(),
                _ => (number + 1 - place).to_be_bytes().to_vec(),
            },
            name: "GET /items/{item_id}".to_owned(),
            kind: if place == 0 { 2 } else { 3 },
            start_time_unix_nano: begin + place * 1000,
            end_time_unix_nano: begin + (1 + number % 50) * 1_000_000,
            attributes: vec![
                text("http.request.method", "GET"),
                text("http.route", "/items/{item_id}"),
                text("url.path", format!("/items/{}", number % 10_000)),
                text("url.scheme", "http"),
                attribute(
                    "http.response.status_code",
                    Value::IntValue(if failed { 500 } else { 200 }),
                ),
                text("server.address", "127.0.0.1"),
                attribute("server.port", Value::IntValue(8000)),
            ],
            status: Some(Status {
                code: if failed { 2 } else { 0 },
                ..Status::default()
            }),
            ..Span::default()
        }
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", app),
                    text("service.version", env!("CARGO_PKG_VERSION")),
                    text("service.instance.id", format!("{app}-1")),
                    text("compose_service", app),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "soak".to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans: (first..first + count).map(span).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

/// A push of three streams with lines as the service writes them.
fn lines(first: u64, count: u64) -> anyhow::Result<Vec<u8>> {
    let begin = now();
    let clock = jiff::Timestamp::from_nanosecond(i128::from(begin))?
        .strftime("%Y-%m-%d %H:%M:%S,%3f")
        .to_string();
    let stream = |at: usize| {
        let app = APPS[at];
        let numbers = (first..first + count).filter(|number| (number % 3) as usize == at);
        let entry = |number: u64| {
            let time = begin + number - first;
            let level = if number.is_multiple_of(50) {
                "ERROR"
            } else {
                "INFO"
            };
            let (trace, span) = (trace_id(number / SPANS_PER_TRACE), number + 1);
            EntryProto {
                timestamp: Some(TimestampProto {
                    seconds: (time / 1_000_000_000) as i64,
                    nanos: (time % 1_000_000_000) as i32,
                }),
                line: format!(
                    "{clock} {level} [salvo_observability::app::handlers] [handlers.rs:42] [trace_id={trace:032x} span_id={span:016x} resource.service.name={app}] - item {} found",
                    number % 10_000
                )
                .into_bytes(),
                structured_metadata: Vec::new(),
            }
        };
        StreamProto {
            labels: format!(
                "{{compose_project=\"salvo-observability\", compose_service=\"{app}\", container_name=\"salvo-observability-{app}-1\", source=\"stdout\", host=\"soak\", filename=\"{app}.log\"}}"
            ),
            entries: numbers.map(entry).collect(),
        }
    };
    let push = PushRequestProto {
        streams: (0..APPS.len()).map(stream).collect(),
    };
    Ok(snap::raw::Encoder::new().compress_vec(&push.encode_to_vec())?)
}
