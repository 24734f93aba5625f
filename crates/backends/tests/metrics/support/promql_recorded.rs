//! What Prometheus 3.14 answered: `tests/golden/prometheus.json`.

use std::time::Duration;

use lab_backends::metrics::Limits;
use serde_json::Value;

use super::metrics::{Embedded, Page, fixture};
use super::promql_fixture::exposition;

/// The whole recording.
pub fn golden() -> Value {
    serde_json::from_str(include_str!("../../golden/prometheus.json")).unwrap()
}

/// The recorded queries with the responses of Prometheus, and an embedded server with the same samples.
pub async fn recorded() -> (Vec<Value>, Embedded) {
    let golden = golden();
    let body = exposition(golden["first"].as_i64().unwrap());
    let address = fixture(move |_| Page::open_metrics(body.clone())).await;
    let yaml = format!(
        "scrape_configs:\n- job_name: fixture\n  static_configs:\n  - targets: ['{address}']\n    \
         labels: {{instance: 'fixture:80'}}\n"
    );
    // The history is years old.
    let limits = Limits {
        max_age: Duration::from_secs(3_000_000_000),
        ..Limits::default()
    };
    let embedded = Embedded::start(&yaml, limits).await;
    embedded.scrape().await;
    assert_eq!(embedded.targets.targets()[0].last_scrape().error, "");
    (golden["answers"].as_array().unwrap().clone(), embedded)
}
