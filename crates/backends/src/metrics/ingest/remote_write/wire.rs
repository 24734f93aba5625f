//! The native histogram of remote write 1.0, as it stands in `prompb/types.proto` of Prometheus.

use prost::Message;

use crate::metrics::histogram::{Count, Counts, Hint, Histogram, Invalid, Parts, Span};
use crate::wire::measure::{Field, Shape};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireHistogram {
    #[prost(uint64, optional, tag = "1")]
    count_int: Option<u64>,
    #[prost(double, optional, tag = "2")]
    count_float: Option<f64>,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(double, tag = "5")]
    zero_threshold: f64,
    #[prost(uint64, optional, tag = "6")]
    zero_count_int: Option<u64>,
    #[prost(double, optional, tag = "7")]
    zero_count_float: Option<f64>,
    #[prost(message, repeated, tag = "8")]
    negative_spans: Vec<WireSpan>,
    #[prost(sint64, repeated, tag = "9")]
    negative_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "10")]
    negative_counts: Vec<f64>,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<WireSpan>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(double, repeated, tag = "13")]
    positive_counts: Vec<f64>,
    #[prost(int32, tag = "14")]
    reset_hint: i32,
    #[prost(int64, tag = "15")]
    pub(super) timestamp: i64,
    #[prost(double, repeated, tag = "16")]
    custom_values: Vec<f64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireSpan {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

/// The memory of a histogram's lists, which may be twice as long as their content. A whole number takes at least one
/// byte on the wire, any other one eight.
pub(super) static HISTOGRAM: Shape = Shape(&[
    (8, SPANS),
    (9, WHOLE_NUMBERS),
    (10, NUMBERS),
    (11, SPANS),
    (12, WHOLE_NUMBERS),
    (13, NUMBERS),
    (16, NUMBERS),
]);

const SPANS: Field = Field::Messages(&SPAN, 2 * size_of::<WireSpan>());
const WHOLE_NUMBERS: Field = Field::Packed(2 * size_of::<i64>());
const NUMBERS: Field = Field::Packed(2);

static SPAN: Shape = Shape(&[]);

impl WireHistogram {
    /// The histogram.
    ///
    /// # Errors
    /// See [`Invalid`].
    pub(super) fn read(&self) -> Result<Histogram, Invalid> {
        let spans = |spans: &[WireSpan]| -> Vec<Span> {
            let each = spans.iter();
            each.map(|span| Span {
                offset: span.offset,
                length: span.length,
            })
            .collect()
        };
        let (positive, negative) = (spans(&self.positive_spans), spans(&self.negative_spans));
        let (count, zero_count, of_positive, of_negative) = match self.count_float {
            Some(count) => (
                Count::Real(count),
                Count::Real(self.zero_count_float.unwrap_or(0.0)),
                Counts::Absolute(&self.positive_counts),
                Counts::Absolute(&self.negative_counts),
            ),
            None => (
                Count::Whole(self.count_int.unwrap_or(0)),
                Count::Whole(self.zero_count_int.unwrap_or(0)),
                Counts::Deltas(&self.positive_deltas),
                Counts::Deltas(&self.negative_deltas),
            ),
        };
        let parts = Parts {
            hint: match self.reset_hint {
                1 => Hint::Reset,
                2 => Hint::NotReset,
                3 => Hint::Gauge,
                _ => Hint::Unknown,
            },
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count,
            count,
            sum: self.sum,
            positive: (&positive, of_positive),
            negative: (&negative, of_negative),
            bounds: &self.custom_values,
        };
        parts.histogram()
    }
}
