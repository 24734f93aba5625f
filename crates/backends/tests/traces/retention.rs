//! The store keeps each span once, joins what belongs together, and stays within its limits.

use std::time::{Duration, SystemTime};

use crate::support::spans::{PROTOBUF, batch, request, span, spans_of, text};
use crate::support::traces::Backend;
use lab_backends::traces::{Limits, Refusal, Store};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use tonic::Code;

async fn client(backend: &Backend) -> TraceServiceClient<tonic::transport::Channel> {
    let endpoint = format!("http://{}", backend.otlp_grpc);
    TraceServiceClient::connect(endpoint).await.unwrap()
}

#[tokio::test]
async fn spans_with_impossible_ids_are_rejected_and_the_others_kept() {
    let backend = Backend::start(Limits::default()).await;
    let good = span(7, 1);
    let bad = [
        Span {
            trace_id: vec![0; 16],
            ..span(7, 2)
        },
        Span {
            trace_id: vec![1; 15],
            ..span(7, 3)
        },
        Span {
            span_id: vec![0; 8],
            ..span(7, 4)
        },
        Span {
            span_id: vec![1; 9],
            ..span(7, 5)
        },
        Span {
            parent_span_id: vec![1; 3],
            ..span(7, 6)
        },
        Span {
            trace_id: vec![],
            ..span(7, 7)
        },
    ];
    let mut spans = bad.to_vec();
    spans.push(good);
    let answer = client(&backend).await.export(request(spans)).await.unwrap();
    let partial = answer.into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_spans, 6);
    assert_eq!(
        partial.error_message,
        "trace ids must be 128 bit, received 0 bits"
    );
    assert_eq!(spans_of(&backend, 7).await.len(), 1);

    // None left: the whole request is refused, as Tempo does.
    let error = client(&backend).await.export(request(bad.to_vec())).await;
    assert_eq!(error.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(backend.store.stats().spans_refused_invalid, 12);
}

#[tokio::test]
async fn impossible_times_are_kept_and_break_neither_search_nor_retention() {
    let backend = Backend::start(Limits::default()).await;
    let year_2500 = 16_725_225_600_000_000_000;
    let times = [
        (0, 0),
        (0, 5),
        (1_795_360_000_000_000_000, 5),
        (year_2500, year_2500 + 5),
        (u64::MAX, u64::MAX),
        (u64::MAX, 0),
        (1, u64::MAX),
    ];
    for (trace, (start, end)) in (1..).zip(times) {
        let sent = Span {
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            ..span(trace, 1)
        };
        let body = request(vec![sent.clone()]).encode_to_vec();
        assert_eq!(backend.post(&[PROTOBUF], body).await.status, 200);
        assert_eq!(spans_of(&backend, trace).await, [sent]);
    }
    backend
        .post(&[PROTOBUF], request(vec![span(99, 1)]).encode_to_vec())
        .await;
    assert_eq!(backend.search("{}").await.len(), times.len() + 1);
    assert_eq!(
        backend.search("{ duration >= 0s }").await.len(),
        times.len() + 1
    );
    let window = [
        ("start", "1795359990"),
        ("end", "1795360010"),
        ("q", "{ duration = 10ms }"),
    ];
    let found = backend.json("/api/search", &window).await;
    assert_eq!(found["traces"].as_array().unwrap().len(), 1);
    // Retention goes by arrival, whatever the spans say.
    let now = SystemTime::now();
    backend.store.evict_expired(now + Duration::from_secs(3500));
    assert_eq!(backend.store.stats().traces, 8);
    backend.store.evict_expired(now + Duration::from_secs(3700));
    assert_eq!(backend.store.stats().traces, 0);
    assert_eq!(backend.store.stats().traces_evicted_by_age, 8);
    assert_eq!(backend.store.stats().bytes, 0);
}

#[tokio::test]
async fn duplicates_are_kept_once_and_late_spans_join_their_trace() {
    let backend = Backend::start(Limits::default()).await;
    let child = Span {
        parent_span_id: 1u64.to_be_bytes().to_vec(),
        ..span(3, 2)
    };
    let export = |spans: Vec<Span>| {
        let backend = &backend;
        async move {
            let body = request(spans).encode_to_vec();
            assert_eq!(backend.post(&[PROTOBUF], body).await.status, 200);
        }
    };
    // The child comes first: a partial trace without a root.
    export(vec![child.clone(), child.clone()]).await;
    assert_eq!(spans_of(&backend, 3).await, std::slice::from_ref(&child));
    let found = backend.search("{}").await;
    assert_eq!(found[0]["rootTraceName"], serde_json::Value::Null);
    assert_eq!(found[0]["rootServiceName"], "<root span not yet received>");

    export(vec![span(3, 1), child.clone()]).await;
    assert_eq!(spans_of(&backend, 3).await, [span(3, 1), child.clone()]);
    let found = backend.search("{}").await;
    assert_eq!(found[0]["rootTraceName"], "span 1");
    assert_eq!(found[0]["serviceStats"]["app-a"]["spanCount"], 2);

    // Client and server may share an id: the kind tells them apart, as in Tempo.
    export(vec![Span {
        kind: 3,
        ..child.clone()
    }])
    .await;
    assert_eq!(spans_of(&backend, 3).await.len(), 3);

    // The same holds in traces of many spans.
    export((100..400).map(|id| span(3, id)).collect()).await;
    export((100..400).map(|id| span(3, id)).collect()).await;
    assert_eq!(spans_of(&backend, 3).await.len(), 303);
    assert_eq!(backend.store.stats().spans_duplicate, 2 + 300);
}

