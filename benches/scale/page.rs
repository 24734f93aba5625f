//! The `/metrics` page of a service by its number of series.

use std::hint::black_box;
use std::time::Instant;

use openmetrics_exemplars::{Exemplar, Exemplars, OpenMetricsEncoder};
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::Figure;
use crate::server::resident;

/// Lines of one histogram with the bounds below: a bucket each and `+Inf`, count and sum.
const LINES_PER_HISTOGRAM: u64 = 8;

/// A registry of `series` series, half of them counters and half lines of histograms, with an exemplar on every
/// counter and on one bucket of every histogram.
fn registry(series: u64) -> anyhow::Result<(Registry, Exemplars)> {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let labels = ["method", "path", "app_name"];
    let counters = IntCounterVec::new(Opts::new("requests_total", "Help."), &labels)?;
    let options = HistogramOpts::new("duration_seconds", "Help.");
    let options = options.buckets(vec![0.01, 0.1, 0.5, 1.0, 5.0]);
    let histograms = HistogramVec::new(options, &labels)?;
    registry.register(Box::new(counters.clone()))?;
    registry.register(Box::new(histograms.clone()))?;
    let counters = exemplars.counter_vec(counters);
    let histograms = exemplars.histogram_vec(histograms);
    let exemplar = Exemplar::now([("TraceID", "0af7651916cd43dd8448eb211c80319c")])?;
    for number in 0..series / 2 {
        let path = format!("/path/{number}");
        let values = ["GET", path.as_str(), "app-a"];
        counters
            .with_label_values(&values)?
            .inc_with_exemplar(&exemplar);
        if number % LINES_PER_HISTOGRAM == 0 {
            let histogram = histograms.with_label_values(&values)?;
            histogram.observe_with_exemplar(0.25, &exemplar);
        }
    }
    Ok((registry, exemplars))
}

/// Times gathering and writing the page.
pub fn measure(most: u64) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for size in [100, 1_000, 10_000, 100_000, 1_000_000] {
        if size > most {
            break;
        }
        let before = resident(std::process::id())?;
        let (registry, exemplars) = registry(size)?;
        let bytes = resident(std::process::id())?.saturating_sub(before);
        let encoder = OpenMetricsEncoder::new(exemplars);
        let rounds = (1_000_000 / size).clamp(5, 100);
        let mut seconds = Vec::new();
        for _ in 0..rounds {
            let started = Instant::now();
            let mut page = Vec::new();
            encoder.encode(&registry.gather(), &mut page)?;
            black_box(page);
            seconds.push(started.elapsed().as_secs_f64());
        }
        figures.push(Figure {
            server: "embedded".to_owned(),
            what: "page".to_owned(),
            item: "series".to_owned(),
            size,
            held: Some(size),
            seconds: median(&mut seconds),
            // Of few series the memory is less than what the allocator takes at a time.
            bytes_per_item: (size >= 10_000).then_some(bytes as f64 / size as f64),
        });
        println!(
            "/metrics {size} series: {:.3} ms",
            median(&mut seconds) * 1e3
        );
    }
    Ok(figures)
}

pub fn median(seconds: &mut [f64]) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}
