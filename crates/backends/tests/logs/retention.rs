//! What has to go from the log store, and what is refused for its time or its rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::support::logs::{Backend, NOW, SECOND, stream};
use lab_backends::logs::store::{Entry, PushError};
use lab_backends::logs::{Clock, Limits, Store};
use serde_json::json;

fn json_of(pairs: serde_json::Value, ts: i64, line: &str) -> String {
    json!({"streams": [{"stream": pairs, "values": [[ts.to_string(), line]]}]}).to_string()
}

#[tokio::test]
async fn late_entries_are_sorted_in_and_those_too_late_are_refused() {
    let limits = Limits {
        out_of_order_window: Duration::from_secs(60),
        ..Limits::default()
    };
    let backend = Backend::start(limits).await;
    let entries = [0, -30, -10, -60, -20, -61]
        .map(|seconds: i64| Entry::new(NOW + seconds * SECOND, seconds.to_string()));
    let body = json!({"streams": [{"stream": {"app": "a"}, "values":
        entries.iter().map(|e| json!([e.ts.to_string(), e.line])).collect::<Vec<_>>()}]});
    let answer = backend.push_json(body.to_string()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.text,
        "entry with timestamp 2026-11-22 15:14:59 +0000 UTC ignored, reason: 'entry too far behind, entry timestamp is: 2026-11-22T15:14:59Z, oldest acceptable timestamp is: 2026-11-22T15:15:00Z',\nuser 'fake', total ignored: 1 out of 6 for stream: {app=\"a\"}\n"
    );
    let lines = backend.lines("{app=\"a\"}").await;
    assert_eq!(lines, ["-60", "-30", "-20", "-10", "0"]);
}

#[test]
fn any_order_of_arrival_gives_the_same_lines_and_counts_duplicates_once() {
    let small = Limits {
        max_bytes: 8 << 20,
        ..Limits::default()
    };
    let store = Store::with_clock(small, Clock::from_fn(|| NOW));
    // A fixed scramble of 0..20000, each sent twice, in chunks that have to be split.
    for round in 0..2 {
        for n in 0..20_000_i64 {
            let n = (n * 7919 + round) % 20_000;
            let entry = Entry::new(NOW - n / 3 * 1000, format!("line {n} {}", "x".repeat(20)));
            store
                .push(vec![stream(&[("app", "a")], vec![entry])])
                .unwrap();
        }
    }
    let stats = store.stats();
    assert_eq!(stats.evicted_by_bytes, 0);
    assert_eq!((stats.entries, stats.duplicates), (20_000, 20_000));
    let views = store.select(&[], i64::MIN, i64::MAX);
    let times: Vec<i64> = views[0]
        .chunks
        .iter()
        .flat_map(|chunk| (0..chunk.len()).map(|at| chunk.entry(at).unwrap().ts))
        .collect();
    assert!(times.is_sorted());
}

#[test]
fn many_lines_of_one_timestamp_are_kept_in_order_without_duplicates() {
    let store = Store::with_clock(Limits::default(), Clock::from_fn(|| NOW));
    for _ in 0..2 {
        let entries = (0..30_000)
            .map(|n| Entry::new(NOW, n.to_string()))
            .collect();
        store.push(vec![stream(&[("app", "a")], entries)]).unwrap();
    }
    assert_eq!(
        (store.stats().entries, store.stats().duplicates),
        (30_000, 30_000)
    );
    let views = store.select(&[], i64::MIN, i64::MAX);
    let lines: Vec<usize> = views[0]
        .chunks
        .iter()
        .flat_map(|chunk| (0..chunk.len()).map(|at| chunk.entry(at).unwrap().line.parse().unwrap()))
        .collect();
    assert_eq!(lines, (0..30_000).collect::<Vec<_>>());
}

#[test]
fn memory_stays_under_its_limit_and_the_oldest_lines_go_first() {
    let limits = Limits {
        max_bytes: 1 << 20,
        ..Limits::default()
    };
    let store = Store::with_clock(limits, Clock::from_fn(|| NOW));
    for n in 0..20_000_i64 {
        let app = ["a", "b", "c"][usize::try_from(n % 3).unwrap()];
        let mut entry = Entry::new(
            NOW - (20_000 - n) * 1_000_000,
            format!("{n} {}", "x".repeat(100)),
        );
        if n % 2 == 0 {
            entry
                .metadata
                .push(("trace_id".into(), format!("{n:032x}")));
        }
        store
            .push(vec![stream(&[("app", app)], vec![entry])])
            .unwrap();
        assert!(store.stats().bytes <= 1 << 20, "{n}: {:?}", store.stats());
    }
    let stats = store.stats();
    assert_eq!(stats.ingested_entries, 20_000);
    assert_eq!(stats.evicted_by_bytes + stats.entries, 20_000);
    assert!(stats.bytes > 900 << 10, "{stats:?}");
    // The newest are there, the oldest are not, in every stream.
    for view in store.select(&[], i64::MIN, i64::MAX) {
        assert!(view.chunks.last().unwrap().max_ts() >= NOW - 3_000_000);
        assert!(view.chunks[0].min_ts() > NOW - 20_000_000_000);
    }
}

