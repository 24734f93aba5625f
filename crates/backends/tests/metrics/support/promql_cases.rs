//! The queries that both servers are asked: `tests/cases/promql.json`.

use serde_json::Value;

/// What the lab's dashboards ask.
pub fn dashboards() -> Vec<String> {
    group("dashboards")
}

/// Every part of the language that the evaluator has.
pub fn language() -> Vec<String> {
    group("language")
}

/// Ways of writing that a lexer of one's own gets wrong, functions of native histograms (which give nothing
/// here), and what comes with an annotation.
pub fn written() -> Vec<String> {
    group("written")
}

/// Queries that both must refuse.
pub fn refused() -> Vec<String> {
    group("refused")
}

/// Queries that Prometheus 3 refuses and 2 does not, or in another way.
pub fn refused_by_3() -> Vec<String> {
    group("refused by 3")
}

fn group(name: &str) -> Vec<String> {
    let cases: Value = serde_json::from_str(include_str!("../../cases/promql.json")).unwrap();
    let queries = flat(&cases[name]);
    assert!(!queries.is_empty(), "{name}");
    queries
}

fn flat(value: &Value) -> Vec<String> {
    match value {
        Value::String(query) => vec![query.clone()],
        Value::Array(queries) => queries.iter().flat_map(flat).collect(),
        Value::Object(topics) => topics.values().flat_map(flat).collect(),
        other => panic!("no query: {other}"),
    }
}
