//! Rules give the series, the alerts and the answers that the real Prometheus gave.

use std::time::Duration;

use lab_backends::metrics::{Rules, now_ms};
use serde_json::{Value, json};

use crate::support::metrics::Embedded;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/prometheus_rules.json")).unwrap()
}

/// An answer without times, with its alerts sorted and a fixed token.
fn timeless(value: &Value) -> Value {
    const TIMES: [&str; 4] = [
        "lastEvaluation",
        "evaluationTime",
        "activeAt",
        "keepFiringSince",
    ];
    match value {
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| !TIMES.contains(&name.as_str()));
            let kept = kept.map(|(name, value)| match name.as_str() {
                "groupNextToken" => (name.clone(), "…".into()),
                "alerts" => (name.clone(), sorted(timeless(value))),
                _ => (name.clone(), timeless(value)),
            });
            Value::Object(kept.collect())
        }
        Value::Array(list) => list.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

fn sorted(mut alerts: Value) -> Value {
    if let Value::Array(list) = &mut alerts {
        list.sort_by_key(|alert| alert["labels"].to_string());
    }
    alerts
}

/// Compares two answers field by field, so that a difference is shown and not a page of JSON.
fn differences(path: &str, ours: &Value, wanted: &Value, found: &mut Vec<String>) {
    match (ours, wanted) {
        (Value::Object(left), Value::Object(right)) => {
            for name in left
                .keys()
                .chain(right.keys().filter(|name| !left.contains_key(*name)))
            {
                let null = Value::Null;
                let sides = (
                    left.get(name).unwrap_or(&null),
                    right.get(name).unwrap_or(&null),
                );
                differences(&format!("{path}.{name}"), sides.0, sides.1, found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (at, (left, right)) in left.iter().zip(right).enumerate() {
                differences(&format!("{path}[{at}]"), left, right, found);
            }
        }
        _ if ours == wanted => {}
        _ => found.push(format!("{path}\n  {ours}\n  {wanted}")),
    }
}

/// The embedded server, after two evaluations a second apart.
async fn evaluated(golden: &Value) -> Embedded {
    let embedded = Embedded::with_rules(golden["file"].as_str().unwrap()).await;
    let now = now_ms();
    for time in [now - 1000, now] {
        embedded
            .rules
            .evaluate(&embedded.store, &embedded.queries, time);
    }
    embedded
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_about_rules_and_alerts_are_those_that_prometheus_gave() {
    let golden = golden();
    let embedded = evaluated(&golden).await;
    let mut wrong = Vec::new();
    for request in golden["requests"].as_array().unwrap() {
        let params: Vec<(&str, &str)> = request["params"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let path = request["path"].as_str().unwrap();
        let (status, answer) = embedded.http.get(path, &params).await;
        let name = format!("{path} {params:?}");
        differences(
            &format!("{name} status"),
            &json!(status.as_u16()),
            &request["status"],
            &mut wrong,
        );
        differences(
            &name,
            &timeless(&answer),
            &timeless(&request["answer"]),
            &mut wrong,
        );
    }
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn series_of_rules_are_those_that_prometheus_has() {
    let golden = golden();
    let embedded = evaluated(&golden).await;
    for wanted in golden["series"].as_array().unwrap() {
        let query = wanted["query"].as_str().unwrap();
        let (_, answer) = embedded
            .http
            .get("/api/v1/query", &[("query", query)])
            .await;
        let mut ours: Vec<(Value, Value)> = Vec::new();
        for series in answer["data"]["result"].as_array().unwrap() {
            ours.push((series["metric"].clone(), series["value"][1].clone()));
        }
        let theirs: Vec<_> = wanted["result"].as_array().unwrap().iter().collect();
        assert_eq!(ours.len(), theirs.len(), "{query}: {answer}");
        for series in theirs {
            let found = ours.iter().find(|(metric, _)| *metric == series["metric"]);
            let (_, value) = found.unwrap_or_else(|| panic!("{query}: no {series} in {answer}"));
            assert!(
                series["value"].is_null() || *value == series["value"],
                "{query}: {series}"
            );
        }
    }
}

const HOLDING: &str = "
groups:
  - name: g
    rules:
      - {alert: Down, expr: up == 0, for: 30s, keep_firing_for: 1m}
";

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_pending_then_fires_goes_on_for_its_time_and_ends_with_its_series() {
    let embedded = Embedded::with_rules(HOLDING).await;
    let now = now_ms();
    let labels = crate::support::metrics::series("up", 0);
    let mut states = Vec::new();
    // Ten minutes ago, in steps of 15 s: down for a minute, then up.
    for step in 0..14_i64 {
        let time = now - 600_000 + step * 15_000;
        let value = f64::from(u8::from(step >= 4));
        embedded.store.append(&labels, time, value, now).unwrap();
        embedded
            .rules
            .evaluate(&embedded.store, &embedded.queries, time);
        let (_, answer) = embedded.http.get("/api/v1/rules", &[]).await;
        let rule = &answer["data"]["groups"][0]["rules"][0];
        states.push(rule["state"].as_str().unwrap().to_owned());
        let query = [
            ("query", "ALERTS"),
            ("time", &format!("{}", time as f64 / 1000.0)),
        ];
        let (_, series) = embedded.http.get("/api/v1/query", &query).await;
        let series = series["data"]["result"].as_array().unwrap();
        let alive = usize::from(rule["state"] != "inactive");
        assert_eq!(series.len(), alive, "step {step}: {series:?}");
    }
    let wanted = [("pending", 2), ("firing", 6), ("inactive", 6)];
    let wanted = wanted
        .iter()
        .flat_map(|(state, count)| vec![state.to_string(); *count]);
    assert_eq!(states, wanted.collect::<Vec<_>>());
}

#[test]
fn a_rule_file_that_cannot_be_used_is_refused_with_the_rule_and_the_reason() {
    for (rule, problem) in [
        (
            "{record: a, alert: b, expr: up}",
            "only one of 'record' and 'alert' must be set",
        ),
        ("{expr: up}", "one of 'record' or 'alert' must be set"),
        ("{record: a}", "field 'expr' must be set in rule"),
        (
            "{record: a, expr: 'sum('}",
            "could not parse expression: 1:5: parse error",
        ),
        (
            "{record: a, expr: up, for: 1m}",
            "invalid field 'for' in recording rule",
        ),
        (
            "{record: a, expr: up, annotations: {b: c}}",
            "invalid field 'annotations'",
        ),
        (
            "{record: 'a{b=\"c\"}', expr: up}",
            "braces present in the recording rule name",
        ),
        (
            "{record: a, expr: up, labels: {__name__: b}}",
            "invalid label name: __name__",
        ),
        (
            "{alert: a, expr: up, annotations: {b: '{{ nope }}'}}",
            "function \"nope\" not defined",
        ),
        (
            "{alert: a, expr: up, labels: {b: '{{ '}}",
            "label \"b\": error parsing template __alert_a",
        ),
        (
            "{alert: a, expr: up, for: soon}",
            "not a valid duration string",
        ),
        ("{alert: a, expr: up, foo: bar}", "foo"),
    ] {
        let yaml = format!("groups: [{{name: g, rules: [{rule}]}}]");
        let refused = Rules::parse("rules.yml", &yaml, Duration::from_secs(60), "");
        let error = refused.expect_err(rule).to_string();
        assert!(
            error.starts_with("rules.yml: ") && error.contains(problem),
            "{rule}: {error}"
        );
    }
}
