//! How fast the log store takes lines in, and how long queries over the last hour take when it is
//! as full as its limit allows.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark may stop when its set-up fails"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lab_backends::logs::engine::{Direction, LogQuery, Steps, evaluate};
use lab_backends::logs::lang::{Expr, parse};
use lab_backends::logs::store::{Entry, LabelSet, StreamEntries};
use lab_backends::logs::{Clock, Limits, Store};
use lab_backends::wire::Stop;

const NOW: i64 = 1_795_360_560_000_000_000;
const HOUR: i64 = 3_600_000_000_000;
const SECOND: i64 = 1_000_000_000;

fn labels(app: &str) -> LabelSet {
    LabelSet::new([
        ("compose_project", "salvo-observability"),
        ("compose_service", app),
        ("container_name", &format!("salvo-observability-{app}-1")),
        ("source", "stdout"),
        ("host", "lab"),
        ("filename", &format!("/var/log/lab/{app}.log")),
    ])
    .unwrap()
}

fn line(number: usize, app: &str) -> String {
    let level = ["INFO", "INFO", "WARN", "ERROR"][number % 4];
    format!(
        "2026-11-22 14:07:31,123 {level} [salvo_observability::app::handlers] [handlers.rs:42] \
         [trace_id={number:032x} span_id={number:016x} resource.service.name={app}] - random status 200"
    )
}

fn batch(from: usize, count: usize, start: i64, apart: i64) -> Vec<StreamEntries> {
    ["app-a", "app-b", "app-c"]
        .iter()
        .map(|app| StreamEntries {
            labels: labels(app),
            entries: (from..from + count)
                .map(|number| Entry::new(start + number as i64 * apart, line(number, app)))
                .collect(),
        })
        .collect()
}

fn store() -> Store {
    let limits = Limits {
        ingest_bytes_per_second: usize::MAX,
        ingest_burst_bytes: usize::MAX,
        ..Limits::default()
    };
    Store::with_clock(limits, Clock::from_fn(|| NOW))
}

/// A store whose last hour fills its 256 MiB.
fn full_store() -> Store {
    let store = store();
    let lines = 420_000;
    let apart = HOUR / lines;
    for from in (0..lines as usize).step_by(1000) {
        store
            .push(batch(from, 1000, NOW - HOUR + 1, apart))
            .unwrap();
    }
    println!("{:?}", store.stats());
    store
}

fn ingest(criterion: &mut Criterion) {
    let store = store();
    let mut from = 0;
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(3000));
    group.bench_function("lines", |bencher| {
        bencher.iter_batched(
            || {
                from += 1000;
                batch(from, 1000, NOW - HOUR, 10_000)
            },
            |streams| store.push(streams).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn queries(criterion: &mut Criterion) {
    let store = full_store();
    let mut group = criterion.benchmark_group("last_hour");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for (name, query) in [
        (
            "filter_rare",
            r#"{compose_service=~"app-.*"} |= "trace_id=00000000000000000000000000000abc""#,
        ),
        (
            "filter_none",
            r#"{compose_service=~"app-.*"} |= "no such line""#,
        ),
    ] {
        let Expr::Log(expr) = parse(query).unwrap() else {
            continue;
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let query = LogQuery {
                    expr: &expr,
                    start: NOW - HOUR,
                    end: NOW,
                    limit: 100,
                    direction: Direction::Backward,
                    interval: 0,
                    stop: Stop::never(),
                };
                black_box(query.run(&store).unwrap())
            });
        });
    }
    for (name, query) in [
        (
            "count_over_time",
            r#"sum by (compose_service) (count_over_time({compose_service=~"app-.*"}[1m]))"#,
        ),
        (
            "count_filtered",
            r#"sum by (compose_service) (count_over_time({compose_service=~"app-.*"} |= "ERROR" [1m]))"#,
        ),
        (
            "dashboard_pattern",
            r#"sum by (type) (rate({compose_service=~"app-.*"} | pattern `<date> <time> <type> <logger> <code> [<_>=<trace_id> <_>=<span_id> <_>=<service_name>] - <msg>` | type != "" [1m]))"#,
        ),
    ] {
        let Expr::Metric(expr) = parse(query).unwrap() else {
            continue;
        };
        let steps = Steps {
            start: NOW - HOUR,
            end: NOW,
            step: 15 * SECOND,
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(evaluate(&expr, &store, steps, Stop::never()).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, ingest, queries);
criterion_main!(benches);
