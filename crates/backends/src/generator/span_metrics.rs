//! Span metrics: calls, latency and size of spans by service, name, kind and status.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message as _;

use super::Config;
use super::histogram::{Histogram, Kind};
use super::room::Room;
use super::series::{Counter, Label, Writer, overflow};
use super::service_graph::{seconds, trace_id};

const CALLS: &str = "traces_spanmetrics_calls_total";
const SIZE: &str = "traces_spanmetrics_size_total";

static LATENCY: Kind = Kind {
    bucket: "traces_spanmetrics_latency_bucket",
    sum: "traces_spanmetrics_latency_sum",
    count: "traces_spanmetrics_latency_count",
    bounds: &[
        0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192,
        16.384,
    ],
};

/// Series of one combination of labels.
const SERIES: usize = LATENCY_SERIES + 2;
const LATENCY_SERIES: usize = 17;
const _: () = assert!(LATENCY.series() == LATENCY_SERIES);

/// Kind, status and place by name.
type Names = HashMap<Arc<str>, Vec<(i32, i32, usize)>>;

/// The series of all combinations of labels.
#[derive(Default)]
pub(super) struct SpanMetrics {
    all: Vec<SpanSeries>,
    /// Places in `all`, by service.
    places: HashMap<Arc<str>, Names>,
    overflow: Option<SpanSeries>,
}

/// The series of one combination of labels.
struct SpanSeries {
    service: Arc<str>,
    name: Arc<str>,
    kind: i32,
    status: i32,
    labels: Vec<Label>,
    calls: Counter,
    latency: Histogram,
    size: Counter,
    /// Milliseconds.
    updated: i64,
}

impl SpanMetrics {
    /// Counts a span of a service. `now` is in milliseconds.
    pub(super) fn observe(
        &mut self,
        service: &Arc<str>,
        span: &Span,
        config: &Config,
        room: &mut Room,
        now: i64,
    ) {
        let name = config.cut(&span.name);
        let status = span.status.as_ref().map_or(0, |status| status.code);
        let series = match self.place(service, name, span.kind, status) {
            Some(place) => &mut self.all[place],
            None if room.take(SERIES) => self.insert(service, name, span.kind, status),
            None => self.overflow.get_or_insert_with(|| {
                room.add(SERIES);
                let nothing = Arc::<str>::from("");
                SpanSeries::new(Arc::clone(&nothing), nothing, 0, 0, overflow())
            }),
        };
        series.calls.add(1.0);
        series.latency.observe(seconds(span), trace_id(span));
        series.size.add(size(span) as f64);
        series.updated = now;
    }

    fn place(&self, service: &str, name: &str, kind: i32, status: i32) -> Option<usize> {
        let places = self.places.get(service)?.get(name)?;
        let found = places.iter().find(|it| (it.0, it.1) == (kind, status))?;
        Some(found.2)
    }

    fn insert(
        &mut self,
        service: &Arc<str>,
        name: &str,
        kind: i32,
        status: i32,
    ) -> &mut SpanSeries {
        let (service, name) = (Arc::clone(service), Arc::<str>::from(name));
        let labels = vec![
            ("service", Arc::clone(&service)),
            ("span_name", Arc::clone(&name)),
            ("span_kind", kind_name(kind)),
            ("status_code", status_name(status)),
        ];
        let series = SpanSeries::new(service, name, kind, status, labels);
        let place = self.all.len();
        self.remember(&series, place);
        self.all.push(series);
        &mut self.all[place]
    }

    fn remember(&mut self, series: &SpanSeries, place: usize) {
        self.places
            .entry(Arc::clone(&series.service))
            .or_default()
            .entry(Arc::clone(&series.name))
            .or_default()
            .push((series.kind, series.status, place));
    }

    /// Writes the series.
    pub(super) fn write(&mut self, writer: &mut Writer<'_>) {
        for series in self.all.iter_mut().chain(&mut self.overflow) {
            series.calls.write(writer, CALLS, &series.labels);
            series.latency.write(writer, &series.labels);
            series.size.write(writer, SIZE, &series.labels);
        }
    }

    /// Drops series that got no span since a time in milliseconds.
    pub(super) fn drop_stale(&mut self, before: i64, room: &mut Room) {
        if self.overflow.as_ref().is_some_and(|it| it.updated < before) {
            self.overflow = None;
            room.free(SERIES);
        }
        let held = self.all.len();
        self.all.retain(|series| series.updated >= before);
        let dropped = held - self.all.len();
        if dropped == 0 {
            return;
        }
        room.free(dropped * SERIES);
        self.places.clear();
        let all = std::mem::take(&mut self.all);
        for (place, series) in all.iter().enumerate() {
            self.remember(series, place);
        }
        self.all = all;
    }
}

impl SpanSeries {
    fn new(service: Arc<str>, name: Arc<str>, kind: i32, status: i32, labels: Vec<Label>) -> Self {
        Self {
            service,
            name,
            kind,
            status,
            labels,
            calls: Counter::default(),
            latency: Histogram::new(&LATENCY),
            size: Counter::default(),
            updated: 0,
        }
    }
}

/// Bytes of a span in Tempo. Its receiver gives every span a status, empty or not.
fn size(span: &Span) -> usize {
    let status = match &span.status {
        None => 1 + Status::default().encoded_len() + 1,
        Some(_) => 0,
    };
    span.encoded_len() + status
}

fn kind_name(kind: i32) -> Arc<str> {
    match SpanKind::try_from(kind) {
        Ok(kind) => Arc::from(kind.as_str_name()),
        Err(_) => Arc::from(kind.to_string()),
    }
}

fn status_name(status: i32) -> Arc<str> {
    match StatusCode::try_from(status) {
        Ok(status) => Arc::from(status.as_str_name()),
        Err(_) => Arc::from(status.to_string()),
    }
}
