//! Inputs of many kinds, good and bad, are taken and refused as Loki 3.7.6 did.

use crate::support::logs::{Backend, Response, texts};
use lab_backends::logs::{Clock, Limits};
use serde_json::{Value, json};

/// Pushes, queries, and selectors of each endpoint, with the status and the text of Loki's answer; of
/// a text that names places in the body only its beginning.
const INPUTS: &str = include_str!("../golden/loki_inputs.json");

/// Lines made for field detection, and what Loki detected.
const DETECTED: &str = include_str!("../golden/loki_detected.json");

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What differs from an expected status and text; successful responses have no expected text.
fn difference(status: &Value, expected: &str, got: &Response) -> Option<String> {
    let is_same = *status == got.status && got.text.starts_with(expected);
    (!is_same).then(|| format!("\n    {status} {expected}\n    {} {}", got.status, got.text))
}

fn assert_none(differences: &[String], of: usize) {
    assert!(
        differences.is_empty(),
        "{} of {of} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[tokio::test]
async fn pushes_are_taken_and_refused_as_loki_does() {
    let golden: Value = serde_json::from_str(INPUTS).unwrap();
    let pushes = golden["pushes"].as_array().unwrap();
    let mut differences = Vec::new();
    for push in pushes {
        // Each has a store of its own: what one push leaves there decides over the next.
        let now = "2026-11-28T15:30:00Z".parse::<jiff::Timestamp>().unwrap();
        let now = i64::try_from(now.as_nanosecond()).unwrap();
        let backend = Backend::at(Limits::default(), Clock::from_fn(move || now)).await;
        let body = text(&push["body"])
            .replace("NOW", &now.to_string())
            .replace("RFC3339", "2026-11-28T15:30:00Z");
        let headers = texts(&push["headers"]);
        let got = backend
            .request("POST", text(&push["path"]), &headers, body.clone())
            .await;
        if let Some(found) = difference(&push["status"], text(&push["text"]), &got) {
            differences.push(format!("{headers:?} {body}{found}"));
        }
    }
    assert_none(&differences, pushes.len());
}

#[tokio::test]
async fn queries_with_unusual_characters_and_units_are_read_as_loki_reads_them() {
    let golden: Value = serde_json::from_str(INPUTS).unwrap();
    let queries = golden["queries"].as_array().unwrap();
    let backend = Backend::start(Limits::default()).await;
    let mut differences = Vec::new();
    for query in queries {
        let asked = text(&query[0]);
        let got = backend.range(asked, &[]).await;
        if let Some(found) = difference(&query[1], text(&query[2]), &got) {
            differences.push(format!("{asked:?}{found}"));
        }
    }
    assert_none(&differences, queries.len());
}

#[tokio::test]
async fn each_endpoint_takes_and_refuses_parameters_as_loki_does() {
    let golden: Value = serde_json::from_str(INPUTS).unwrap();
    let parameters = golden["parameters"].as_array().unwrap();
    let backend = Backend::start(Limits::default()).await;
    let mut differences = Vec::new();
    for case in parameters {
        let (path, query) = (text(&case[0]), text(&case[1]));
        let asked = format!("{path}?{query}");
        let mut got = backend.request("GET", &asked, &[], String::new()).await;
        if path.ends_with("format_query") && got.status != 200 {
            got.text = text(&got.json()["error"]).to_owned();
        }
        if let Some(found) = difference(&case[2], text(&case[3]), &got) {
            differences.push(format!("{asked}{found}"));
        }
    }
    assert_none(&differences, parameters.len());
}

#[tokio::test]
async fn each_endpoint_takes_the_selectors_that_it_takes_in_loki() {
    let golden: Value = serde_json::from_str(INPUTS).unwrap();
    let selectors = golden["selectors"].as_array().unwrap();
    let backend = Backend::start(Limits::default()).await;
    let mut differences = Vec::new();
    for case in selectors {
        let (path, name, selector) = (text(&case[0]), text(&case[1]), text(&case[2]));
        let params = [(name, selector)];
        let params = if name.is_empty() {
            &params[..0]
        } else {
            &params
        };
        let mut got = backend.get(path, params).await;
        if path.ends_with("format_query") {
            let json = got.json();
            let shown = json.get("error").unwrap_or(&json["data"]);
            got.text = text(shown).to_owned();
        }
        if let Some(found) = difference(&case[3], text(&case[4]), &got) {
            differences.push(format!("{path} {selector:?}{found}"));
        }
    }
    assert_none(&differences, selectors.len());
}

#[tokio::test]
async fn labels_and_fields_are_detected_as_loki_detects_them() {
    let golden: Value = serde_json::from_str(DETECTED).unwrap();
    let now = golden["now"].as_i64().unwrap();
    let backend = Backend::at(Limits::default(), Clock::from_fn(move || now)).await;
    let pushed = backend.push_json(golden["push"].to_string()).await;
    assert_eq!(pushed.status, 204, "{}", pushed.text);
    let requests = golden["requests"].as_array().unwrap();
    let mut differences = Vec::new();
    for request in requests {
        let params = texts(&request["params"]);
        let path = text(&request["path"]);
        let got = backend.get(path, &params).await;
        let body = serde_json::from_str(&got.text).unwrap_or_else(|_| json!(got.text));
        let same_type = request["content_type"].as_str() == got.content_type.as_deref();
        if request["status"] != got.status || request["body"] != body || !same_type {
            let query = &request["params"]["query"];
            differences.push(format!(
                "{path} {query}\n    {} {}\n    {} {body}",
                request["status"], request["body"], got.status
            ));
        }
    }
    assert_none(&differences, requests.len());
}

/// Lines of many shapes, and the patterns that a Loki with its pattern ingester found in them.
const PATTERNS: &str = include_str!("../golden/loki_patterns.json");

#[tokio::test]
async fn patterns_are_found_as_loki_finds_them() {
    let golden: Value = serde_json::from_str(PATTERNS).unwrap();
    let now = golden["now"].as_i64().unwrap();
    let backend = Backend::at(Limits::default(), Clock::from_fn(move || now)).await;
    let pushed = backend.push_json(golden["push"].to_string()).await;
    assert_eq!(pushed.status, 204, "{}", pushed.text);
    let requests = golden["requests"].as_array().unwrap();
    assert!(requests.len() > 30, "the recording is whole");
    let mut differences = Vec::new();
    for request in requests {
        let [params, status, content_type, expected] =
            [&request[0], &request[1], &request[2], &request[3]];
        let got = backend.get("/loki/api/v1/patterns", &texts(params)).await;
        let mut found = match got.status {
            200 => got.json()["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|series| json!([series["pattern"], series["level"], series["samples"]]))
                .collect(),
            _ => json!(got.text),
        };
        let mut expected = expected.clone();
        // The most frequent come first; the order of equally frequent ones is chance.
        let lines = |series: &Value| -> i64 {
            let samples = series[2].as_array().unwrap().iter();
            samples.map(|sample| sample[1].as_i64().unwrap()).sum()
        };
        for patterns in [&mut found, &mut expected] {
            if let Some(patterns) = patterns.as_array_mut() {
                assert!(patterns.is_sorted_by_key(|series| -lines(series)));
                patterns.sort_by_key(|series| (-lines(series), series.to_string()));
            }
        }
        let same = *status == got.status
            && content_type.as_str() == got.content_type.as_deref()
            && found == expected;
        if !same {
            differences.push(format!(
                "{params}\n    {status} {expected}\n    {} {found}",
                got.status
            ));
        }
    }
    assert_none(&differences, requests.len());
}

#[tokio::test]
async fn the_configuration_and_the_counters_are_told() {
    let now = 1_795_880_000_000_000_000_i64;
    let backend = Backend::at(Limits::default(), Clock::from_fn(move || now)).await;
    let now = now.to_string();
    let line = json!({ "streams": [{ "stream": { "job": "a" }, "values": [[now, "one line"]] }] });
    assert_eq!(backend.push_json(line.to_string()).await.status, 204);
    // Grafana's Logs Drilldown shows patterns if this says so.
    let limits = backend.get("/loki/api/v1/drilldown-limits", &[]).await;
    assert_eq!(limits.content_type.as_deref(), Some("application/json"));
    let limits = limits.json();
    assert_eq!(limits["pattern_ingester_enabled"], true);
    assert_eq!(limits["limits"]["max_entries_limit_per_query"], 5_000);
    assert_eq!(limits["limits"]["retention_period"], "1h");
    assert_eq!(limits["limits"]["max_query_length"], "30d1h");
    assert_eq!(limits["limits"]["discover_service_name"], json!([]));
    let naming = Backend::start(Limits {
        discover_service_name: &["app"],
        ..Limits::default()
    })
    .await;
    let limits = naming.get("/loki/api/v1/drilldown-limits", &[]).await;
    let named = &limits.json()["limits"]["discover_service_name"];
    assert_eq!(*named, json!(["app"]));
    let config = backend.get("/config", &[]).await;
    assert!(config.text.contains("pattern_ingester:\n  enabled: true\n"));
    assert!(config.text.contains("\n  max_query_series: 500\n"));
    let counters = backend.get("/metrics", &[]).await;
    let received = "loki_distributor_lines_received_total{tenant=\"fake\"} 1\n";
    assert!(counters.text.contains(received), "{}", counters.text);
}
