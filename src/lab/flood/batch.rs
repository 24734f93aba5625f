//! The requests of OTLP.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    exemplar, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, status};
use prost::Message as _;

use super::signal::{SPANS_PER_TRACE, Signal};

/// One request of this many has failed.
const FAILING: u64 = 50;

const ROUTES: [&str; 8] = [
    "/",
    "/items",
    "/items/{id}",
    "/cart",
    "/checkout",
    "/search",
    "/login",
    "/health",
];

/// What all batches share.
#[derive(Clone, Copy, Debug)]
pub(super) struct World {
    /// Services that the telemetry comes from.
    pub(super) services: u64,
    /// Time series.
    pub(super) series: u64,
    /// Different in each run, so that no trace comes twice.
    pub(super) run: u64,
    /// The start of the run, Unix nanoseconds.
    pub(super) began: u64,
}

/// Which batch of which sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The sender, of `senders`.
    pub(super) sender: u64,
    pub(super) senders: u64,
    /// Batches that it has sent before.
    pub(super) before: u64,
    /// Items in the batch.
    pub(super) items: u64,
}

/// Nanoseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |it| u64::try_from(it.as_nanos()).unwrap_or(u64::MAX))
}

impl World {
    /// The request with a batch of a signal.
    pub(super) fn encoded(&self, signal: Signal, place: Place) -> Vec<u8> {
        let at = now();
        let items = place.items;
        let first = (place.before * place.senders + place.sender) * items;
        match signal {
            Signal::Spans => self
                .spans(at, first / SPANS_PER_TRACE, items)
                .encode_to_vec(),
            Signal::Lines => self.lines(at, first, items).encode_to_vec(),
            Signal::Samples => self.samples(at, first, place).encode_to_vec(),
        }
    }

    /// The service of a trace's first or second half.
    fn service(&self, trace: u64, half: u64) -> u64 {
        (trace + half) % self.services
    }

    fn trace_id(&self, trace: u64) -> Vec<u8> {
        [
            self.run.to_be_bytes(),
            mixed(self.run ^ trace).to_be_bytes(),
        ]
        .concat()
    }

    fn span_id(&self, trace: u64, span: u64) -> Vec<u8> {
        let id = mixed(self.run.rotate_left(17) ^ (trace * SPANS_PER_TRACE + span));
        id.max(1).to_be_bytes().to_vec()
    }

    fn spans(&self, at: u64, first: u64, items: u64) -> ExportTraceServiceRequest {
        let mut of_service: Vec<Vec<Span>> = vec![Vec::new(); self.services as usize];
        for trace in first..first + items / SPANS_PER_TRACE {
            for span in 0..SPANS_PER_TRACE {
                let service = self.service(trace, span / 2);
                of_service[service as usize].push(self.span(at, trace, span));
            }
        }
        let services = (0..).zip(of_service).filter(|(_, spans)| !spans.is_empty());
        ExportTraceServiceRequest {
            resource_spans: services
                .map(|(service, spans)| ResourceSpans {
                    resource: Some(resource(service)),
                    scope_spans: vec![ScopeSpans {
                        scope: Some(scope()),
                        spans,
                        ..ScopeSpans::default()
                    }],
                    ..ResourceSpans::default()
                })
                .collect(),
        }
    }

    fn span(&self, at: u64, trace: u64, span: u64) -> Span {
        let route = route(trace);
        let took = 1_000_000 + mixed(trace) % 50_000_000;
        let failed = trace.is_multiple_of(FAILING);
        let kind = match span.is_multiple_of(2) {
            true => SpanKind::Server,
            false => SpanKind::Client,
        };
        Span {
            trace_id: self.trace_id(trace),
            span_id: self.span_id(trace, span),
            parent_span_id: match span {
                0 => Vec::new(),
                _ => self.span_id(trace, span - 1),
            },
            name: format!("GET {route}"),
            kind: kind.into(),
            start_time_unix_nano: at - took + span * 100_000,
            end_time_unix_nano: at - span * 100_000,
            attributes: vec![
                text("http.request.method", "GET"),
                text("http.route", route),
                number("http.response.status_code", if failed { 500 } else { 200 }),
            ],
            status: failed.then(|| Status {
                code: status::StatusCode::Error.into(),
                ..Status::default()
            }),
            ..Span::default()
        }
    }

