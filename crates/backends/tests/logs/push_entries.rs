//! Entries of a push: which are kept, and what becomes of their text, metadata and time.

use std::sync::Arc;

use crate::support::logs::{Backend, NOW, SECOND, stream};
use crate::support::push::{PROTOBUF, protobuf, push, snappy};
use lab_backends::logs::Limits;
use lab_backends::logs::ingest::PushRequestProto;
use lab_backends::logs::store::Entry;
use prost::Message;
use serde_json::{Value, json};

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
    assert_eq!(push(&backend, &[PROTOBUF], body).await.status, 204);
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
    for name in ["é", "_", "___", ""] {
        let nameless = json!({"streams": [{"stream": {"app": "n"}, "values": [
            [NOW.to_string(), "refused", {name: "x"}],
        ]}]});
        let answer = backend.push_json(nameless.to_string()).await;
        assert_eq!(answer.status, 400, "{name:?}");
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

/// Metadata whose names become the same label name, and the value that Loki 3.7.6 kept.
const SAME_NAMES: [(&str, &str); 9] = [
    (r#"{"a.b":"1","a_b":"2"}"#, "1"),
    (r#"{"a_b":"2","a.b":"1"}"#, "1"),
    (r#"{"a.b":"1","a-b":"2","a b":"3"}"#, "3"),
    (r#"{"a.b":"z","a-b":"b"}"#, "b"),
    (r#"{"a-b":"b","a.b":"z"}"#, "z"),
    (r#"{"a_b":"2","a_b":"1"}"#, "1"),
    (r#"{"a_b":"1","a_b":"2"}"#, "2"),
    (r#"{"a.b":"","a_b":"2"}"#, ""),
    (r#"{"a_b":"2","a.b":""}"#, ""),
];

#[tokio::test]
async fn of_metadata_with_the_same_label_name_one_is_kept_as_in_loki() {
    for (metadata, kept) in SAME_NAMES {
        let backend = Backend::start(Limits::default()).await;
        let body = format!(
            r#"{{"streams":[{{"stream":{{"app":"a"}},"values":[["{NOW}","line",{metadata}]]}}]}}"#
        );
        assert_eq!(backend.push_json(body).await.status, 204, "{metadata}");
        let query = format!(r#"{{app="a"}} | a_b="{kept}""#);
        assert_eq!(backend.lines(&query).await, ["line"], "{metadata}");
    }
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

/// The labels of a push, and the service that Loki 3.7 names with this list.
const SERVICES: [(&str, Option<&str>); 5] = [
    (r#"{"job":"j","compose_service":"c"}"#, Some("c")),
    (r#"{"job":"j","host":"h"}"#, Some("j")),
    (r#"{"host":"h"}"#, Some("unknown_service")),
    ("{}", Some("unknown_service")),
    (
        r#"{"compose_service":"c","service_name":"own"}"#,
        Some("own"),
    ),
];

#[tokio::test]
async fn a_stream_without_a_service_is_named_by_its_labels_where_the_limits_say_so() {
    let lists: [&[&str]; 2] = [&["compose_service", "job"], &[]];
    for (labels, named) in SERVICES {
        for list in lists {
            let backend = Backend::start(Limits {
                discover_service_name: list,
                ..Limits::default()
            })
            .await;
            let body =
                format!(r#"{{"streams":[{{"stream":{labels},"values":[["{NOW}","line"]]}}]}}"#);
            // Without any label, its own or one found for it, a stream is none.
            let status = match labels == "{}" && list.is_empty() {
                true => 400,
                false => 204,
            };
            assert_eq!(backend.push_json(body).await.status, status, "{labels}");
            if status == 400 {
                continue;
            }
            let mut expected: Value = serde_json::from_str(labels).unwrap();
            if let Some(named) = named.filter(|_| !list.is_empty()) {
                expected["service_name"] = json!(named);
            }
            let answer = backend.get("/loki/api/v1/series", &[]).await.json();
            assert_eq!(answer["data"], json!([expected]), "{labels} {list:?}");
        }
    }
}
