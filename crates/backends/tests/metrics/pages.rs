//! Pages of targets, good and bad, are read and refused as Prometheus 3.14 did.

use std::sync::Arc;
use std::time::Duration;

use crate::support::metrics::{Embedded, Page, fixture};
use lab_backends::metrics::Limits;
use serde_json::Value;

/// Pages with their content type, whether Prometheus' target was up, and the samples that were there afterwards. A
/// character of a page is one byte.
const PAGES: &str = include_str!("../golden/scraped_pages.json");

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn page(recorded: &Value) -> Page {
    let body = text(&recorded["body"]).chars();
    Page {
        status: 200,
        content_type: text(&recorded["type"]).to_owned().leak(),
        body: body.map(|byte| u8::try_from(byte).unwrap()).collect(),
        delay: Duration::ZERO,
    }
}

/// The samples of a job: labels without those of the target, and values.
async fn samples(embedded: &Embedded, job: &str) -> Vec<Value> {
    let query = format!("{{job=\"{job}\",__name__!~\"up|scrape_.*\"}}");
    let (_, json) = embedded
        .http
        .get("/api/v1/query", &[("query", &query)])
        .await;
    let found = json["data"]["result"].as_array().unwrap().iter();
    let mut samples: Vec<Value> = found
        .map(|sample| {
            let mut labels = sample["metric"].clone();
            for name in ["job", "instance"] {
                labels.as_object_mut().unwrap().remove(name);
            }
            serde_json::json!([labels, sample["value"][1]])
        })
        .collect();
    samples.sort_by_key(ToString::to_string);
    samples
}

#[tokio::test]
async fn every_recorded_page_is_read_or_refused_as_prometheus_did() {
    let golden: Value = serde_json::from_str(PAGES).unwrap();
    let pages = Arc::new(golden.as_array().unwrap().clone());
    let served = Arc::clone(&pages);
    let address = fixture(move |path| {
        let number: usize = path.trim_start_matches('/').parse().unwrap();
        page(&served[number])
    })
    .await;
    let mut yaml = "scrape_configs:\n".to_owned();
    for number in 0..pages.len() {
        yaml.push_str(&format!(
            "- {{job_name: p{number}, metrics_path: /{number}, static_configs: [{{targets: ['{address}']}}]}}\n"
        ));
    }
    let embedded = Embedded::start(&yaml, Limits::default()).await;
    embedded.scrape().await;
    let (_, json) = embedded.http.get("/api/v1/targets", &[]).await;
    let targets = json["data"]["activeTargets"].as_array().unwrap();
    let mut differences = Vec::new();
    for (number, recorded) in pages.iter().enumerate() {
        let job = format!("p{number}");
        let target = targets.iter().find(|target| target["labels"]["job"] == job);
        let target = target.unwrap();
        let mut expected = recorded["samples"].as_array().unwrap().clone();
        expected.sort_by_key(ToString::to_string);
        let found = samples(&embedded, &job).await;
        let is_up = target["health"] == "up";
        if recorded["up"] != is_up || expected != found {
            differences.push(format!(
                "{} {:?}\n  {} {expected:?}\n  {is_up} {found:?} {}",
                recorded["type"],
                text(&recorded["body"]),
                recorded["up"],
                target["lastError"]
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        pages.len(),
        differences.join("\n")
    );
}
