//! Of too many matches the same ones are kept as in Tempo, however rare they are.

#![cfg(feature = "lab")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "support/spans.rs"]
mod spans;
#[path = "support/traces.rs"]
mod support;

use std::time::{Duration, SystemTime};

use salvo_observability::embedded::traces::search::{Request, Wanted, search};
use salvo_observability::embedded::traces::{Limits, Store, traceql};
use spans::{batch, span};

/// Traces 3000, 2999, … 1 arrive in this order in one minute, then 3001 to 3005 five minutes later.
fn store() -> Store {
    let store = Store::new(Limits::default());
    let now = SystemTime::now();
    for trace in (1..=3000u64).rev() {
        let service = if trace % 500 == 0 { "rare" } else { "common" };
        let arrived = now + Duration::from_millis(3000 - trace);
        store
            .push(batch(service, vec![span(trace.into(), trace)]), arrived)
            .unwrap();
    }
    for trace in 3001..=3005u64 {
        let arrived = now + Duration::from_secs(300);
        store
            .push(batch("late", vec![span(trace.into(), trace)]), arrived)
            .unwrap();
    }
    store
}

fn found(store: &Store, query: &str, limit: usize) -> Vec<u128> {
    let request = Request {
        wanted: Wanted::Query(traceql::parse(query).unwrap()),
        start: 0,
        end: 0,
        limit,
        spans_per_spanset: 3,
    };
    let hits = search(store, &request).unwrap();
    hits.into_iter().map(|hit| hit.id).collect()
}

#[test]
fn the_newest_arrivals_come_first_and_among_them_the_lowest_ids() {
    let store = store();
    assert_eq!(found(&store, "{}", 3), [3003, 3002, 3001]);
    assert_eq!(found(&store, "{}", 7), [3005, 3004, 3003, 3002, 3001, 2, 1]);
    assert_eq!(found(&store, "{}", 10_000).len(), 3005);
}

#[test]
fn rare_matches_are_kept_in_the_same_order_as_frequent_ones() {
    let store = store();
    for query in [
        r#"{ resource.service.name = "rare" }"#,
        r#"{ .service.name =~ "ra.*" }"#,
    ] {
        assert_eq!(found(&store, query, 4), [2000, 1500, 1000, 500], "{query}");
        assert_eq!(found(&store, query, 6).len(), 6, "{query}");
    }
}

#[test]
fn the_hint_most_recent_keeps_those_that_started_last() {
    let store = store();
    let query = "{ resource.service.name = `common` } with (most_recent=true)";
    assert_eq!(found(&store, query, 3), [2999, 2998, 2997]);
}
