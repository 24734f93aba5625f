//! How fast spans go into the trace store and through the generator of metrics, and how long searches take when the
//! store is full.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark has no users")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lab_backends::generator::{Config, Generator};
use lab_backends::metrics;
use lab_backends::traces::engine::search::{Request, Wanted, search, tag_names};
use lab_backends::traces::{Limits, Store, lang};
use lab_backends::wire::Stop;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

const ROUTES: [&str; 6] = [
    "/",
    "/chain",
    "/io_task",
    "/cpu_task",
    "/items/{item_id}",
    "/error_test",
];
const SPANS_PER_TRACE: u64 = 7;
const SPANS_PER_BATCH: u64 = 512;

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Value::StringValue(value.to_owned()))
}

/// The `n`th span of an endless stream like the lab's: traces of seven spans in three services.
fn span(n: u64) -> Span {
    let (trace, id) = (n / SPANS_PER_TRACE, n % SPANS_PER_TRACE);
    let route = ROUTES[(trace % 6) as usize];
    let start = 1_795_360_000_000_000_000 + trace * 3_000_000;
    Span {
        // Scattered, as random ids are.
        trace_id: (u128::from(trace) + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_be_bytes()
            .to_vec(),
        span_id: (n + 1).to_be_bytes().to_vec(),
        parent_span_id: match id {
            0 => Vec::new(),
            _ => n.to_be_bytes().to_vec(),
        },
        name: format!("GET {route}"),
        kind: 2 + (id % 2) as i32,
        start_time_unix_nano: start + id * 1_000,
        end_time_unix_nano: start + 900_000 + id,
        attributes: vec![
            text("http.request.method", "GET"),
            text("http.route", route),
            text("url.path", &format!("/items/{trace}")),
            text("url.scheme", "http"),
            pair("http.response.status_code", Value::IntValue(200)),
            text("server.address", "127.0.0.1"),
        ],
        status: Some(Status {
            code: if trace % 50 == 0 { 2 } else { 0 },
            ..Status::default()
        }),
        ..Span::default()
    }
}

fn batch(first: u64) -> Vec<ResourceSpans> {
    let service = ["app-a", "app-b", "app-c"][(first / SPANS_PER_BATCH % 3) as usize];
    vec![ResourceSpans {
        resource: Some(Resource {
            attributes: vec![
                text("service.name", service),
                text("service.version", "0.1.0"),
                text("compose_service", service),
            ],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: (first..first + SPANS_PER_BATCH).map(span).collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }]
}

fn limits() -> Limits {
    Limits {
        ingest_bytes_per_second: u64::MAX,
        ingest_burst_bytes: u64::MAX,
        ..Limits::default()
    }
}

/// A store at its limit of bytes.
fn full() -> Store {
    let store = Store::new(limits());
    let start = SystemTime::now();
    let mut first = 0;
    while store.stats().spans_evicted_by_bytes == 0 {
        // Spread over the hour that is kept.
        let now = start + Duration::from_millis(first * 3);
        let _ = store.push(batch(first), now.min(start + limits().max_age));
        first += SPANS_PER_BATCH;
    }
    let stats = store.stats();
    eprintln!(
        "full: {} spans in {} traces, {} bytes, {} a span",
        stats.spans,
        stats.traces,
        stats.bytes,
        stats.bytes / stats.spans
    );
    // What the process really takes, to hold the estimate against.
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let resident = status.lines().find(|line| line.starts_with("VmRSS"));
        eprintln!("{}", resident.unwrap_or_default());
    }
    store
}

fn ingest(c: &mut Criterion) {
    let mut group = c.benchmark_group("ingest");
    group.throughput(Throughput::Elements(SPANS_PER_BATCH));
    let store = full();
    let mut first = 1 << 40;
    group.bench_function("push into a full store", |b| {
        b.iter_batched(
            || {
                first += SPANS_PER_BATCH;
                batch(first)
            },
            |batch| store.push(batch, SystemTime::now()),
            criterion::BatchSize::LargeInput,
        );
    });
    let generator = Generator::new(
        Config::default(),
        Arc::new(metrics::Store::new(metrics::Limits::default())),
    );
    group.bench_function("metrics of the same spans", |b| {
        b.iter_batched(
            || {
                first += SPANS_PER_BATCH;
                batch(first)
            },
            |batch| {
                let end = batch[0].scope_spans[0].spans[0].end_time_unix_nano;
                let now = SystemTime::UNIX_EPOCH + Duration::from_nanos(end);
                generator.observe(&batch, 0, |_| false, now);
                batch
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
    eprintln!("{:?}", generator.stats());
}

fn searches(c: &mut Criterion) {
    let store = full();
    let mut group = c.benchmark_group("search at full retention");
    group.sample_size(20);
    for query in [
        "{}",
        "{ status = error }",
        r#"{ resource.service.name = "app-b" && span.http.route = "/chain" }"#,
        "{ duration > 10s }",
        r#"{ span.http.route = "nowhere" }"#,
        r#"{ .http.response.status_code >= 500 }"#,
        r#"{ name =~ "POST .*" }"#,
        r#"{ kind = client } >> { status = ok }"#,
    ] {
        let request = Request {
            wanted: Wanted::Query(lang::parse(query).unwrap()),
            start: 1_795_350_000,
            end: 1_795_370_000,
            limit: 20,
            spans_per_spanset: 3,
        };
        group.bench_function(query, |b| {
            b.iter(|| black_box(search(&store, &request, &Stop::never()).unwrap()))
        });
    }
    group.bench_function("names of tags", |b| {
        b.iter(|| black_box(tag_names(&store, (0, 0), None, &Stop::never()).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, ingest, searches);
criterion_main!(benches);