#[test]
fn a_flood_of_streams_stays_within_its_limits() {
    let limits = Limits {
        max_streams: 100,
        max_bytes: 64 << 10,
        ..Limits::default()
    };
    let store = Store::with_clock(limits, Clock::from_fn(|| NOW));
    let mut refused = 0;
    for n in 0..1000 {
        let pushed = store.push(vec![stream(
            &[("id", &n.to_string())],
            vec![Entry::new(NOW, "x")],
        )]);
        match pushed {
            Ok(()) => {}
            Err(error @ PushError::TooManyStreams(_)) => {
                assert_eq!(error.status(), 429);
                assert!(
                    error
                        .to_string()
                        .starts_with("maximum active stream limit exceeded")
                );
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
        assert!(store.stats().bytes <= 64 << 10);
        assert!(store.stats().streams <= 100);
    }
    let stats = store.stats();
    assert_eq!(stats.refused_streams, refused);
    assert_eq!(stats.ingested_entries + refused, 1000);
}

#[tokio::test]
async fn lines_beyond_their_age_disappear_and_give_memory_back() {
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = Arc::clone(&now);
    let limits = Limits {
        max_age: Duration::from_secs(600),
        ..Limits::default()
    };
    let clock = Clock::from_fn(move || clock.load(Ordering::Relaxed));
    let backend = Backend::at(limits, clock).await;
    for minute in 0..10 {
        let entry = Entry::new(NOW - minute * 60 * SECOND, minute.to_string());
        backend
            .store
            .push(vec![stream(&[("app", "a")], vec![entry])])
            .unwrap();
    }
    now.store(NOW + 301 * SECOND, Ordering::Relaxed);
    assert_eq!(
        backend.lines("{app=\"a\"}").await,
        ["4", "3", "2", "1", "0"]
    );
    now.store(NOW + 3600 * SECOND, Ordering::Relaxed);
    backend.store.evict_expired();
    let stats = backend.store.stats();
    assert_eq!((stats.entries, stats.streams, stats.bytes), (0, 0, 0));
    assert_eq!(stats.evicted_by_age, 10);
}

#[tokio::test]
async fn beyond_the_rate_a_push_is_refused_whole_and_what_was_accepted_stays() {
    let now = Arc::new(AtomicI64::new(NOW));
    let clock = Arc::clone(&now);
    let limits = Limits {
        ingest_bytes_per_second: 1000,
        ingest_burst_bytes: 1000,
        ..Limits::default()
    };
    let backend = Backend::at(
        limits,
        Clock::from_fn(move || clock.load(Ordering::Relaxed)),
    )
    .await;
    let body = |n: i64| {
        json_of(
            json!({"app": "a"}),
            NOW + n,
            &format!("{n}{}", "x".repeat(599)),
        )
    };
    assert_eq!(backend.push_json(body(1)).await.status, 204);
    let refused = backend.push_json(body(2)).await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.text,
        "ingestion rate limit exceeded for user fake (limit: 1000 bytes/sec) while attempting to ingest '1' lines totaling '600' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased\n"
    );
    now.fetch_add(SECOND, Ordering::Relaxed);
    assert_eq!(backend.push_json(body(2)).await.status, 204);
    let stats = backend.store.stats();
    assert_eq!((stats.entries, stats.refused_rate), (2, 1));
}

/// What a store says it holds, counted from what it gives back.
fn counted(store: &Store) -> [u64; 4] {
    /// What a stream takes beside its labels and chunks.
    const OVERHEAD: usize = 400;
    let views = store.select(&[], i64::MIN, i64::MAX);
    let chunks = || views.iter().flat_map(|view| &view.chunks);
    let labels: usize = views
        .iter()
        .map(|view| view.labels.bytes() + OVERHEAD)
        .sum();
    let bytes: usize = chunks().map(|chunk| chunk.bytes()).sum();
    [
        views.len() as u64,
        chunks().count() as u64,
        chunks().map(|chunk| chunk.len() as u64).sum(),
        (labels + bytes) as u64,
    ]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    #[test]
    fn gauges_are_what_is_kept_whatever_comes_and_goes(
        steps in proptest::collection::vec(
            (0..6_usize, -100..20_i64, 0..400_usize, 1..12_usize, 0..30_i64),
            1..120,
        )
    ) {
        let now = Arc::new(AtomicI64::new(NOW));
        let clock = Arc::clone(&now);
        let limits = Limits {
            max_age: Duration::from_secs(120),
            max_bytes: 24 << 10,
            max_streams: 5,
            out_of_order_window: Duration::from_secs(60),
            ..Limits::default()
        };
        let store = Store::with_clock(limits, Clock::from_fn(move || clock.load(Ordering::Relaxed)));
        for (app, age, len, count, passed) in steps {
            let ts = now.fetch_add(passed * SECOND, Ordering::Relaxed) + passed * SECOND;
            let entries = (0..count).map(|n| {
                let mut entry = Entry::new(ts + age * SECOND, format!("{n} {}", "x".repeat(len)));
                entry.metadata.push(("n".into(), n.to_string()));
                entry
            });
            // A reader that holds on to the chunks must not change the books.
            let held = (count % 2 == 0).then(|| store.select(&[], i64::MIN, i64::MAX));
            let _ = store.push(vec![stream(&[("app", &app.to_string())], entries.collect())]);
            drop(held);
            if passed % 7 == 0 {
                store.evict_expired();
            }
            let stats = store.stats();
            let said = [stats.streams, stats.chunks, stats.entries, stats.bytes];
            proptest::prop_assert_eq!(said, counted(&store));
            proptest::prop_assert!(stats.bytes <= 24 << 10);
            let gone = stats.evicted_by_age + stats.evicted_by_bytes;
            proptest::prop_assert_eq!(stats.ingested_entries, stats.entries + gone);
        }
    }
}
