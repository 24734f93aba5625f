//! Samples, lines and spans as three instances of the service make them, spread over the last hour.

use lab_backends::logs::ingest::{EntryProto, PushRequestProto, StreamProto, TimestampProto};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

pub const SPANS_PER_TRACE: u64 = 8;
const SPANS_PER_BODY: u64 = 512;
const LINES_PER_BODY: u64 = 3000;
/// As Prometheus sends in one remote write.
const SAMPLES_PER_BODY: u64 = 2000;
/// Samples of one series: an hour of them, 15 s apart.
const SAMPLES_PER_SERIES: u64 = 240;
const SECOND: u64 = 1_000_000_000;
const APPS: [&str; 3] = ["app-a", "app-b", "app-c"];
const BOUNDS: [&str; 12] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf",
];

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
}

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

/// A bucket of a route of a service.
fn series(number: u64) -> Vec<Label> {
    let bounds = BOUNDS.len() as u64;
    let app = APPS[(number / bounds % 3) as usize];
    let path = format!("/route/{}", number / bounds / 3);
    [
        ("__name__", "requests_duration_seconds_bucket"),
        ("app_name", app),
        ("instance", "127.0.0.1:8000"),
        ("job", app),
        ("le", BOUNDS[(number % bounds) as usize]),
        ("method", "GET"),
        ("path", &path),
    ]
    .into_iter()
    .map(|(name, value)| Label {
        name: name.to_owned(),
        value: value.to_owned(),
    })
    .collect()
}

/// Remote write number `at`: one time, a part of the series.
pub fn samples(size: u64, at: u64, now: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let all = (size / SAMPLES_PER_SERIES).max(BOUNDS.len() as u64 * 3);
    let parts = all.div_ceil(SAMPLES_PER_BODY);
    let (step, part) = (at / parts, at % parts);
    if step == SAMPLES_PER_SERIES {
        return Ok(None);
    }
    let numbers = part * SAMPLES_PER_BODY..((part + 1) * SAMPLES_PER_BODY).min(all);
    let request = WriteRequest {
        timeseries: numbers
            .map(|number| TimeSeries {
                labels: series(number),
                samples: vec![Sample {
                    value: (step * (1 + number % 12)) as f64,
                    timestamp: ((now - 3600 * SECOND) / 1_000_000 + (step + 1) * 15_000) as i64,
                }],
            })
            .collect(),
    };
    Ok(Some(compressed(&request)?))
}

fn compressed(message: &impl Message) -> anyhow::Result<Vec<u8>> {
    Ok(snap::raw::Encoder::new().compress_vec(&message.encode_to_vec())?)
}

/// An id without visible order, as real ones are.
pub fn trace_id(number: u64) -> u128 {
    u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

/// Push number `at`: three streams, their lines in the order of time, over 50 minutes.
pub fn lines(size: u64, at: u64, now: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let numbers = at * LINES_PER_BODY..((at + 1) * LINES_PER_BODY).min(size);
    if numbers.is_empty() {
        return Ok(None);
    }
    let apart = 3000 * SECOND / size;
    let stream = |place: u64| {
        let app = APPS[place as usize];
        let entry = |number: u64| {
            let time = now - 3060 * SECOND + number * apart;
            let level = if number.is_multiple_of(50) {
                "ERROR"
            } else {
                "INFO"
            };
            let (trace, span) = (trace_id(number / SPANS_PER_TRACE), number + 1);
            EntryProto {
                timestamp: Some(TimestampProto {
                    seconds: (time / SECOND) as i64,
                    nanos: (time % SECOND) as i32,
                }),
                line: format!(
                    "2026-11-22 14:07:31,123 {level} [salvo_observability::app::handlers] [handlers.rs:42] [trace_id={trace:032x} span_id={span:016x} resource.service.name={app}] - item {} found",
                    number % 10_000
                )
                .into_bytes(),
                structured_metadata: Vec::new(),
            }
        };
        StreamProto {
            labels: format!(
                "{{compose_project=\"salvo-observability\", compose_service=\"{app}\", container_name=\"salvo-observability-{app}-1\", source=\"stdout\", host=\"lab\", filename=\"{app}.log\"}}"
            ),
            entries: numbers
                .clone()
                .filter(|number| number % 3 == place)
                .map(entry)
                .collect(),
        }
    };
    let push = PushRequestProto {
        streams: (0..3).map(stream).collect(),
    };
    Ok(Some(compressed(&push)?))
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

/// Export number `at`: traces of eight spans of one instance, over the last five minutes.
pub fn spans(size: u64, at: u64, now: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let numbers = at * SPANS_PER_BODY..((at + 1) * SPANS_PER_BODY).min(size);
    if numbers.is_empty() {
        return Ok(None);
    }
    let app = APPS[(at % 3) as usize];
    let apart = 300 * SECOND / size;
    let span = |number: u64| {
        let place = number % SPANS_PER_TRACE;
        let failed = number % 100 == 8;
        let start = now - 300 * SECOND + number * apart;
        Span {
            trace_id: trace_id(number / SPANS_PER_TRACE).to_be_bytes().to_vec(),
            span_id: (number + 1).to_be_bytes().to_vec(),
            parent_span_id: match place {
                0 => Vec::new(),
                _ => (number + 1 - place).to_be_bytes().to_vec(),
            },
            name: "GET /items/{item_id}".to_owned(),
            kind: if place == 0 { 2 } else { 3 },
            start_time_unix_nano: start,
            end_time_unix_nano: start + (1 + number % 50) * 1_000_000,
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
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![
                    text("service.name", app),
                    text("service.version", "0.1.0"),
                    text("service.instance.id", format!("{app}-1")),
                    text("compose_service", app),
                ],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: numbers.map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    Ok(Some(request.encode_to_vec()))
}
