//! Requests that are not quite right, with the answers that Tempo 2.10.8 gave.

use crate::support::traces::Backend;
use lab_backends::traces::Limits;

/// Start and end with the text of the refusal; empty where the request is answered.
const OF_TAGS: [(&str, &str, &str); 11] = [
    ("", "", ""),
    ("1795950000", "1795950000", ""),
    ("1795950000.5", "1795950060", ""),
    ("2026-11-29T10:00:00Z", "2026-11-29T10:00:01Z", ""),
    ("1795950000000000000", "1795950060000000000", ""),
    (
        "1795259482",
        "1795950682",
        "range specified by start and end exceeds 168h0m0s. received start=1795259482 end=1795950682",
    ),
    (
        "1795950682",
        "1795950672",
        "range specified by start and end exceeds 168h0m0s. received start=1795950682 end=1795950672",
    ),
    (
        "-1",
        "1795950682",
        "range specified by start and end exceeds 168h0m0s. received start=4294967295 end=1795950682",
    ),
    (
        "x",
        "1795950682",
        "error parsing date range: could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax",
    ),
    (
        "1795950682",
        "99999999999999999999",
        "error parsing date range: could not parse 'end' parameter: strconv.ParseInt: parsing \"99999999999999999999\": value out of range",
    ),
    (
        "1795950682",
        "",
        "error parsing date range: only one of start and end provided: must provide both or neither",
    ),
];

#[tokio::test]
async fn requests_for_tags_take_times_in_all_forms_and_no_more_than_a_week() {
    let backend = Backend::start(Limits::default()).await;
    for path in [
        "/api/search/tags",
        "/api/v2/search/tags",
        "/api/search/tag/name/values",
        "/api/v2/search/tag/name/values",
    ] {
        for (start, end, refusal) in OF_TAGS {
            let window = [("start", start), ("end", end)];
            let answer = backend.get(path, &window).await;
            let status = if refusal.is_empty() { 200 } else { 400 };
            assert_eq!(answer.status, status, "{path} {window:?}");
            if status == 400 {
                assert_eq!(answer.text(), refusal, "{path} {window:?}");
            }
        }
    }
}

/// Queries as they are sent, with Tempo's refusal; empty where they are answered.
const NOT_UTF8: [(&str, &str); 16] = [
    ("%FF", "parse error : invalid UTF-8 encoding"),
    (
        "%7B%20name%20=%20%22%FF%22%20%7D",
        "parse error at line 1, col 10: invalid UTF-8 encoding",
    ),
    (
        "%7B%20name%20=%20%22abc%FF%22%20%7D",
        "parse error at line 1, col 10: invalid UTF-8 encoding",
    ),
    (
        "%7B%20name%20=%20%60%FF%60%20%7D",
        "parse error at line 1, col 10: invalid UTF-8 encoding",
    ),
    (
        "%0A%7B%20name%20=%0A%22%FF%22%20%7D",
        "parse error at line 3, col 1: invalid UTF-8 encoding",
    ),
    (
        "%7B%20.%FF%20=%201%20%7D",
        "parse error at line 1, col 3: invalid UTF-8 encoding",
    ),
    (
        "%7B%20.a%FF%20=%201%20%7D",
        "parse error at line 1, col 3: invalid UTF-8 encoding",
    ),
    (
        "%7B%20span.a-%FF%20=%201%20%7D",
        "parse error at line 0, col 3: invalid UTF-8 encoding",
    ),
    (
        "%7B%20%FF%20%7D",
        "parse error at line 0, col 1: invalid UTF-8 encoding",
    ),
    (
        "%7B%20span.a%20%FF=%201%20%7D",
        "parse error at line 0, col 3: invalid UTF-8 encoding",
    ),
    (
        "%7B%20name%20=%20%22a%22%20%7D%FF",
        "parse error at line 1, col 14: invalid UTF-8 encoding",
    ),
    (
        "%7B%7D%20%7C%20rate()%20%FF",
        "parse error at line 0, col 11: invalid UTF-8 encoding",
    ),
    // The character that stands for such bytes is one like others.
    ("%7B%20name%20=%20%22%EF%BF%BD%22%20%7D", ""),
    // What is no parameter is none.
    ("%zz", ""),
    ("%7B%7D;x", ""),
    ("%7B%7D&q=%FF", ""),
];

#[tokio::test]
async fn a_query_that_is_not_utf8_is_refused_at_its_place() {
    let backend = Backend::start(Limits::default()).await;
    for (query, refusal) in NOT_UTF8 {
        let answer = backend.get(&format!("/api/search?q={query}"), &[]).await;
        let status = if refusal.is_empty() { 200 } else { 400 };
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
        if status == 400 {
            let refusal = format!("invalid TraceQL query: {refusal}");
            assert_eq!(answer.text(), refusal, "{query}");
        }
        // A query that is being typed narrows nothing as long as it is wrong.
        let typed = format!("/api/v2/search/tag/name/values?q={query}");
        assert_eq!(backend.get(&typed, &[]).await.status, 200, "{query}");
    }
}

/// Queries with Tempo's refusal; empty where they are answered.
const ARITHMETIC: [(&str, &str); 10] = [
    (
        "{ 1 / 0 = 1 }",
        "parse error : runtime error: integer divide by zero",
    ),
    (
        "{ .b && .a = 1 % 0 }",
        "parse error : runtime error: integer divide by zero",
    ),
    (
        "{ .a = -(1 + 1) / (1 - 1) }",
        "parse error : runtime error: integer divide by zero",
    ),
    ("{ .a / (1 - 1) = 1 }", ""),
    ("{ 1.0 / 0 = 1 }", ""),
    ("{ 1s % 0 > 1 }", ""),
    ("{ instrumentation:version > 1 }", ""),
    ("{ instrumentation:name = true }", ""),
    (
        "{ event:name = 1 }",
        "binary operations must operate on the same type: event:name = 1",
    ),
    (
        "{ .a = 1 } | count(.a) > 1",
        "parse error at line 1, col 20: syntax error: unexpected ., expecting )",
    ),
];

#[tokio::test]
async fn what_cannot_be_computed_is_refused() {
    let backend = Backend::start(Limits::default()).await;
    for (query, refusal) in ARITHMETIC {
        let answer = backend.get("/api/search", &[("q", query)]).await;
        let status = if refusal.is_empty() { 200 } else { 400 };
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
        if status == 400 {
            assert_eq!(answer.text(), format!("invalid TraceQL query: {refusal}"));
        }
    }
}

#[tokio::test]
async fn a_trace_is_looked_for_in_a_window_of_any_numbers_in_order() {
    let backend = Backend::start(Limits::default()).await;
    for (start, end, status) in [
        ("-1", "1795950682", 404),
        ("1795950000000000000", "1795950060000000000", 404),
        ("1795950682", "1795950682", 400),
        ("1.5", "1795950682", 400),
    ] {
        let window = [("start", start), ("end", end)];
        let answer = backend.get("/api/traces/abcd", &window).await;
        assert_eq!(answer.status, status, "{window:?}");
    }
}
