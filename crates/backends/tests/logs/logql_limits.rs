//! Memory and time that a query of LogQL may take.

use crate::support::logs::{Backend, NOW, SECOND, stream};
use lab_backends::logs::Limits;
use lab_backends::logs::store::Entry;

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
