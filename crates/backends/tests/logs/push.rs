//! Pushes as a whole: their forms, and which are refused.

use std::io::Write;
use std::time::Duration;

use crate::support::logs::{Backend, NOW, SECOND};
use crate::support::push::{JSON, PROTOBUF, gzip, json_of, protobuf, push, snappy};
use lab_backends::logs::Limits;
use lab_backends::logs::ingest::{EntryProto, PushRequestProto, StreamProto, TimestampProto};
use prost::Message;
use serde_json::json;

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
            br#"{"streams":[{"stream":["a"],"values":[]}]}"#.to_vec(),
            400,
        ),
        (
            &[JSON],
            br#"{"streams":[{"stream":{"a":"b"},"values":[["1", 2]]}]}"#.to_vec(),
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
            "couldn't parse labels: 1:3: parse error: unexpected character inside braces: '-'",
        ),
        (json!({"": "v"}), "couldn't parse labels"),
        (json!({"a\"}\n": "v"}), "couldn't parse labels"),
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
async fn a_time_whose_nanoseconds_are_more_than_a_second_is_refused_with_its_batch() {
    let backend = Backend::start(Limits::default()).await;
    let entry = |nanos| EntryProto {
        timestamp: Some(TimestampProto {
            seconds: NOW / SECOND,
            nanos,
        }),
        line: "x".into(),
        structured_metadata: Vec::new(),
    };
    for nanos in [-1, 1_000_000_000] {
        let request = PushRequestProto {
            streams: vec![StreamProto {
                labels: r#"{a="b"}"#.to_owned(),
                entries: vec![entry(0), entry(nanos)],
            }],
        };
        let answer = push(&backend, &[PROTOBUF], snappy(&request.encode_to_vec())).await;
        assert_eq!(answer.status, 400);
        let seconds = NOW / SECOND;
        assert_eq!(
            answer.text.trim_end(),
            format!(
                "timestamp: &types.Timestamp{{Seconds: {seconds},\nNanos: {nanos},\n}}: nanos not in range [0, 1e9)"
            )
        );
    }
    assert_eq!(backend.store.stats().streams, 0);
}
