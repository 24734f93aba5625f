//! Metrics: targets up, exemplars with trace ids, nothing lost on the way.

use std::collections::{BTreeMap, HashSet};

use super::super::finding::Finding;
use super::super::http::Server;
use super::super::prometheus;
use super::{Attempt, Run};
use tokio::time::Instant;

/// The histogram whose buckets carry exemplars.
const BUCKETS: &str = "salvo_requests_duration_seconds_bucket";

/// Finished spans by outcome.
const SPANS: &str = "salvo_telemetry_spans_total";

/// Spans and log lines that never reached their server.
const LOST: &str =
    "salvo_telemetry_spans_total{outcome!=\"exported\"} or salvo_telemetry_log_lines_dropped_total";

/// Every target is up without a scrape error, and each instance is among them.
pub(crate) async fn targets(run: &Run) -> Attempt {
    let answer = run
        .lab
        .prometheus
        .get("/api/v1/targets", &[("state", "active")])
        .await?;
    let json = answer.json()?;
    let targets = json["data"]["activeTargets"].as_array();
    let targets = targets.map(Vec::as_slice).unwrap_or_default();
    for target in targets {
        let text = |name: &str| target[name].as_str().unwrap_or_default();
        if text("health") != "up" || !text("lastError").is_empty() {
            return Err(answer.finding(format!(
                "{} is {}: {}",
                text("scrapeUrl"),
                text("health"),
                text("lastError")
            )));
        }
    }
    let (asked, infos) = prometheus::instant(&run.lab.prometheus, "salvo_app_info").await?;
    let missing: Vec<&str> = run
        .sent
        .services
        .iter()
        .map(String::as_str)
        .filter(|service| !infos.iter().any(|info| info.label("app_name") == *service))
        .collect();
    match missing.is_empty() {
        true => Ok(format!("{} targets", targets.len())),
        false => Err(Finding::new(
            asked,
            format!("{} instances, not {}", infos.len(), missing.join(", ")),
        )),
    }
}

/// The id of a trace of this run that an exemplar carries: that of `/chain` if there is one.
pub(crate) async fn exemplar_id(run: &Run) -> Result<String, Finding> {
    let (answer, found) =
        prometheus::exemplars(&run.lab.prometheus, BUCKETS, "TraceID", run.window()).await?;
    if found.contains(&run.sent.chain) {
        return Ok(run.sent.chain.clone());
    }
    // Another request may have replaced the exemplar in its bucket before the scrape. Then, in the second
    // half of the time, the exemplar of any request of this run counts.
    let own: HashSet<String> = run.ids.lock().iter().cloned().collect();
    let late = Instant::now() >= run.halfway;
    match found.iter().find(|id| late && own.contains(*id)) {
        Some(id) => Ok(id.clone()),
        None => Err(answer.finding(format!(
            "{} exemplars, none with a trace id of this run such as {}",
            found.len(),
            run.sent.chain
        ))),
    }
}

/// An exemplar carries the id of a trace of this run.
pub(crate) async fn exemplar(run: &Run) -> Attempt {
    exemplar_id(run).await.map(|id| format!("TraceID {id}"))
}

/// Counters at one time, by their labels.
pub(crate) type Counters = BTreeMap<String, f64>;

/// The counters of exported and of lost signals now.
///
/// # Errors
/// A finding when the query was refused.
pub(crate) async fn counters(prometheus: &Server) -> Result<(String, Counters), Finding> {
    let query = format!("{SPANS} or salvo_telemetry_log_lines_dropped_total");
    let (asked, samples) = prometheus::instant(prometheus, &query).await?;
    let counters = samples
        .iter()
        .map(|sample| {
            let what = match sample.label("outcome") {
                "" => "log lines dropped".to_owned(),
                outcome => format!("spans {outcome}"),
            };
            (format!("{} {what}", sample.label("app_name")), sample.value)
        })
        .collect();
    Ok((asked, counters))
}

/// During this run every instance has exported spans and lost none, nor any log line.
pub(crate) async fn nothing_lost(run: &Run) -> Attempt {
    let (asked, now) = counters(&run.lab.prometheus).await?;
    let grown = |name: &str, value: f64| match run.before.get(name) {
        // A restart sets the counter back.
        Some(old) if *old <= value => value - old,
        _ => value,
    };
    let mut exported = 0.0;
    let mut idle = Vec::new();
    for (name, value) in &now {
        let grown = grown(name, *value);
        if let Some(app) = name.strip_suffix(" spans exported") {
            exported += grown;
            if grown == 0.0 {
                idle.push(app);
            }
        } else if grown > 0.0 {
            let advice = format!("{LOST}; the log of the instance says why");
            return Err(Finding::new(asked, format!("{name}: {grown}"))
                .check(advice)
                .settled());
        }
    }
    if now.is_empty() {
        return Err(Finding::new(asked, "no series"));
    }
    match idle.is_empty() {
        true => Ok(format!("{exported} spans exported")),
        false => Err(Finding::new(
            asked,
            format!("no span exported during this run by {}", idle.join(", ")),
        )),
    }
}
