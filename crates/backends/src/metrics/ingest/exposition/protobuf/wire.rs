//! The messages of `io.prometheus.client`, as they stand in `metrics.proto`, and the memory that they take.

use prost::Message;

use crate::wire::measure::{Field, Shape};

#[derive(Clone, PartialEq, Message)]
pub(super) struct MetricFamily {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) help: String,
    #[prost(enumeration = "Kind", tag = "3")]
    pub(super) kind: i32,
    #[prost(message, repeated, tag = "4")]
    pub(super) metrics: Vec<Metric>,
    #[prost(string, tag = "5")]
    pub(super) unit: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
pub(super) enum Kind {
    Counter = 0,
    Gauge = 1,
    Summary = 2,
    Untyped = 3,
    Histogram = 4,
    GaugeHistogram = 5,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metric {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    pub(super) gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    pub(super) counter: Option<Counter>,
    #[prost(message, optional, tag = "4")]
    pub(super) summary: Option<Summary>,
    #[prost(message, optional, tag = "5")]
    pub(super) untyped: Option<Number>,
    #[prost(int64, tag = "6")]
    pub(super) timestamp_ms: i64,
    #[prost(message, optional, boxed, tag = "7")]
    pub(super) histogram: Option<Box<Histogram>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LabelPair {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Number {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Counter {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    #[prost(message, optional, tag = "2")]
    pub(super) exemplar: Option<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(uint64, tag = "1")]
    pub(super) sample_count: u64,
    #[prost(double, tag = "2")]
    pub(super) sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub(super) quantiles: Vec<Quantile>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Quantile {
    #[prost(double, tag = "1")]
    pub(super) quantile: f64,
    #[prost(double, tag = "2")]
    pub(super) value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Histogram {
    #[prost(uint64, tag = "1")]
    pub(super) sample_count: u64,
    #[prost(double, tag = "2")]
    pub(super) sample_sum: f64,
    #[prost(message, repeated, tag = "3")]
    pub(super) buckets: Vec<Bucket>,
    #[prost(double, tag = "4")]
    pub(super) sample_count_float: f64,
    #[prost(sint32, tag = "5")]
    pub(super) schema: i32,
    #[prost(double, tag = "6")]
    pub(super) zero_threshold: f64,
    #[prost(uint64, tag = "7")]
    pub(super) zero_count: u64,
    #[prost(double, tag = "8")]
    pub(super) zero_count_float: f64,
    #[prost(message, repeated, tag = "9")]
    pub(super) negative_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "10")]
    pub(super) negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "11")]
    pub(super) negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "12")]
    pub(super) positive_spans: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    pub(super) positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "14")]
    pub(super) positive_counts: Vec<f64>,
    #[prost(message, repeated, tag = "16")]
    pub(super) exemplars: Vec<Exemplar>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Bucket {
    #[prost(uint64, tag = "1")]
    pub(super) cumulative_count: u64,
    #[prost(double, tag = "2")]
    pub(super) upper_bound: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) exemplar: Option<Exemplar>,
    #[prost(double, tag = "4")]
    pub(super) cumulative_count_float: f64,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct BucketSpan {
    #[prost(sint32, tag = "1")]
    pub(super) offset: i32,
    #[prost(uint32, tag = "2")]
    pub(super) length: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<LabelPair>,
    #[prost(double, tag = "2")]
    pub(super) value: f64,
    #[prost(message, optional, tag = "3")]
    pub(super) timestamp: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// The memory of a family. Lists may be twice as long as their content.
pub(super) static METRIC_FAMILY: Shape = Shape(&[
    (1, Field::Bytes),
    (2, Field::Bytes),
    (4, Field::Messages(&METRIC, 2 * size_of::<Metric>())),
    (5, Field::Bytes),
]);

static METRIC: Shape = Shape(&[
    (1, LABELS),
    (3, Field::Messages(&COUNTER, 0)),
    (4, Field::Messages(&SUMMARY, 0)),
    (7, Field::Messages(&HISTOGRAM, size_of::<Histogram>())),
]);

static COUNTER: Shape = Shape(&[(2, Field::Messages(&EXEMPLAR, 0))]);
static SUMMARY: Shape = Shape(&[(3, Field::Messages(&NOTHING, 2 * size_of::<Quantile>()))]);
static HISTOGRAM: Shape = Shape(&[
    (3, Field::Messages(&BUCKET, 2 * size_of::<Bucket>())),
    (9, SPANS),
    (10, WHOLE_NUMBERS),
    (11, NUMBERS),
    (12, SPANS),
    (13, WHOLE_NUMBERS),
    (14, NUMBERS),
    (16, Field::Messages(&EXEMPLAR, 2 * size_of::<Exemplar>())),
]);
static BUCKET: Shape = Shape(&[(3, Field::Messages(&EXEMPLAR, 0))]);
static EXEMPLAR: Shape = Shape(&[(1, LABELS)]);
static LABEL: Shape = Shape(&[(1, Field::Bytes), (2, Field::Bytes)]);
static NOTHING: Shape = Shape(&[]);

const LABELS: Field = Field::Messages(&LABEL, 2 * size_of::<LabelPair>());
const SPANS: Field = Field::Messages(&NOTHING, 2 * size_of::<BucketSpan>());
/// At least one byte each on the wire.
const WHOLE_NUMBERS: Field = Field::Packed(2 * size_of::<i64>());
/// Eight bytes each on the wire.
const NUMBERS: Field = Field::Packed(2);
