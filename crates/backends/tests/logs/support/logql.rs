//! The lines that the tests of LogQL ask for.

use lab_backends::logs::Limits;
use lab_backends::logs::store::Entry;

use super::logs::{Backend, NOW, SECOND, stream};

/// By number, as the tests name them.
pub const LINES: [&str; 6] = [
    r#"level=info method=GET path=/a status=200 took=12ms size=1KB"#,
    r#"level=warn method=POST path=/b status=404 took=1.5s size=2MB"#,
    r#"level=error method=GET path=/c status=500 took=2m size=10B"#,
    r#"{"level":"info","req":{"method":"GET","tags":["x","y"]},"n":1.50,"ok":true,"none":null,"a b":"c"}"#,
    r#"127.0.0.1 - - [now] "GET /api HTTP/1.1" 204 17"#,
    "plain words\nover two lines",
];

/// Pairs of a query (or a part of one) and what is expected of it, from a file of `tests/cases`.
pub fn pairs(cases: &str) -> Vec<(String, String)> {
    serde_json::from_str(cases).unwrap()
}

/// Six lines, one every ten seconds, the last ten seconds ago.
pub async fn backend() -> Backend {
    let backend = Backend::start(Limits {
        discover_log_levels: false,
        ..Limits::default()
    })
    .await;
    let entries = LINES.iter().zip(0..).map(|(line, at)| {
        let mut entry = Entry::new(NOW - (60 - at * 10) * SECOND, *line);
        if at == 4 {
            entry.metadata.push(("trace_id".into(), "abc".into()));
        }
        entry
    });
    let other = vec![Entry::new(NOW - 5 * SECOND, "level=info from=b")];
    let streams = vec![
        stream(&[("app", "a"), ("env", "test")], entries.collect()),
        stream(&[("app", "b"), ("env", "test")], other),
    ];
    backend.store.push(streams).unwrap();
    backend
}
