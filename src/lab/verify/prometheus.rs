//! Queries to Prometheus (<https://prometheus.io/docs/prometheus/latest/querying/api/>).

use std::collections::BTreeMap;

use serde_json::Value;

use super::finding::Finding;
use super::http::{Response, Server};

/// One element of an instant vector.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value, empty when it is not there.
    #[must_use]
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// The value of an instant query now, with the request.
///
/// # Errors
/// A finding when the query was refused.
pub(super) async fn instant(
    prometheus: &Server,
    query: &str,
) -> Result<(String, Vec<Sample>), Finding> {
    let answer = prometheus
        .post("/api/v1/query", &[("query", query)])
        .await?;
    let json = answer.json()?;
    let samples = result(&json)
        .map(|series| Sample {
            labels: labels(&series["metric"]),
            value: number(&series["value"][1]),
        })
        .collect();
    Ok((answer.asked, samples))
}

/// The values of a label of all exemplars of a query between two times, Unix seconds.
///
/// # Errors
/// A finding when the query was refused.
pub(super) async fn exemplars(
    prometheus: &Server,
    query: &str,
    label: &str,
    (start, end): (i64, i64),
) -> Result<(Response, Vec<String>), Finding> {
    let (start, end) = (start.to_string(), end.to_string());
    let params = [("query", query), ("start", &start), ("end", &end)];
    let answer = prometheus.post("/api/v1/query_exemplars", &params).await?;
    let json = answer.json()?;
    let ids = json["data"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|series| series["exemplars"].as_array().into_iter().flatten())
        .filter_map(|exemplar| exemplar["labels"][label].as_str())
        .map(str::to_owned)
        .collect();
    Ok((answer, ids))
}

/// True if an answer of Prometheus or Loki holds any data: a sample that is a number, or a line.
#[must_use]
pub(super) fn has_data(answer: &Value) -> bool {
    let is_number = |value: &Value| !number(&value[1]).is_nan();
    match answer["data"]["resultType"].as_str() {
        Some("matrix") => result(answer).any(|series| {
            series["values"]
                .as_array()
                .is_some_and(|it| it.iter().any(is_number))
        }),
        Some("vector") => result(answer).any(|series| is_number(&series["value"])),
        Some("scalar") => is_number(&answer["data"]["result"]),
        Some("streams") => result(answer)
            .any(|stream| stream["values"].as_array().is_some_and(|it| !it.is_empty())),
        _ => false,
    }
}

fn result(answer: &Value) -> impl Iterator<Item = &Value> {
    answer["data"]["result"].as_array().into_iter().flatten()
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// A sample's value; Rust and Prometheus write special numbers alike.
fn number(value: &Value) -> f64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN)
}
