//! Live tails over WebSocket.

use std::time::Duration;

use crate::support::logs::{Backend, NOW, Socket, encode, stream};
use lab_backends::logs::store::Entry;
use lab_backends::logs::{Clock, Limits, Store};

fn tail_path(query: &str, more: &[(&str, &str)]) -> String {
    format!(
        "/loki/api/v1/tail?{}",
        encode(&[&[("query", query)], more].concat())
    )
}

/// The WebSocket client blocks; the server must not.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_gets_history_then_new_lines_through_its_pipeline() {
    let backend = Backend::start(Limits::default()).await;
    let push = |lines: &[&str]| {
        let entries = lines.iter().zip(0..);
        let entries =
            entries.map(|(line, n)| Entry::new(NOW - 1000 + n + line.len() as i64, *line));
        backend
            .store
            .push(vec![stream(&[("app", "a")], entries.collect())])
            .unwrap();
    };
    push(&["level=info old", "level=warn old"]);
    let path = tail_path(r#"{app="a"} | logfmt | level="info""#, &[]);
    let address = backend.address;
    let (mut socket, first) = blocking(move || {
        let mut socket = Socket::open(address, &path).unwrap();
        let first = socket.next();
        (socket, first)
    })
    .await;
    assert_eq!(first["streams"][0]["values"][0][1], "level=info old");
    assert_eq!(first["streams"].as_array().unwrap().len(), 1);
    push(&["level=warn newer", "level=info newer"]);
    let second = blocking(move || socket.next()).await;
    assert_eq!(second["streams"][0]["stream"]["app"], "a");
    assert_eq!(second["streams"][0]["values"][0][1], "level=info newer");
    assert_eq!(second["streams"][0]["values"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tails_are_bounded_in_number_and_free_their_place_when_they_go() {
    let limits = Limits {
        max_tails: 1,
        ..Limits::default()
    };
    let backend = Backend::start(limits).await;
    let address = backend.address;
    let open = move || Socket::open(address, &tail_path(r#"{app="a"}"#, &[]));
    let socket = blocking(open).await.unwrap();
    let refused = blocking(open).await.err().unwrap();
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    drop(socket);
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while blocking(open).await.is_err() {
        assert!(std::time::Instant::now() < deadline);
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_tails_are_refused() {
    let backend = Backend::start(Limits::default()).await;
    let address = backend.address;
    for (query, more) in [
        ("{", [("limit", "1")]),
        ("vector(1)", [("limit", "1")]),
        ("{a=\"b\"}", [("delay_for", "6")]),
        ("{a=\"b\"}", [("limit", "0")]),
    ] {
        let path = tail_path(query, &more);
        let refused = blocking(move || Socket::open(address, &path))
            .await
            .err()
            .unwrap();
        assert!(refused.starts_with("HTTP/1.1 400"), "{query}: {refused}");
    }
}

#[tokio::test]
async fn a_slow_reader_loses_lines_and_is_told() {
    let store = Store::with_clock(Limits::default(), Clock::from_fn(|| NOW));
    let mut tail = store.follow(Vec::new()).unwrap();
    for n in 0..3000 {
        let entry = Entry::new(NOW + n, n.to_string());
        store
            .push(vec![stream(&[("app", "a")], vec![entry])])
            .unwrap();
    }
    let lost = store.stats().tail_dropped;
    assert_eq!(lost, 3000 - 1024);
    let dropped = tail.take_dropped();
    assert_eq!(dropped.len(), 10);
    assert_eq!(dropped[0].ts, NOW + 1024);
    assert!(tail.next().await.is_some());
    let large = vec![Entry::new(NOW + 9000, "x".repeat(200 << 10)); 1];
    for n in 0..100 {
        let mut entries = large.clone();
        entries[0].ts += n;
        store.push(vec![stream(&[("app", "a")], entries)]).unwrap();
    }
    let mut waiting = 0;
    while let Some(batch) = tail.ready() {
        waiting += batch.entries.iter().map(Entry::bytes).sum::<usize>();
    }
    assert!(waiting <= 9 << 20, "{waiting}");
}
