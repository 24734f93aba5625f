//! Classic histograms with exemplars.

use std::sync::Arc;

use super::attributes::number;
use super::series::{Label, Name, Writer};
use crate::metrics::store::Series;

/// The names of a histogram's series, and its bounds without +Inf.
pub(super) struct Kind {
    pub(super) bucket: &'static str,
    pub(super) sum: &'static str,
    pub(super) count: &'static str,
    pub(super) bounds: &'static [f64],
}

impl Kind {
    /// Series that a histogram has: its buckets, sum and count.
    pub(super) const fn series(&self) -> usize {
        self.bounds.len() + 3
    }
}

/// A histogram.
pub(super) struct Histogram {
    kind: &'static Kind,
    buckets: Box<[Bucket]>,
    sum: f64,
    sum_series: Option<Arc<Series>>,
    count_series: Option<Arc<Series>>,
    written: bool,
}

/// The observations above the bound before, up to its own.
#[derive(Default)]
struct Bucket {
    count: u64,
    /// The newest trace since the last collection, and its observation.
    exemplar: Option<(u128, f64)>,
    series: Option<Arc<Series>>,
}

impl Histogram {
    pub(super) fn new(kind: &'static Kind) -> Self {
        let buckets = (0..=kind.bounds.len()).map(|_| Bucket::default());
        Self {
            buckets: buckets.collect(),
            kind,
            sum: 0.0,
            sum_series: None,
            count_series: None,
            written: false,
        }
    }

    pub(super) fn observe(&mut self, value: f64, trace: u128) {
        let place = self.kind.bounds.partition_point(|bound| *bound < value);
        let bucket = &mut self.buckets[place];
        bucket.count += 1;
        bucket.exemplar = Some((trace, value));
        self.sum += value;
    }

    pub(super) fn write(&mut self, writer: &mut Writer<'_>, labels: &[Label]) {
        if self.written && !writer.all {
            return;
        }
        let new = !self.written;
        self.written = true;
        let kind = self.kind;
        let named = |metric| Name {
            metric,
            labels,
            bound: None,
        };
        // Tempo starts the sum without a 0.
        writer.write(&mut self.sum_series, named(kind.sum), self.sum, false);
        let count: u64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        writer.write(&mut self.count_series, named(kind.count), count as f64, new);
        let bounds = kind.bounds.iter().copied().chain([f64::INFINITY]);
        let mut below = 0;
        for (bucket, bound) in self.buckets.iter_mut().zip(bounds) {
            below += bucket.count;
            let text = bucket.series.is_none().then(|| number(bound));
            let name = Name {
                bound: text.as_deref(),
                ..named(kind.bucket)
            };
            writer.write(&mut bucket.series, name, below as f64, new);
            if let (Some((trace, value)), Some(series)) = (bucket.exemplar.take(), &bucket.series) {
                writer.exemplar(series, trace, value);
            }
        }
    }
}
