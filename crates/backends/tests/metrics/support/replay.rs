//! A recording replayed: remote writes into an embedded server, and queries whose answers are compared.

use std::time::Duration;

use http::StatusCode;
use lab_backends::metrics::Limits;
use serde_json::Value;

use super::metrics::Embedded;
use super::promql_pair::differ;

/// Outcome of a query, with what differs.
pub struct Replayed {
    pub query: Value,
    pub difference: Option<String>,
}

/// An embedded server that keeps samples whatever their age is.
pub async fn ageless() -> Embedded {
    let limits = Limits {
        max_age: Duration::from_secs(3_000_000_000),
        ..Limits::default()
    };
    Embedded::start("scrape_configs: []", limits).await
}

/// Bytes from hexadecimal digits.
pub fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

/// Runs the commands of a recording in their order: `clear`, `load` (bodies in hexadecimal digits), `eval`.
pub async fn replay(commands: &[Value]) -> Vec<Replayed> {
    let mut embedded = ageless().await;
    let mut replayed = Vec::new();
    for command in commands {
        if command["clear"] == true {
            embedded = ageless().await;
        }
        for body in command["load"].as_array().into_iter().flatten() {
            let kind = "application/x-protobuf";
            let body = unhex(body.as_str().unwrap());
            let (status, text) = embedded.http.post_raw("/api/v1/write", kind, body).await;
            let text = String::from_utf8_lossy(&text);
            assert_eq!(status.as_u16(), 204, "{text}");
        }
        let wanted = &command["eval"];
        if wanted.is_object() {
            let answer = ask(&embedded, wanted).await;
            replayed.push(Replayed {
                query: wanted.clone(),
                difference: differs(&answer, wanted, &["errorType"], notes),
            });
        }
    }
    replayed
}

/// Asks a recorded query: at its time, or over its range.
pub async fn ask(embedded: &Embedded, wanted: &Value) -> (StatusCode, Value) {
    let query = wanted["query"].as_str().unwrap();
    let text = |name: &str| wanted[name].to_string();
    if wanted["step"].is_null() {
        let params = [("query", query), ("time", &text("time"))];
        return embedded.http.post("/api/v1/query", &params).await;
    }
    let (start, end, step) = (text("start"), text("end"), text("step"));
    let params = [
        ("query", query),
        ("start", &start),
        ("end", &end),
        ("step", &step),
    ];
    embedded.http.post("/api/v1/query_range", &params).await
}

/// What of an answer is not as recorded: its status, its data or one of `fields` of an error, its notes.
pub fn differs(
    (status, ours): &(StatusCode, Value),
    wanted: &Value,
    fields: &[&str],
    notes: impl Fn(&Value) -> Vec<String>,
) -> Option<String> {
    let query = wanted["query"].as_str().unwrap();
    let ordered = ["sort", "topk(", "bottomk("];
    let ordered = ordered.iter().any(|start| query.starts_with(start));
    let difference = if wanted["errorType"].is_null() != (*status == 200) {
        Some(format!("status {status}"))
    } else if *status == 200 {
        differ(&ours["data"], wanted, ordered)
    } else {
        let mut fields = fields.iter();
        let other = fields.find(|field| ours[**field] != wanted[**field]);
        other.map(|field| (*field).to_owned())
    };
    let difference = difference.or_else(|| {
        let mut kinds = ["warnings", "infos"].into_iter();
        let other = kinds.find(|kind| notes(&ours[*kind]) != notes(&wanted[*kind]));
        other.map(str::to_owned)
    });
    difference
        .map(|text| format!("{query:?}: {text}\n  ours   {ours:.1500}\n  theirs {wanted:.1500}"))
}

/// Notes, sorted.
pub fn notes(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    let mut list: Vec<String> = list.map(|it| it.as_str().unwrap().to_owned()).collect();
    list.sort();
    list
}
