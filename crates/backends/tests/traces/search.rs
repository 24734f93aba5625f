//! Of too many matches the same ones are kept as in Tempo, however rare they are.

use std::time::{Duration, SystemTime};

use crate::support::spans::{batch, span};
use lab_backends::traces::engine::search::{Request, SearchError, Wanted, search};
use lab_backends::traces::{Limits, Store, lang};
use lab_backends::wire::{Stop, Stopped};
use opentelemetry_proto::tonic::trace::v1::Status;

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

fn request(query: &str, limit: usize) -> Request {
    Request {
        wanted: Wanted::Query(lang::parse(query).unwrap()),
        start: 0,
        end: 0,
        limit,
        spans_per_spanset: 3,
    }
}

fn found(store: &Store, query: &str, limit: usize) -> Vec<u128> {
    let request = request(query, limit);
    let hits = search(store, &request, &Stop::never()).unwrap();
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

#[test]
fn a_search_ends_when_its_time_is_over() {
    let late = Stop::after(Duration::ZERO);
    let ended = search(&store(), &request("{}", 20), &late).map(|hits| hits.len());
    let why = Stopped::Late(Duration::ZERO);
    assert_eq!(ended, Err(SearchError::Stopped(why)));
}

#[test]
fn one_trace_does_not_outlast_the_time_of_its_search() {
    let store = Store::new(Limits::default());
    let spans = (1..=60_000).map(|id| span(1, id)).collect();
    store.push(batch("wide", spans), SystemTime::now()).unwrap();
    // Every span is matched against all of these, and none fits.
    let slow = ["name =~ `(s|p|a|n| |[0-9])*x`"; 20].join(" || ");
    let query = request(&format!("{{ {slow} }}"), 20);
    let before = std::time::Instant::now();
    let ended = search(&store, &query, &Stop::after(Duration::from_millis(50)));
    assert!(matches!(ended, Err(SearchError::Stopped(Stopped::Late(_)))));
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
}

#[test]
fn what_a_query_makes_in_memory_has_a_bound() {
    let store = Store::new(Limits::default());
    let spans = (1..=20_000).map(|id| span(1, id)).collect();
    store.push(batch("wide", spans), SystemTime::now()).unwrap();
    // Each stage gives each of 20,000 spansets one more attribute.
    let query = format!("{{}}{}", " | by(span:id)".repeat(100));
    let ended = search(&store, &request(&query, 20), &Stop::never());
    assert!(matches!(ended, Err(SearchError::TooMuch(_))));
}

#[test]
fn what_is_known_of_a_whole_trace_leaves_no_match_out() {
    let store = Store::new(Limits::default());
    let now = SystemTime::now();
    for trace in 1..=60_u64 {
        let spans = (0..3).map(|nth| {
            let mut one = span(trace.into(), 10 * trace + nth);
            let number = trace * 7 + nth * 5;
            one.end_time_unix_nano = one.start_time_unix_nano + number % 11 * 1_000_000_000;
            one.kind = (number % 6) as i32;
            let code = (number % 3) as i32;
            one.status = Some(Status {
                code,
                ..Status::default()
            });
            one
        });
        // One of them comes later.
        for spans in spans.collect::<Vec<_>>().chunks(2) {
            store.push(batch("app", spans.to_vec()), now).unwrap();
        }
    }
    for filter in [
        "duration > 9s",
        "duration >= 10s",
        "duration < 1s",
        "duration <= 1s",
        "duration = 3s",
        "duration != 3s",
        "duration > 10s",
        "duration < -1s",
        "duration > -1s",
        "status = error",
        "status = unset",
        "status != ok",
        "kind = client",
        "kind = unspecified && status = ok",
        "duration > 9s && status = error && kind = server",
    ] {
        // A comparison of another attribute may hold too, so that each trace is looked at.
        let each = found(&store, &format!("{{ ({filter}) || .none = 1 }}"), 100);
        let by_bounds = found(&store, &format!("{{ {filter} }}"), 100);
        assert_eq!(by_bounds, each, "{filter}");
        let second = "status = error";
        let both = format!("{{ {filter} }} && {{ {second} }}");
        let each = format!("{{ ({filter}) || .none = 1 }} && {{ {second} || .none = 1 }}");
        assert_eq!(
            found(&store, &both, 100),
            found(&store, &each, 100),
            "{both}"
        );
    }
    assert_eq!(found(&store, "{ duration > 10s }", 100), []);
    assert!(!found(&store, "{ duration > 9s && status = error }", 100).is_empty());
}
