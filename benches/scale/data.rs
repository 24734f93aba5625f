//! Samples, lines and spans as three instances of the service make them, spread over the last hour.

use lab_backends::logs::ingest::{EntryProto, PushRequestProto, StreamProto, TimestampProto};
use prost::Message;

use crate::spans::{APPS, SPANS_PER_TRACE, export, trace_id};

const SPANS_PER_BODY: u64 = 512;
const LINES_PER_BODY: u64 = 3000;
/// As Prometheus sends in one remote write.
const SAMPLES_PER_BODY: u64 = 2000;
/// Samples of one series: an hour of them, 15 s apart.
const SAMPLES_PER_SERIES: u64 = 240;
const SECOND: u64 = 1_000_000_000;
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

/// Export number `at`: traces of eight spans of one instance, over the last five minutes.
pub fn spans(size: u64, at: u64, now: u64) -> anyhow::Result<Option<Vec<u8>>> {
    let numbers = at * SPANS_PER_BODY..((at + 1) * SPANS_PER_BODY).min(size);
    if numbers.is_empty() {
        return Ok(None);
    }
    let app = APPS[(at % 3) as usize];
    let apart = 300 * SECOND / size;
    let request = export(app, numbers, |number| now - 300 * SECOND + number * apart);
    Ok(Some(request.encode_to_vec()))
}