    fn lines(&self, at: u64, first: u64, items: u64) -> ExportLogsServiceRequest {
        let mut of_service: Vec<Vec<LogRecord>> = vec![Vec::new(); self.services as usize];
        for line in first..first + items {
            let service = self.service(line, 0);
            // A nanosecond each, so that no two lines are the same entry.
            of_service[service as usize].push(self.line(at + line - first, line));
        }
        let services = (0..)
            .zip(of_service)
            .filter(|(_, records)| !records.is_empty());
        ExportLogsServiceRequest {
            resource_logs: services
                .map(|(service, log_records)| ResourceLogs {
                    resource: Some(resource(service)),
                    scope_logs: vec![ScopeLogs {
                        scope: Some(scope()),
                        log_records,
                        ..ScopeLogs::default()
                    }],
                    ..ResourceLogs::default()
                })
                .collect(),
        }
    }

    fn line(&self, at: u64, line: u64) -> LogRecord {
        let failed = line.is_multiple_of(FAILING);
        let route = route(line);
        LogRecord {
            time_unix_nano: at,
            observed_time_unix_nano: at,
            severity_number: if failed { 17 } else { 9 },
            severity_text: if failed { "ERROR" } else { "INFO" }.to_owned(),
            body: Some(AnyValue {
                value: Some(any_value::Value::StringValue(format!(
                    "GET {route} answered {} after {} µs, request {line}",
                    if failed { 500 } else { 200 },
                    1_000 + mixed(line) % 50_000,
                ))),
            }),
            attributes: vec![text("http.route", route)],
            flags: 1,
            trace_id: self.trace_id(line),
            span_id: self.span_id(line, 0),
            ..LogRecord::default()
        }
    }

    /// Counters that grow by the time since the run began. Each sender has series of its own, so that the samples of
    /// a series arrive in order.
    fn samples(&self, at: u64, trace: u64, place: Place) -> ExportMetricsServiceRequest {
        let count = (at.saturating_sub(self.began) / 1_000_000_000) as i64;
        let mut of_service: Vec<Vec<NumberDataPoint>> = vec![Vec::new(); self.services as usize];
        let [own, end] = [0, 1].map(|next| self.series * (place.sender + next) / place.senders);
        for item in 0..place.items {
            let series = own + (place.before * place.items + item) % (end - own);
            let exemplars = match item == 0 {
                true => vec![Exemplar {
                    time_unix_nano: at,
                    trace_id: self.trace_id(trace),
                    span_id: self.span_id(trace, 0),
                    value: Some(exemplar::Value::AsInt(1)),
                    ..Exemplar::default()
                }],
                false => Vec::new(),
            };
            of_service[(series % self.services) as usize].push(NumberDataPoint {
                attributes: vec![
                    text("http.route", route(series)),
                    text("series", &series.to_string()),
                ],
                start_time_unix_nano: self.began,
                time_unix_nano: at,
                value: Some(number_data_point::Value::AsInt(count)),
                exemplars,
                ..NumberDataPoint::default()
            });
        }
        let services = (0..)
            .zip(of_service)
            .filter(|(_, points)| !points.is_empty());
        ExportMetricsServiceRequest {
            resource_metrics: services
                .map(|(service, data_points)| ResourceMetrics {
                    resource: Some(resource(service)),
                    scope_metrics: vec![ScopeMetrics {
                        scope: Some(scope()),
                        metrics: vec![Metric {
                            name: "flood.requests".to_owned(),
                            unit: "{request}".to_owned(),
                            data: Some(Data::Sum(Sum {
                                data_points,
                                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                                is_monotonic: true,
                            })),
                            ..Metric::default()
                        }],
                        ..ScopeMetrics::default()
                    }],
                    ..ResourceMetrics::default()
                })
                .collect(),
        }
    }
}

/// A number that looks like any other (the finalizer of SplitMix64).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn route(number: u64) -> &'static str {
    ROUTES[(mixed(number) % ROUTES.len() as u64) as usize]
}

fn resource(service: u64) -> Resource {
    Resource {
        attributes: vec![
            text("service.name", &format!("flood-{service}")),
            text("service.instance.id", &format!("flood-{service}-1")),
        ],
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "lab.flood".to_owned(),
        ..InstrumentationScope::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.to_owned()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
