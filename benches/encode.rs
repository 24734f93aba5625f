//! Cost of the OpenMetrics encoder by number of series: it must grow linearly.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use openmetrics_exemplars::{Exemplar, Exemplars, OpenMetricsEncoder};
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

/// Lines of one histogram with the bounds below: a bucket each and `+Inf`, count and sum.
const LINES_PER_HISTOGRAM: usize = 8;

/// A registry of `series` series, half of them counters and half histogram lines, with an exemplar
/// on every counter and on one bucket of every histogram.
fn registry(series: usize) -> (Registry, Exemplars) {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let labels = ["method", "path", "app_name"];
    let counters = IntCounterVec::new(Opts::new("requests_total", "Help."), &labels).unwrap();
    let options = HistogramOpts::new("duration_seconds", "Help.");
    let options = options.buckets(vec![0.01, 0.1, 0.5, 1.0, 5.0]);
    let histograms = HistogramVec::new(options, &labels).unwrap();
    registry.register(Box::new(counters.clone())).unwrap();
    registry.register(Box::new(histograms.clone())).unwrap();
    let counters = exemplars.counter_vec(counters);
    let histograms = exemplars.histogram_vec(histograms);
    let exemplar = Exemplar::now([("TraceID", "0af7651916cd43dd8448eb211c80319c")]).unwrap();
    for number in 0..series / 2 {
        let path = format!("/path/{number}");
        let values = ["GET", path.as_str(), "app-a"];
        counters
            .with_label_values(&values)
            .unwrap()
            .inc_with_exemplar(&exemplar);
        if number % LINES_PER_HISTOGRAM == 0 {
            histograms
                .with_label_values(&values)
                .unwrap()
                .observe_with_exemplar(0.25, &exemplar);
        }
    }
    (registry, exemplars)
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for series in [1_000, 10_000, 100_000] {
        let (registry, exemplars) = registry(series);
        let families = registry.gather();
        let encoder = OpenMetricsEncoder::new(exemplars);
        let mut body = Vec::new();
        group.throughput(Throughput::Elements(series as u64));
        group.bench_function(BenchmarkId::new("openmetrics", series), |bencher| {
            bencher.iter(|| {
                body.clear();
                encoder.encode(black_box(&families), &mut body).unwrap();
            });
        });
        group.bench_function(BenchmarkId::new("text 0.0.4", series), |bencher| {
            bencher.iter(|| {
                body.clear();
                TextEncoder::new()
                    .encode(black_box(&families), &mut body)
                    .unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, encode);
criterion_main!(benches);
