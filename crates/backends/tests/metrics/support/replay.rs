//! A recording replayed: remote writes into an embedded server, and queries whose answers are compared.

use std::time::Duration;

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
            replayed.push(Replayed {
                query: wanted.clone(),
                difference: ask(&embedded, wanted).await,
            });
        }
    }
    replayed
}

/// Asks a query and compares the answer with the recorded one.
async fn ask(embedded: &Embedded, wanted: &Value) -> Option<String> {
    let query = wanted["query"].as_str().unwrap();
    let text = |name: &str| wanted[name].to_string();
    let (status, ours) = if wanted["step"].is_null() {
        let params = [("query", query), ("time", &text("time"))];
        embedded.http.post("/api/v1/query", &params).await
    } else {
        let (start, end, step) = (text("start"), text("end"), text("step"));
        let params = [
            ("query", query),
            ("start", &start),
            ("end", &end),
            ("step", &step),
        ];
        embedded.http.post("/api/v1/query_range", &params).await
    };
    if wanted["errorType"].is_null() != (status == 200) {
        return Some(format!("status {status}: {ours:.600}"));
    }
    if status != 200 {
        let field = "errorType";
        return (ours[field] != wanted[field]).then(|| format!("{ours:.600}"));
    }
    let ordered = ["sort", "topk(", "bottomk("];
    let ordered = ordered.iter().any(|start| query.starts_with(start));
    let difference = differ(&ours["data"], wanted, ordered);
    let notes = |answer: &Value, kind: &str| {
        let list = answer[kind].as_array().into_iter().flatten();
        let mut list: Vec<String> = list.map(|it| it.as_str().unwrap().to_owned()).collect();
        list.sort();
        list
    };
    let other = |kind: &&str| notes(&ours, kind) != notes(wanted, kind);
    let of_notes = ["warnings", "infos"].into_iter().find(other);
    difference
        .or_else(|| of_notes.map(str::to_owned))
        .map(|text| format!("{text}\n  ours   {ours:.1500}\n  theirs {wanted:.1500}"))
}
