//! What comes into the log store, what is refused, and what has to go.

#![allow(clippy::unwrap_used, reason = "a test stops where its set-up fails")]

mod support {
    pub mod logs;
}

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prost::Message;
use salvo_observability::embedded::logs::api::{
    EntryProto, LabelProto, PushRequestProto, StreamProto, TimestampProto,
};
use salvo_observability::embedded::logs::store::{Entry, PushError};
use salvo_observability::embedded::logs::{Clock, Limits, LogStore};
use serde_json::json;
use support::logs::{Answer, Backend, NOW, SECOND, Socket, encode, stream};

fn protobuf(labels: &str, ts: i64, line: &str) -> Vec<u8> {
    let request = PushRequestProto {
        streams: vec![StreamProto {
            labels: labels.to_owned(),
            entries: vec![EntryProto {
                timestamp: Some(TimestampProto {
                    seconds: ts / SECOND,
                    nanos: i32::try_from(ts % SECOND).unwrap(),
                }),
                line: line.to_owned(),
                structured_metadata: vec![LabelProto {
                    name: "trace_id".to_owned(),
                    value: "abc".to_owned(),
                }],
            }],
        }],
    };
    request.encode_to_vec()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

async fn push(backend: &Backend, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
    backend
        .request("POST", "/loki/api/v1/push", headers, body)
        .await
}

fn json_of(pairs: serde_json::Value, ts: i64, line: &str) -> String {
    json!({"streams": [{"stream": pairs, "values": [[ts.to_string(), line]]}]}).to_string()
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn all_forms_of_a_push_are_kept_alike() {
    let backend = Backend::start(Limits::default()).await;
    let body = snappy(&protobuf("{app=\"a\"}", NOW - 5, "protobuf"));
    assert_eq!(push(&backend, &[PROTOBUF], body).await.status, 204);
    let body = json_of(json!({"app": "a"}), NOW - 4, "json").into_bytes();
    assert_eq!(push(&backend, &[JSON], body).await.status, 204);
    let body = gzip(json_of(json!({"app": "a"}), NOW - 3, "gzip").as_bytes());
    assert_eq!(
        push(&backend, &[JSON, ("content-encoding", "gzip")], body)
            .await
            .status,
        204
    );
    let body = json!({"streams": [{"labels": "{app=\"a\"}", "entries": [
        {"ts": "2026-11-22T15:15:59.999999998Z", "line": "legacy"}]}]});
    let legacy = backend
        .request("POST", "/api/prom/push", &[JSON], body.to_string())
        .await;
    assert_eq!(legacy.status, 204, "{}", legacy.text);
    let lines = backend.lines("{app=\"a\"}").await;
    assert_eq!(lines, ["protobuf", "json", "gzip", "legacy"]);
    assert_eq!(
        backend.lines("{app=\"a\"} | trace_id=\"abc\"").await,
        ["protobuf"]
    );
}

/// Headers and body of a push, and the status that it gets.
type Case<'c> = (&'c [(&'c str, &'c str)], Vec<u8>, u16);

#[tokio::test]
async fn garbage_is_refused_and_nothing_breaks() {
    let limits = Limits {
        max_decompressed_bytes: 1 << 20,
        max_push_bytes: 1 << 20,
        ..Limits::default()
    };
    let backend = Backend::start(limits).await;
    let good = protobuf("{app=\"a\"}", NOW, "line");
    let mut cut = snappy(&good);
    cut.truncate(cut.len() / 2);
    let zeros = vec![0; 3 << 20];
    let gzip_json = [JSON, ("content-encoding", "gzip")];
    let cases: Vec<Case<'_>> = vec![
        (&[PROTOBUF], b"garbage".to_vec(), 400),
        (&[PROTOBUF], Vec::new(), 400),
        (&[PROTOBUF], cut, 400),
        (&[PROTOBUF], snappy(b"\xff\xff\xff\xff"), 400),
        (&[PROTOBUF], snappy(&good[..good.len() - 3]), 400),
        (&[PROTOBUF], snappy(&zeros), 413),
        (&[PROTOBUF], b"\xff\xff\xff\xff\x0f".to_vec(), 413),
        (&[PROTOBUF], snappy(&protobuf("{app=", NOW, "x")), 400),
        (
            &[PROTOBUF],
            snappy(&protobuf("rate({a=\"b\"}[1m])", NOW, "x")),
            400,
        ),
        (
            &[PROTOBUF],
            snappy(&protobuf("{a=\"b\",a=\"c\"}", NOW, "x")),
            400,
        ),
        (&gzip_json, b"no gzip".to_vec(), 400),
        (&gzip_json, gzip(&zeros), 413),
        (&[JSON, ("content-encoding", "br")], b"{}".to_vec(), 400),
        (&[JSON], b"\xff\xfe".to_vec(), 400),
        (&[JSON], b"[]".to_vec(), 400),
        (&[JSON], "[".repeat(100_000).into_bytes(), 400),
        (
            &[JSON],
            br#"{"streams":[{"stream":{"a":1},"values":[]}]}"#.to_vec(),
            400,
        ),
        (
            &[JSON],
            br#"{"streams":[{"stream":{"a":"b"},"values":[["1"]]}]}"#.to_vec(),
            400,
        ),
        (&[], b"{}".to_vec(), 400),
    ];
    for (at, (headers, body, status)) in cases.into_iter().enumerate() {
        let answer = push(&backend, headers, body).await;
        assert_eq!(answer.status, status, "case {at}: {}", answer.text);
        assert!(answer.text.ends_with('\n'), "case {at}: {:?}", answer.text);
    }
    assert_eq!(backend.store.stats().refused_requests, 19);
    assert_eq!(backend.store.stats().entries, 0);
    assert_eq!(push(&backend, &[PROTOBUF], snappy(&good)).await.status, 204);
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_before_they_are_sent() {
    let backend = Backend::start(Limits::default()).await;
    let address = backend.address;
    let status = tokio::task::spawn_blocking(move || {
        use std::io::Read;
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let head = format!(
            "POST /loki/api/v1/push HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            100 << 20
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut status = [0; 12];
        socket.read_exact(&mut status).unwrap();
        String::from_utf8(status.to_vec()).unwrap()
    });
    assert_eq!(status.await.unwrap(), "HTTP/1.1 413");
    assert_eq!(backend.get("/ready", &[]).await.status, 200);
}

#[tokio::test]
async fn hostile_labels_are_refused_by_name() {
    let backend = Backend::start(Limits::default()).await;
    let many: serde_json::Map<String, serde_json::Value> =
        (0..16).map(|n| (format!("l{n}"), json!("x"))).collect();
    let cases = [
        (json!(many), "entry for stream '{"),
        (json!({"x".repeat(1025): "v"}), "stream '{"),
        (json!({"a": "v".repeat(2049)}), "stream '{"),
        (
            json!({"a-b": "v"}),
            "error parsing labels '{a-b=\"v\"}' with error: invalid label name",
        ),
        (json!({"": "v"}), "error parsing labels"),
        (json!({"a\"}\n": "v"}), "error parsing labels"),
        (
            json!({"a": ""}),
            "error at least one label pair is required per stream",
        ),
    ];
    for (labels, expected) in cases {
        let answer = backend.push_json(json_of(labels, NOW, "x")).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text.starts_with(expected), "{:.200}", answer.text);
        assert!(answer.text.len() < 20_000);
    }
    assert_eq!(backend.store.stats().streams, 0);
}

#[tokio::test]
async fn what_is_valid_in_a_push_is_kept() {
    let backend = Backend::start(Limits::default()).await;
    let week = 7 * 24 * 3600 * SECOND;
    let body = json!({"streams": [{"stream": {"app": "a"}, "values": [
        [(NOW - 1).to_string(), "good"],
        [(NOW - week - SECOND).to_string(), "old"],
        [(NOW - week - SECOND).to_string(), "older"],
        [(NOW + 601 * SECOND).to_string(), "future"],
        [NOW.to_string(), "x".repeat((256 << 10) + 1)],
    ]}]});
    let answer = backend.push_json(body.to_string()).await;
    assert_eq!(answer.status, 400);
    for part in [
        "2 errors like: entry for stream '{app=\"a\"}' has timestamp too old: 2026-11-15T15:15:59Z, oldest acceptable timestamp is: 2026-11-15T15:16:00Z",
        "1 errors like: entry for stream '{app=\"a\"}' has timestamp too new: 2026-11-22T15:26:01Z",
        "1 errors like: max entry size '262144' bytes exceeded for stream '{app=\"a\"}' while adding an entry with length '262145' bytes",
    ] {
        assert!(answer.text.contains(part), "{}", answer.text);
    }
    assert_eq!(backend.lines("{app=\"a\"}").await, ["good"]);
    let stats = backend.store.stats();
    assert_eq!(
        (
            stats.refused_too_old,
            stats.refused_too_new,
            stats.refused_too_long
        ),
        (2, 1, 1)
    );
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
    let store = LogStore::with_clock(small, Clock::from_fn(|| NOW));
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
    let store = LogStore::with_clock(Limits::default(), Clock::from_fn(|| NOW));
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
    let store = LogStore::with_clock(limits, Clock::from_fn(|| NOW));
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
    let store = LogStore::with_clock(limits, Clock::from_fn(|| NOW));
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
    backend.store.sweep();
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
    let store = LogStore::with_clock(Limits::default(), Clock::from_fn(|| NOW));
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

#[tokio::test]
async fn labels_values_series_and_volumes_follow_their_selectors() {
    let backend = Backend::start(Limits::default()).await;
    for app in ["a", "b"] {
        let entries = vec![Entry::new(NOW - SECOND, format!("line of {app}"))];
        backend
            .store
            .push(vec![stream(&[("app", app), ("env", "test")], entries)])
            .unwrap();
    }
    let range = [("start", "1795360000"), ("end", "1795360560")];
    let ask = async |path: &str, more: &[(&str, &str)]| {
        let params = [&range, more].concat();
        backend
            .get(&format!("/loki/api/v1/{path}"), &params)
            .await
            .json()["data"]
            .clone()
    };
    assert_eq!(ask("labels", &[]).await, json!(["app", "env"]));
    assert_eq!(
        ask("label/app/values", &[("query", r#"{app="b"}"#)]).await,
        json!(["b"])
    );
    let selectors = [("match[]", r#"{app="a"}"#), ("match[]", r#"{env="test"}"#)];
    let both = json!([{"app": "a", "env": "test"}, {"app": "b", "env": "test"}]);
    assert_eq!(ask("series", &selectors).await, both);
    assert_eq!(
        ask("series", &[("match[]", r#"{app="c"}"#)]).await,
        json!([])
    );
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let posted = backend
        .request(
            "POST",
            "/loki/api/v1/series",
            &headers,
            encode(&[&range[..], &selectors].concat()),
        )
        .await;
    assert_eq!(posted.json()["data"], both);
    let volume = [
        ("query", r#"{env="test"}"#),
        ("targetLabels", "app"),
        ("step", "600"),
    ];
    let of_range = ask("index/volume_range", &volume).await;
    assert_eq!(of_range["resultType"], "matrix");
    assert_eq!(of_range["result"].as_array().unwrap().len(), 2);
    let by_labels = [("query", r#"{env="test"}"#), ("aggregateBy", "labels")];
    let by_labels = ask("index/volume", &by_labels).await;
    assert_eq!(by_labels["result"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_during_ingest_see_whole_lines_and_lose_none() {
    let backend = Backend::start(Limits::default()).await;
    let store = Arc::clone(&backend.store);
    let writer = tokio::task::spawn_blocking(move || {
        for n in 0..5000 {
            let entry = Entry::new(NOW - 5000 + n, format!("line {n} end"));
            store
                .push(vec![stream(&[("app", "a")], vec![entry])])
                .unwrap();
        }
    });
    while !writer.is_finished() {
        let answer = backend
            .instant(r#"sum(count_over_time({app="a"} !~ "^line \\d+ end$" [1h]))"#)
            .await;
        assert_eq!(answer.json()["data"]["result"], json!([]));
    }
    writer.await.unwrap();
    let all = backend
        .instant(r#"sum(count_over_time({app="a"}[1h]))"#)
        .await
        .json();
    assert_eq!(all["data"]["result"][0]["value"][1], "5000");
}
