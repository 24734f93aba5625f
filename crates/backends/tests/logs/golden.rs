//! The embedded backend answers what Loki 3.7.6 answered to the same requests after the same input.

use crate::support::logs::{Backend, Response, encode, texts};
use lab_backends::logs::{Clock, Limits};
use serde_json::{Map, Value, json};

const INPUT: &str = include_str!("../golden/input.json");
const RECORDED: &str = include_str!("../golden/loki.json");

/// The moment of recording: the refusal of a too old entry names it, less a week.
const RECORDED_AT: &str = "2026-11-22T15:16:15Z";

async fn recorded_backend() -> Backend {
    let now: jiff::Timestamp = RECORDED_AT.parse().unwrap();
    let now = i64::try_from(now.as_nanosecond()).unwrap();
    let backend = Backend::at(Limits::default(), Clock::from_fn(move || now)).await;
    let input: Value = serde_json::from_str(INPUT).unwrap();
    let pushed = backend.push_json(input["loki_push"].to_string()).await;
    assert_eq!(pushed.status, 204, "{}", pushed.text);
    backend
}

async fn send_recorded(backend: &Backend, recorded: &Value) -> Response {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let params: Vec<(String, String)> = recorded["params"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    let params: Vec<(&str, &str)> = params.iter().map(|(n, v)| (&**n, &**v)).collect();
    let path = recorded["path"].as_str().unwrap();
    let path = format!("{path}?{}", encode(&params));
    let content_type = recorded["request_content_type"].as_str();
    let headers: Vec<(&str, &str)> = content_type
        .map(|t| ("content-type", t))
        .into_iter()
        .collect();
    let body = recorded["request_body"].as_str().unwrap_or_default();
    let method = recorded["method"].as_str().unwrap();
    backend
        .request(method, &path, &headers, body.to_owned())
        .await
}

/// Puts what the API leaves open into one order and numbers into one form.
fn comparable(value: &Value) -> Value {
    let Some(data) = value.get("data") else {
        return value.clone();
    };
    if data["resultType"] == "scalar" {
        // Loki stamps a number with a time far in the future.
        return json!({"status": value["status"], "scalar": data["result"][1]});
    }
    let mut data = data.clone();
    let items = match &mut data {
        Value::Array(items) => items,
        Value::Object(object) => match object.get_mut("result") {
            Some(Value::Array(items)) if items.iter().all(Value::is_object) => items,
            _ => return json!({"data": data}),
        },
        _ => return json!({"data": data}),
    };
    for item in items.iter_mut() {
        round(item);
    }
    items.sort_by_key(Value::to_string);
    json!({"status": value["status"], "data": data})
}

/// Sums of floating point numbers depend on their order; twelve digits do not.
fn round(item: &mut Value) {
    let rounded = |point: &mut Value| {
        if let Some(Ok(number)) = point[1].as_str().map(str::parse::<f64>) {
            point[1] = json!(format!("{number:.12e}"));
        }
    };
    if item.get("metric").is_none() {
        return;
    }
    if let Some(point) = item.get_mut("value") {
        rounded(point);
    }
    if let Some(points) = item.get_mut("values").and_then(Value::as_array_mut) {
        points.iter_mut().for_each(rounded);
    }
}

/// The beginning that an error text has to share: up to the second colon of a parse error, else
/// the first words.
fn beginning(text: &str) -> String {
    let colons = if text.starts_with("parse error") {
        2
    } else {
        1
    };
    let parts: Vec<&str> = text.trim_end().splitn(colons + 1, ':').collect();
    parts[..parts.len().min(colons)].join(":")
}

fn same_keys(expected: &Value, got: &Value) -> bool {
    let keys = |value: &Value| value.as_object().map(Map::len).unwrap_or_default();
    keys(expected) == keys(got)
        && expected
            .as_object()
            .into_iter()
            .flatten()
            .all(|(key, value)| {
                got.get(key)
                    .is_some_and(|other| value.is_number() == other.is_number())
            })
}

fn difference(recorded: &Value, got: &Response) -> Option<String> {
    let status = recorded["status"].as_u64().unwrap();
    if status != u64::from(got.status) {
        return Some(format!("status {status}, got {} {}", got.status, got.text));
    }
    let content_type = recorded["content_type"].as_str();
    if content_type != got.content_type.as_deref() {
        return Some(format!("{content_type:?}, got {:?}", got.content_type));
    }
    let body = &recorded["body"];
    if let Some(text) = body.as_str() {
        let same = if status < 300 {
            text == got.text
        } else {
            beginning(text) == beginning(&got.text)
                && text.ends_with('\n') == got.text.ends_with('\n')
        };
        return (!same).then(|| format!("{text:?}, got {:?}", got.text));
    }
    let answer = got.json();
    let same = match recorded["name"].as_str().unwrap() {
        // The value of version fields is free. The index statistics were recorded before Loki had
        // written its index and are all zero; the embedded backend has no index to wait for.
        "buildinfo" | "index_stats" => same_keys(body, &answer),
        _ => comparable(body) == comparable(&answer),
    };
    (!same).then(|| format!("{}\n     got {}", comparable(body), comparable(&answer)))
}

#[tokio::test]
async fn every_recorded_request_is_answered_like_loki_answered_it() {
    let backend = recorded_backend().await;
    let recorded: Vec<Value> = serde_json::from_str(RECORDED).unwrap();
    assert!(recorded.len() >= 45);
    let mut differences = Vec::new();
    for request in &recorded {
        let answer = send_recorded(&backend, request).await;
        if let Some(difference) = difference(request, &answer) {
            differences.push(format!("{}: {difference}", request["name"]));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        recorded.len(),
        differences.join("\n")
    );
}

#[tokio::test]
async fn index_statistics_count_what_was_pushed() {
    let backend = recorded_backend().await;
    let params = [("query", "{compose_service=~\"app-.*\"}"), ("since", "5m")];
    let stats = backend
        .get("/loki/api/v1/index/stats", &params)
        .await
        .json();
    assert_eq!(stats["streams"], 4);
    assert_eq!(stats["entries"], 34);
    // The sum of the volumes that Loki reported.
    assert_eq!(stats["bytes"], 2439 + 2369 + 2085);
}

/// Queries over lines made for them, and what Loki answered: 900 of them, errors included.
const QUERIES: &str = include_str!("../golden/logql.json");

/// An answer in a form in which two that say the same are equal.
fn comparable_answer(body: &Value) -> Value {
    match body {
        // Which of several series fails first is up to chance in Loki.
        Value::String(text) => json!(text.trim_end().split(" for series").next()),
        other => comparable(other),
    }
}

#[tokio::test]
async fn queries_are_answered_and_refused_like_loki_did() {
    let golden: Value = serde_json::from_str(QUERIES).unwrap();
    let now = golden["now"].as_i64().unwrap();
    let limits = Limits {
        increment_duplicate_timestamp: true,
        ..Limits::default()
    };
    let backend = Backend::at(limits, Clock::from_fn(move || now)).await;
    let pushed = backend.push_json(golden["push"].to_string()).await;
    assert_eq!(pushed.status, 204, "{}", pushed.text);
    let requests = golden["requests"].as_array().unwrap();
    let mut differences = Vec::new();
    for request in requests {
        let params = texts(&request["params"]);
        let answer = backend
            .get(request["path"].as_str().unwrap(), &params)
            .await;
        let got = match serde_json::from_str(&answer.text) {
            Ok(json @ Value::Object(_)) => json,
            _ => json!(answer.text),
        };
        let expected = comparable_answer(&request["body"]);
        let got = comparable_answer(&got);
        if request["status"] != answer.status || expected != got {
            let query = &request["params"]["query"];
            differences.push(format!(
                "{query}\n    {} {expected}\n    {} {got}",
                request["status"], answer.status
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        requests.len(),
        differences.join("\n")
    );
}