#[test]
fn bytes_stay_under_the_limit_and_the_oldest_traces_go_first() {
    let limit = 1 << 20;
    let store = Store::new(Limits {
        max_bytes: limit,
        ingest_bytes_per_second: u64::MAX,
        ingest_burst_bytes: u64::MAX,
        ..Limits::default()
    });
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_360_000);
    for trace in 1..=10_000u64 {
        let spans = (1..=3)
            .map(|id| Span {
                attributes: vec![text("url.full", format!("http://lab/{trace}/{id}"))],
                ..span(trace.into(), id)
            })
            .collect();
        let service = format!("app-{}", trace % 50);
        let now = start + Duration::from_millis(trace);
        store.push(batch(&service, spans), now).unwrap();
        assert!(store.stats().bytes <= limit as u64, "after {trace}");
    }
    let stats = store.stats();
    assert!(stats.bytes > limit as u64 * 9 / 10, "the room is used");
    assert_eq!(stats.spans_ingested, 30_000);
    assert_eq!(stats.spans + stats.spans_evicted_by_bytes, 30_000);
    assert_eq!(stats.traces + stats.traces_evicted_by_bytes, 10_000);
    // Exactly the last ones are left, and whole.
    for trace in 1..=10_000u64 {
        let spans = store
            .trace(trace.into())
            .map(|batches| batches[0].scope_spans[0].spans.len());
        let expected = (trace > 10_000 - stats.traces).then_some(3);
        assert_eq!(spans, expected, "trace {trace}");
    }
    store.evict_expired(start + Duration::from_secs(4000));
    assert_eq!((store.stats().bytes, store.stats().spans), (0, 0));
}

#[test]
fn a_trace_cannot_grow_beyond_its_limit() {
    let store = Store::new(Limits {
        max_bytes_per_trace: 10_000,
        ..Limits::default()
    });
    let now = SystemTime::now();
    let taken = store
        .push(batch("a", (1..=1_000).map(|id| span(5, id)).collect()), now)
        .unwrap();
    assert!(taken.accepted > 50 && taken.rejected > 500);
    assert_eq!(taken.accepted + taken.rejected, 1_000);
    assert!(
        taken
            .message
            .starts_with("TRACE_TOO_LARGE: max size of trace (10000 bytes) exceeded")
    );
    assert_eq!(store.stats().spans, taken.accepted);
    assert_eq!(store.stats().spans_refused_trace_too_large, taken.rejected);
    // Others are not concerned.
    assert_eq!(
        store
            .push(batch("a", vec![span(6, 1)]), now)
            .unwrap()
            .rejected,
        0
    );
}

#[test]
fn long_attributes_are_cut_as_tempo_cuts_them() {
    let store = Store::new(Limits::default());
    let long = Span {
        attributes: vec![text(&"k".repeat(3000), "ü".repeat(3000))],
        ..span(5, 1)
    };
    store
        .push(batch("a", vec![long]), SystemTime::now())
        .unwrap();
    let trace = store.trace(5).unwrap();
    let found = &trace[0].scope_spans[0].spans[0].attributes[0];
    assert_eq!(found.key, "k".repeat(2048));
    assert_eq!(found, &text(&"k".repeat(2048), "ü".repeat(1024)));
    assert_eq!(store.stats().attributes_truncated, 2);
}

#[test]
fn a_batch_beyond_the_burst_is_refused_for_good() {
    let store = Store::new(Limits {
        ingest_burst_bytes: 100,
        ..Limits::default()
    });
    let refused = store.push(batch("a", vec![span(5, 1)]), SystemTime::now());
    assert!(matches!(
        refused,
        Err(Refusal::RateLimited {
            retry_after: None,
            ..
        })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Traces that come in pieces, twice, of several services, too large, and go by age and by bytes.
    #[test]
    fn the_counts_of_a_store_are_those_of_what_it_holds(
        steps in prop::collection::vec((0u128..12, 1u64..40, 0usize..4, 0u64..30), 1..60)
    ) {
        let limits = Limits {
            max_age: Duration::from_secs(60),
            max_bytes: 60_000,
            max_bytes_per_trace: 6_000,
            ..Limits::default()
        };
        let store = Store::new(limits);
        let mut now = SystemTime::now();
        for (trace, count, service, seconds) in steps {
            now += Duration::from_secs(seconds);
            let spans = (1..=count).map(|id| span(trace + 1, id * 7 % 50 + 1)).collect();
            let services = ["a", "b", "c", ""];
            let _ = store.push(batch(services[service], spans), now);

            let held: Vec<usize> = (1..=12)
                .filter_map(|id| store.trace(id))
                .map(|batches| {
                    let scopes = batches.iter().flat_map(|batch| &batch.scope_spans);
                    scopes.map(|scope| scope.spans.len()).sum()
                })
                .collect();
            let stats = store.stats();
            prop_assert_eq!(stats.traces, held.len() as u64);
            prop_assert_eq!(stats.spans, held.iter().sum::<usize>() as u64);
            prop_assert!(held.iter().all(|spans| *spans > 0));
            let gone = stats.spans_evicted_by_age + stats.spans_evicted_by_bytes;
            prop_assert_eq!(stats.spans_ingested, stats.spans + gone);
            prop_assert!(stats.bytes <= 60_000);
        }
        store.evict_expired(now + Duration::from_secs(61));
        let stats = store.stats();
        prop_assert_eq!((stats.traces, stats.spans, stats.bytes), (0, 0, 0));
    }
}
