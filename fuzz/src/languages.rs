//! The query languages, over small stores and within their budgets.

use std::collections::BTreeSet;

use serde_json::Value;

use super::server::Answer;
use super::worlds::{LOKI, NOW, PROMETHEUS, SECOND, TEMPO};

/// The parts of a list in an order of their own.
fn sorted<'a>(list: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    list.into_iter().map(Value::to_string).collect()
}

/// PromQL: a range of one step has the values of the instant query.
pub fn promql(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else {
        return;
    };
    let time = (NOW / SECOND).to_string();
    let instant = PROMETHEUS.form("/api/v1/query", &[("query", query), ("time", &time)]);
    let answer = instant.json();
    assert_eq!(instant.is_ok(), answer["status"] == "success", "{answer}");
    let kind = answer["data"]["resultType"].as_str().unwrap_or_default();
    if kind != "vector" && kind != "scalar" {
        return;
    }
    let fields = [
        ("query", query),
        ("start", &time),
        ("end", &time),
        ("step", "1"),
    ];
    let range = PROMETHEUS.form("/api/v1/query_range", &fields);
    if range.status != 200 {
        // One of the two may be beyond a budget.
        return assert_eq!(range.status, 422, "{range:?}");
    }
    let result = &answer["data"]["result"];
    let now: BTreeSet<String> = match kind {
        "scalar" => [format!("{{}} {result}")].into(),
        _ => {
            let series = result.as_array().into_iter().flatten();
            series
                .map(|it| format!("{} {}", it["metric"], it["value"]))
                .collect()
        }
    };
    let range = range.json();
    let series = range["data"]["result"].as_array().into_iter().flatten();
    let range: BTreeSet<String> = series
        .map(|it| format!("{} {}", it["metric"], it["values"][0]))
        .collect();
    assert_eq!(now, range);
}

/// LogQL with its templates: the formatted query is formatted as it is, and has the same result.
pub fn logql(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else {
        return;
    };
    let found = lines_of(query);
    let formatted = LOKI.form("/loki/api/v1/format_query", &[("query", query)]);
    if !formatted.is_ok() {
        return assert!(!found.is_ok(), "{formatted:?}");
    }
    let formatted = formatted.json();
    let formatted = formatted["data"].as_str().expect("a text");
    let again = LOKI.form("/loki/api/v1/format_query", &[("query", formatted)]);
    // Loki quotes a label name that Prometheus does not have, such as `;` or one that is not ASCII, and does not read
    // it back.
    let quoted = String::from_utf8_lossy(&again.body).contains("unexpected STRING");
    if !again.is_ok() && (quoted || !query.is_ascii()) {
        return;
    }
    assert_eq!(again.json()["data"], formatted, "{again:?}");
    // Its answer is another one every time.
    if query.contains("now") {
        return;
    }
    let other = lines_of(formatted);
    assert_eq!(found.status, other.status, "{found:?} {other:?}");
    if found.is_ok() {
        let (found, other) = (found.json(), other.json());
        let [one, two] = [&found, &other]
            .map(|it| sorted(it["data"]["result"].as_array().into_iter().flatten()));
        assert_eq!(one, two, "{formatted}");
    }
}

fn lines_of(query: &str) -> Answer {
    let (start, end) = ((NOW - 60 * SECOND).to_string(), NOW.to_string());
    let fields = [
        ("query", query),
        ("start", &start),
        ("end", &end),
        ("step", "20"),
        ("limit", "50"),
    ];
    LOKI.form("/loki/api/v1/query_range", &fields)
}

/// TraceQL: white space around a query changes nothing, and the other endpoints that take it do not fail.
pub fn traceql(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else {
        return;
    };
    let (start, end) = (
        (NOW / SECOND - 120).to_string(),
        (NOW / SECOND + 60).to_string(),
    );
    let search = |query: &str| {
        let params = [
            ("q", query),
            ("start", &start),
            ("end", &end),
            ("spss", "20"),
        ];
        TEMPO.get("/api/search", &params)
    };
    let Some(found) = search(query) else { return };
    // Without a query everything is found.
    if found.is_ok() && !query.is_empty() {
        let spaced = search(&format!(" \n{query}\t ")).expect("a request");
        assert_eq!(spaced.json()["traces"], found.json()["traces"]);
    }
    for path in [
        "/api/metrics/query_range",
        "/api/metrics/query",
        "/api/v2/search/tag/span.http.route/values",
    ] {
        let params = [
            ("q", query),
            ("start", &start),
            ("end", &end),
            ("step", "30s"),
        ];
        let answer = TEMPO.get(path, &params).expect("a request");
        if answer.is_ok() {
            answer.json();
        }
    }
}
