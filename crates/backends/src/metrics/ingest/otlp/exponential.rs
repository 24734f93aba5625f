//! Exponential histograms as native ones, as Prometheus' OTLP receiver converts them.

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use crate::metrics::histogram::{COARSEST, Count, Counts, FINEST, Hint, Histogram, Parts, Span};

/// OpenTelemetry tells no width of the zero bucket that Prometheus would read.
const ZERO_THRESHOLD: f64 = 1e-128;

/// Buckets without observations in a row that are written out rather than skipped.
const MAX_GAP: i64 = 2;

/// The histogram of a data point. A scale finer than the finest schema is brought to it.
///
/// # Errors
/// The reason why it has no form in Prometheus.
pub(super) fn native(point: &ExponentialHistogramDataPoint) -> Result<Histogram, String> {
    if point.scale < COARSEST {
        return Err(format!(
            "cannot convert exponential to native histogram. Scale must be >= {COARSEST}, was {}",
            point.scale
        ));
    }
    let coarser = i64::from(point.scale) - i64::from(FINEST);
    let side = |buckets: Option<&Buckets>| {
        buckets.map_or_else(Default::default, |it| layout(it, coarser.max(0)))
    };
    let (positive, of_positive) = side(point.positive.as_ref());
    let (negative, of_negative) = side(point.negative.as_ref());
    let parts = Parts {
        hint: Hint::Unknown,
        schema: point.scale.min(FINEST),
        zero_threshold: ZERO_THRESHOLD,
        zero_count: Count::Whole(point.zero_count),
        count: Count::Whole(point.count),
        sum: point.sum.unwrap_or(0.0),
        positive: (&positive, Counts::Absolute(&of_positive)),
        negative: (&negative, Counts::Absolute(&of_negative)),
        bounds: &[],
    };
    parts.histogram().map_err(|invalid| invalid.to_string())
}

/// The buckets with their counts, 2^`coarser` of them in one. The first one ends at 1 here and begins there in
/// OpenTelemetry, so that indexes are one apart. What is merged is the same as in Prometheus also where it might be
/// expected otherwise.
fn layout(buckets: &Buckets, coarser: i64) -> (Vec<Span>, Vec<f64>) {
    let by = coarser.min(62);
    let index = |place: usize| ((place as i64 + i64::from(buckets.offset)) >> by) + 1;
    let mut list = List::default();
    if buckets.bucket_counts.is_empty() {
        return (list.spans, list.counts);
    }
    let mut current = index(0);
    list.begin(current);
    let mut count: u64 = 0;
    for (place, own) in buckets.bucket_counts.iter().enumerate() {
        let next = index(place);
        if next == current {
            count = count.wrapping_add(*own);
        } else if count == 0 {
            count = *own;
        } else {
            list.push(next - current - 1, count);
            count = *own;
            current = next;
        }
    }
    list.push(index(buckets.bucket_counts.len() - 1) - current, count);
    (list.spans, list.counts)
}

#[derive(Default)]
struct List {
    spans: Vec<Span>,
    counts: Vec<f64>,
}

impl List {
    fn begin(&mut self, offset: i64) {
        let offset = i32::try_from(offset).unwrap_or(i32::MAX);
        self.spans.push(Span { offset, length: 0 });
    }

    /// Adds a bucket after so many without observations.
    fn push(&mut self, empty: i64, count: u64) {
        if empty > MAX_GAP {
            self.begin(empty);
        } else {
            (0..empty).for_each(|_| self.add(0));
        }
        self.add(count);
    }

    fn add(&mut self, count: u64) {
        self.counts.push(count as f64);
        if let Some(span) = self.spans.last_mut() {
            span.length += 1;
        }
    }
}
