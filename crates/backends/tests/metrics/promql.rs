//! PromQL answers are those of the real Prometheus, recorded over the same samples.

use crate::support::promql_cases;
use crate::support::promql_pair::differ;
use crate::support::promql_recorded::{golden, recorded};
use serde_json::Value;

/// Notes as they are compared: sorted, and without a number that Prometheus counts too high over several steps.
fn notes(list: &Value) -> Vec<String> {
    let counted = regex::Regex::new("over [0-9]+ samples").unwrap();
    let mut list: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|note| counted.replace(note.as_str().unwrap(), "").into_owned())
        .collect();
    list.sort();
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_errors_and_annotations_are_those_that_prometheus_gave() {
    let (answers, embedded) = recorded().await;
    let mut wrong = Vec::new();
    for wanted in &answers {
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
        let ordered = ["sort", "topk(", "bottomk("];
        let ordered = ordered.iter().any(|start| query.starts_with(start));
        let difference = if wanted["errorType"].is_null() != (status == 200) {
            Some(format!("status {status}"))
        } else if status == 200 {
            differ(&ours["data"], wanted, ordered)
        } else {
            ["errorType", "error"]
                .into_iter()
                .find(|field| ours[*field] != wanted[*field])
                .map(str::to_owned)
        };
        let difference = difference.or_else(|| {
            let kinds = ["warnings", "infos"];
            let other = |kind: &&str| notes(&ours[*kind]) != notes(&wanted[*kind]);
            kinds.into_iter().find(other).map(str::to_owned)
        });
        if let Some(text) = difference {
            wrong.push(format!(
                "{query:?}: {text}\n  ours   {ours:.1500}\n  theirs {wanted:.1500}"
            ));
        }
    }
    assert!(answers.len() > 500);
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        answers.len(),
        wrong.join("\n")
    );
}

/// Exemplars, labels, series, metadata and refused parameters. The order of a list is not compared,
/// unless the request cuts it.
#[tokio::test(flavor = "multi_thread")]
async fn exemplars_series_labels_and_refusals_are_those_that_prometheus_gave() {
    let (_, embedded) = recorded().await;
    let golden = golden();
    let requests = golden["requests"].as_array().unwrap();
    let mut wrong = Vec::new();
    for wanted in requests {
        let params: Vec<(&str, &str)> = wanted["params"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let path = wanted["path"].as_str().unwrap();
        let (status, ours) = embedded.http.get(path, &params).await;
        let sorted = |answer: &Value| {
            let mut data = answer["data"].clone();
            if let Some(list) = data.as_array_mut() {
                list.sort_by_key(Value::to_string);
            }
            data
        };
        let same = u64::from(status.as_u16()) == wanted["status"]
            && sorted(&ours) == sorted(wanted)
            && ours["errorType"] == wanted["errorType"]
            && ours["error"] == wanted["error"];
        if !same {
            wrong.push(format!(
                "{path} {params:?}\n  ours   {status} {ours:.1500}\n  theirs {wanted:.1500}"
            ));
        }
    }
    assert!(requests.len() > 70);
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        requests.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_query_has_a_recorded_response() {
    let golden = golden();
    let known: Vec<&str> = golden["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["query"].as_str().unwrap())
        .collect();
    let queries = [
        promql_cases::dashboards(),
        promql_cases::language(),
        promql_cases::written(),
        promql_cases::refused(),
        promql_cases::refused_by_3(),
    ];
    for query in queries.concat() {
        assert!(
            known.contains(&query.as_str()),
            "{query:?} has no recorded response"
        );
    }
}
