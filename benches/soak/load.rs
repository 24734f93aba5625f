//! Sends spans and log lines at a fixed rate and tells how many were taken. `benches/soak/run` uses
//! it:
//!
//! ```text
//! soak-load OTLP_GRPC_URL LOKI_URL SECONDS SPANS_PER_SECOND LINES_PER_SECOND
//! ```
//!
//! A batch that is late is sent at once, so that the rate holds on average. The last line says
//! what was sent, what was refused, how long it took and the id of the last trace.

#[path = "../spans.rs"]
mod spans;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lab_backends::logs::ingest::{EntryProto, PushRequestProto, StreamProto, TimestampProto};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message;
use tokio::time::{Instant, MissedTickBehavior, interval};

use spans::{APPS, SPANS_PER_TRACE, export, trace_id};

const SPANS_PER_BATCH: u64 = 512;
const LINES_PER_BATCH: u64 = 1000;

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

/// A batch of one instance: traces of eight spans.
fn spans(first: u64, count: u64) -> ExportTraceServiceRequest {
    let app = APPS[(first / SPANS_PER_BATCH % 3) as usize];
    let begin = now();
    export(app, first..first + count, |number| {
        begin + number % SPANS_PER_TRACE * 1000
    })
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
