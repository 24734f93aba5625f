//! What comes into the log store, what is refused, and what has to go.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crate::support::logs::{Answer, Backend, NOW, SECOND, encode, stream};
use lab_backends::logs::Limits;
use lab_backends::logs::ingest::{
    EntryProto, LabelProto, PushRequestProto, StreamProto, TimestampProto,
};
use lab_backends::logs::store::Entry;
use prost::Message;
use serde_json::json;

fn protobuf(labels: &str, ts: i64, line: &str) -> Vec<u8> {
    let request = PushRequestProto {
        streams: vec![StreamProto {
            labels: labels.to_owned(),
            entries: vec![EntryProto {
                timestamp: Some(TimestampProto {
                    seconds: ts / SECOND,
                    nanos: i32::try_from(ts % SECOND).unwrap(),
                }),
                line: line.into(),
                structured_metadata: vec![LabelProto {
                    name: "trace_id".into(),
                    value: "abc".into(),
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
    // One bucket: as in Loki a vector.
    assert_eq!(of_range["resultType"], "vector");
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

/// A push of the lines of one stream, as JSON with bytes as they are.
fn raw_push(values: &[&[u8]]) -> Vec<u8> {
    let mut body = br#"{"streams":[{"stream":{"app":"a"},"values":["#.to_vec();
    body.extend(values.join(&b","[..]));
    body.extend(b"]}]}");
    body
}

#[tokio::test]
async fn bytes_that_are_no_text_cost_no_line() {
    let backend = Backend::start(Limits::default()).await;
    let ts = format!("[\"{NOW}\",");
    let good = [ts.as_bytes(), b"\"a good line\"]"].concat();
    let latin = [ts.as_bytes(), b"\"caf\xe9\"]"].concat();
    let pushed = backend.push_json(raw_push(&[&good, &latin])).await;
    assert_eq!(pushed.status, 204, "{}", pushed.text);
    let mut lines = backend.lines(r#"{app="a"}"#).await;
    lines.sort();
    assert_eq!(lines, ["a good line", "caf\u{fffd}"]);
    // The byte is found by what it became, also when it is written as an escape.
    assert_eq!(
        backend.lines(r#"{app="a"} |= "\xe9""#).await,
        ["caf\u{fffd}"]
    );

    let mut request = PushRequestProto::decode(&*protobuf("{app=\"b\"}", NOW, "x")).unwrap();
    request.streams[0].entries[0].line = b"na\xefve".to_vec();
    request.streams[0].entries[0].structured_metadata[0].value = b"\xff".to_vec();
    let body = snappy(&request.encode_to_vec());
    let headers = [("content-type", "application/x-protobuf")];
    assert_eq!(push(&backend, &headers, body).await.status, 204);
    assert_eq!(backend.lines(r#"{app="b"}"#).await, ["na\u{fffd}ve"]);
}

#[tokio::test]
async fn metadata_is_found_under_label_names() {
    let backend = Backend::start(Limits::default()).await;
    let body = json!({"streams": [{"stream": {"app": "a"}, "values": [
        [NOW.to_string(), "hello", {"http.route": "/x", "k8s-pod": "p", "1st": "one"}],
    ]}]});
    assert_eq!(backend.push_json(body.to_string()).await.status, 204);
    for query in [
        r#"{app="a"} | http_route="/x""#,
        r#"{app="a"} | k8s_pod="p""#,
        r#"{app="a"} | key_1st="one""#,
    ] {
        assert_eq!(backend.lines(query).await, ["hello"], "{query}");
    }
    let nameless = json!({"streams": [{"stream": {"app": "a"}, "values": [
        [NOW.to_string(), "kept", {"a": "b"}],
        [NOW.to_string(), "refused", {"é": "x"}],
    ]}]});
    let answer = backend.push_json(nameless.to_string()).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("normalization for label name \"é\" resulted in invalid name"),
        "{}",
        answer.text
    );
    assert_eq!(backend.lines(r#"{app="a"} | a="b""#).await, ["kept"]);
    assert!(backend.lines(r#"{app="a"} |= "refused""#).await.is_empty());
}

#[tokio::test]
async fn lines_of_one_time_are_moved_apart_where_the_limits_say_so() {
    let lines = ["a", "a", "b", "c", "b"];
    for (increment, expected) in [
        (true, vec![(0, "a"), (1, "b"), (2, "c"), (3, "b")]),
        (false, vec![(0, "a"), (0, "b"), (0, "c")]),
    ] {
        let backend = Backend::start(Limits {
            increment_duplicate_timestamp: increment,
            ..Limits::default()
        })
        .await;
        let values: Vec<_> = lines
            .iter()
            .map(|line| json!([NOW.to_string(), line]))
            .collect();
        let body = json!({"streams": [{"stream": {"app": "a"}, "values": values}]});
        assert_eq!(backend.push_json(body.to_string()).await.status, 204);
        let answer = backend
            .range(
                r#"{app="a"}"#,
                &[("direction", "forward"), ("end", "1795360561")],
            )
            .await;
        let values = answer.json()["data"]["result"][0]["values"].clone();
        let expected: Vec<_> = expected
            .iter()
            .map(|(later, line)| json!([(NOW + later).to_string(), line]))
            .collect();
        assert_eq!(values, json!(expected), "{increment}");
    }
}
