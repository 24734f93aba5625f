//! Spans, log lines and samples in numbers, each to be told from the others.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::json;

fn attribute(key: &str, value: String) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value)),
        }),
        ..KeyValue::default()
    }
}

/// The trace of span `number`.
pub fn trace_id(number: u32) -> String {
    format!("{:032x}", number + 1)
}

/// Spans from number `first` on, each in a trace of its own, that begin at `time` (Unix ns).
pub fn spans(first: u32, count: u32, time: u64) -> ExportTraceServiceRequest {
    let span = |number: u32| Span {
        trace_id: u128::from(number + 1).to_be_bytes().to_vec(),
        span_id: u64::from(number + 1).to_be_bytes().to_vec(),
        name: "flood".to_owned(),
        kind: 2,
        start_time_unix_nano: time,
        end_time_unix_nano: time.saturating_add(1_000_000),
        attributes: vec![
            attribute("http.route", "/items/{item_id}".to_owned()),
            attribute("url.path", format!("/items/{number}")),
        ],
        ..Span::default()
    };
    let resource = Resource {
        attributes: vec![attribute("service.name", "flood".to_owned())],
        ..Resource::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans {
                spans: (first..first + count).map(span).collect(),
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

/// A push of lines from number `first` on, a nanosecond apart from `time` (Unix ns) on.
pub fn lines_as_json(first: u32, count: u32, time: u64) -> String {
    let value = |at: u32| {
        let line = format!(
            "2026-11-22 14:07:31,123 INFO [flood] [flood.rs:1] - line {} {:0100}",
            first + at,
            first + at
        );
        json!([(time + u64::from(at)).to_string(), line])
    };
    let values: Vec<_> = (0..count).map(value).collect();
    let labels = json!({"compose_service": "flood"});
    json!({"streams": [{"stream": labels, "values": values}]}).to_string()
}

/// A remote write.
#[derive(Clone, PartialEq, Message)]
pub struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
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

/// A value at a time in Unix milliseconds.
#[derive(Clone, PartialEq, Message)]
pub struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

impl Sample {
    pub fn new(value: f64, timestamp: i64) -> Self {
        Self { value, timestamp }
    }
}

impl WriteRequest {
    /// One sample for each name.
    pub fn of(samples: impl Iterator<Item = (String, Sample)>) -> Self {
        let series = samples.map(|(name, sample)| Series {
            labels: vec![Label {
                name: "__name__".to_owned(),
                value: name,
            }],
            samples: vec![sample],
        });
        Self {
            series: series.collect(),
        }
    }

    pub fn in_snappy(&self) -> Vec<u8> {
        let bytes = self.encode_to_vec();
        let packed = snap::raw::Encoder::new().compress_vec(&bytes);
        packed.expect("snappy")
    }
}
