//! The embedded server beside a real Prometheus, and what differs in their answers.

use lab_backends::metrics::Limits;
use serde_json::Value;

use super::metrics::{Embedded, Page, Real, fixture, now_ms, program, until};
use super::promql_fixture::{STEP_MS, STEPS, exposition, first_sample};

/// The embedded server and the real one, which have scraped the same.
pub struct Pair {
    pub embedded: Embedded,
    pub real: Real,
    /// Time of the first sample, milliseconds.
    pub first: i64,
}

pub fn yaml(address: &str, path: &str, interval: &str) -> String {
    format!(
        "scrape_configs:\n- job_name: fixture\n  scrape_interval: {interval}\n  metrics_path: {path}\n  \
         static_configs: [{{targets: ['{address}']}}]\n"
    )
}

/// Both servers after they scraped the whole history.
pub async fn pair(name: &str) -> Option<Pair> {
    let binary = program("prometheus", "PROMETHEUS_BIN")?;
    let first = first_sample(now_ms());
    let body = exposition(first);
    let address = fixture(move |_| Page::open_metrics(body.clone())).await;
    let embedded = Embedded::start(&yaml(&address, "/embedded", "1s"), Limits::default()).await;
    embedded.scrape().await;
    let target = embedded.targets.targets()[0].last_scrape();
    assert_eq!(target.error, "");
    let real = Real::start(&binary, name, &yaml(&address, "/real", "1s")).await;
    let last = time_text(first + (STEPS - 1) * STEP_MS);
    until("the real Prometheus holds the history", async || {
        let query = format!("count(salvo_requests_total @ {last})");
        let (_, json) = real.http.get("/api/v1/query", &[("query", &query)]).await;
        json["data"]["result"][0]["value"][1] == "12"
    })
    .await;
    Some(Pair {
        embedded,
        real,
        first,
    })
}

pub fn time_text(millis: i64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

impl Pair {
    /// Asks both; returns what differs.
    pub async fn compare(
        &self,
        path: &str,
        params: &[(&str, &str)],
        ordered: bool,
    ) -> Option<String> {
        let (ours, theirs) = if params[0].1.len().is_multiple_of(2) {
            (
                self.embedded.http.get(path, params).await,
                self.real.http.get(path, params).await,
            )
        } else {
            (
                self.embedded.http.post(path, params).await,
                self.real.http.post(path, params).await,
            )
        };
        let difference = if ours.0 != theirs.0 {
            Some(format!("status {} instead of {}", ours.0, theirs.0))
        } else if ours.0 == 200 {
            differ(&ours.1["data"], &theirs.1["data"], ordered)
        } else {
            (ours.1["errorType"] != theirs.1["errorType"]).then(|| "another errorType".to_owned())
        };
        difference.map(|text| {
            format!(
                "{params:?}: {text}\n  ours   {:.1500}\n  theirs {:.1500}",
                ours.1, theirs.1
            )
        })
    }
}

/// Fails with all differences that [`Pair::compare`] found.
pub fn none_differs(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// The first difference between two answers. Series are compared by label set, unless their order counts.
pub fn differ(ours: &Value, theirs: &Value, ordered: bool) -> Option<String> {
    if ours["resultType"] != theirs["resultType"] {
        return Some("another resultType".to_owned());
    }
    let key = |value: &Value| value["metric"].to_string();
    let list = |value: &Value| {
        let mut list = value["result"].as_array().unwrap().clone();
        if !ordered && list.iter().all(Value::is_object) {
            list.sort_by_key(key);
        }
        list
    };
    let (ours, theirs) = (list(ours), list(theirs));
    if ours.len() != theirs.len() {
        return Some(format!("{} series instead of {}", ours.len(), theirs.len()));
    }
    ours.iter().zip(&theirs).find_map(|(ours, theirs)| {
        if ours.is_object() && key(ours) != key(theirs) {
            return Some(format!("series {} instead of {}", key(ours), key(theirs)));
        }
        numbers_differ(ours, theirs).then(|| format!("{ours:.300} instead of {theirs:.300}"))
    })
}

fn numbers_differ(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() != right.len()
                || left
                    .iter()
                    .any(|(name, value)| numbers_differ(value, &right[name]))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() != right.len()
                || left
                    .iter()
                    .zip(right)
                    .any(|(left, right)| numbers_differ(left, right))
        }
        (Value::String(left), Value::String(right)) => {
            match (left.parse::<f64>(), right.parse::<f64>()) {
                (Ok(left), Ok(right)) if left.is_finite() && right.is_finite() => {
                    (left - right).abs() > 1e-9 * left.abs().max(right.abs()).max(1e-300)
                        && left != right
                }
                _ => left != right,
            }
        }
        (Value::Number(left), Value::Number(right)) => {
            (left.as_f64().unwrap() - right.as_f64().unwrap()).abs() > 1e-4
        }
        _ => ours != theirs,
    }
}
