//! How fast the metrics store takes samples in, and how fast a dashboard's queries are answered over the
//! last hour when the store is as full as it may be.
#![allow(
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark that cannot go on should stop; its entry points are made by macros"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lab_backends::metrics::{Labels, Limits, QueryLimits, Store, engine};
use lab_backends::wire::Stop;

const HOUR_MS: i64 = 3_600_000;
const STEP_MS: i64 = 5_000;
const START: i64 = 1_800_000_000_000;
const BOUNDS: [&str; 12] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
];

/// Buckets of one service with `paths` routes.
fn buckets(app: &str, paths: usize) -> Vec<Labels> {
    (0..paths)
        .flat_map(|path| BOUNDS.iter().map(move |le| (path, *le)))
        .map(|(path, le)| {
            Labels::from_pairs([
                (
                    "__name__",
                    "salvo_requests_duration_seconds_bucket".to_owned(),
                ),
                ("app_name", app.to_owned()),
                ("instance", "127.0.0.1:8000".to_owned()),
                ("job", app.to_owned()),
                ("le", le.to_owned()),
                ("method", "GET".to_owned()),
                ("path", format!("/route/{path}")),
            ])
        })
        .collect()
}

fn fill(store: &Store, apps: usize, paths: usize) -> usize {
    let series: Vec<_> = (0..apps)
        .flat_map(|app| buckets(&format!("app-{app}"), paths))
        .map(|labels| store.series(&labels).expect("room"))
        .collect();
    for step in 0..HOUR_MS / STEP_MS {
        let now = START + step * STEP_MS;
        for (index, one) in series.iter().enumerate() {
            // Values with digits after the point do not pack, which is the worst case.
            let value = step as f64 * (1.1 + index as f64 * 0.001);
            store.append(one.labels(), now, value, now).expect("room");
        }
    }
    series.len()
}

fn ingest(c: &mut Criterion) {
    let mut group = c.benchmark_group("ingest");
    let labels = buckets("app-a", 100);
    group.throughput(Throughput::Elements(labels.len() as u64));
    let store = Store::new(Limits::default());
    let mut now = START;
    group.bench_function("samples by labels", |bencher| {
        bencher.iter(|| {
            now += STEP_MS;
            for one in &labels {
                black_box(store.append(one, now, now as f64 * 0.1, now)).expect("room");
            }
        });
    });
    group.finish();
}

fn queries(c: &mut Criterion) {
    let store = Arc::new(Store::new(Limits::default()));
    // 28 services of 1,008 buckets: about as much as 256 MiB hold for an hour.
    let held = fill(&store, 28, 84);
    let stats = store.stats();
    println!(
        "{held} series, {} samples, {} MiB, {} evicted",
        stats.samples_ingested,
        stats.bytes >> 20,
        stats.evicted_by_bytes
    );
    let mut group = c.benchmark_group("last hour at full retention");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    let end = START + HOUR_MS;
    for (name, query) in [
        (
            "p99 by path of one service",
            r#"histogram_quantile(.99,sum(rate(salvo_requests_duration_seconds_bucket{app_name="app-1", path!="/metrics"}[1m])) by(path, le))"#,
        ),
        (
            "rate by service of all services",
            r#"sum by (app_name) (rate(salvo_requests_duration_seconds_bucket{le="+Inf"}[1m]))"#,
        ),
        (
            "rate of every series there is",
            "sum(rate(salvo_requests_duration_seconds_bucket[1m]))",
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (limits, stop) = (QueryLimits::default(), Stop::never());
                engine::range(&store, query, end - HOUR_MS, end, 15_000, &limits, &stop)
                    .expect("an answer")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, ingest, queries);
criterion_main!(benches);
