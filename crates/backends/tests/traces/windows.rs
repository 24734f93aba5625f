//! Start and end of requests, with the answers that Tempo 2.10.8 gave.

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
