//! Memory and time that a query of LogQL may take.

use crate::support::logs::{Backend, NOW, SECOND, encode, stream};
use lab_backends::logs::Limits;
use lab_backends::logs::store::Entry;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

/// A backend with lines of one stream, a millisecond apart.
async fn with_lines(limits: Limits, lines: impl Iterator<Item = String>) -> Backend {
    let backend = Backend::start(limits).await;
    let entries = (0..)
        .zip(lines)
        .map(|(at, line)| Entry::new(NOW - SECOND - at * 1_000_000, line));
    let entries = vec![stream(&[("app", "a")], entries.collect())];
    backend.store.push(entries).unwrap();
    backend
}

#[tokio::test]
async fn what_would_take_too_much_memory_is_refused_by_name() {
    let members: Vec<String> = (0..2000).map(|n| format!("\"{n}\":1")).collect();
    let bomb = format!("{{\"{}\":{{{}}}}}", "k".repeat(100_000), members.join(","));
    let backend = with_lines(Limits::default(), std::iter::once(bomb)).await;
    for query in [r#"{app="a"} | json"#, r#"{app="a"} | json | nope!="x""#] {
        let answer = backend.range(query, &[]).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(
            answer
                .text
                .starts_with("json makes more than 4194304 bytes of one line"),
            "{}",
            answer.text
        );
    }
    let filters = r#" |~ "a.*b""#.repeat(101);
    let answer = backend.range(&format!("{{app=\"a\"}}{filters}"), &[]).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("the query has more than 100 line filters"),
        "{}",
        answer.text
    );

    let ids = (0..2000).map(|n| format!("id={n}"));
    let backend = with_lines(Limits::default(), ids).await;
    let end = NOW.to_string();
    let start = (NOW - 10_000 * SECOND).to_string();
    let more = [("start", &*start), ("end", &*end), ("step", "1")];
    let query = r#"sum by (id) (count_over_time({app="a"} | logfmt [3h]))"#;
    let answer = backend.range(query, &more).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .starts_with("the query would hold more than 134217728 bytes"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_query_ends_when_its_time_is_over() {
    let limits = Limits {
        query_timeout: std::time::Duration::from_millis(1),
        ..Limits::default()
    };
    let lines = (0..2000).map(|n| format!("n={n} {}", "x=y ".repeat(250)));
    let backend = with_lines(limits, lines).await;
    let slow = r#"{app="a"} !~ "(x=y ){9}z" | logfmt | nope="1""#;
    for (query, path) in [
        (slow.to_owned(), "query_range"),
        (format!("count_over_time({slow}[1h])"), "query"),
    ] {
        let answer = backend
            .get(&format!("/loki/api/v1/{path}"), &[("query", &query)])
            .await;
        assert_eq!(answer.status, 504, "{query}: {}", answer.text);
    }
}

/// Opens a connection, sends a query and reads nothing.
fn asked(backend: &Backend, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(backend.address).unwrap();
    let query = encode(&[("query", query)]);
    let head = format!(
        "GET /loki/api/v1/query_range?{query}&start={}&end={NOW} HTTP/1.1\r\nHost: lab\r\n\r\n",
        NOW - 60 * SECOND
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_ends_its_query() {
    let hour = Duration::from_secs(3600);
    let backend = Backend::start(Limits {
        max_concurrent_queries: 1,
        query_timeout: hour,
        ..Limits::default()
    })
    .await;
    let lines = (0..10_000).map(|at| Entry::new(NOW - SECOND + at, "line"));
    backend
        .store
        .push(vec![stream(&[("app", "a")], lines.collect())])
        .unwrap();
    // Milliseconds for each line, and no line is returned: minutes for all of them.
    let endless = "{app=\"a\"} | line_format `{{range 900000}}{{end}}` |= `never`";
    let other = async |wait| {
        let other = backend.range("{app=\"b\"}", &[]);
        tokio::time::timeout(wait, other).await
    };
    let open = asked(&backend, endless);
    // It has the only slot as soon as another query gets none.
    let taken = async { while other(Duration::from_millis(300)).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(30), taken)
        .await
        .expect("the query runs");
    drop(open);
    let answer = other(Duration::from_secs(10)).await;
    let answer = answer.expect("the slot is free again");
    assert_eq!(answer.status, 200, "{answer:?}");
}
