//! Alerts that an incident has not caused: those that were pending or firing when it began, of the incident before it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::view::View;
use crate::lab::verify::http::Server;

/// Time for Prometheus to tell: how an incident stands is told without it too.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most that are told.
const MOST: usize = 50;

/// An alert that is pending or firing since before the incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Earlier {
    /// Name of its rule.
    pub(super) name: String,
    /// `pending` or `firing`.
    pub(super) state: String,
    /// Its labels, without the name of the rule and the severity.
    pub(super) labels: BTreeMap<String, String>,
    /// Unix ms since when it is pending or firing.
    pub(super) since_ms: u64,
}

/// Those of an incident while it runs, the oldest first.
///
/// # Errors
/// Why Prometheus does not tell.
pub(super) async fn earlier(view: &View) -> Result<Vec<Earlier>, String> {
    let url = view.servers.get("prometheus").filter(|_| view.active);
    let Some(url) = url else {
        return Ok(Vec::new());
    };
    let server = Server::new(url).map_err(|error| error.to_string())?;
    let answer = tokio::time::timeout(PATIENCE, server.get("/api/v1/alerts", &[])).await;
    let answer = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))?;
    let answer = answer.and_then(|answer| answer.json());
    let answer = answer.map_err(|finding| finding.came)?;
    let alerts = answer["data"]["alerts"].as_array();
    let alerts = alerts.ok_or("its answer has no alerts")?;
    Ok(before(alerts, view.started_ms))
}

fn before(alerts: &[Value], started_ms: u64) -> Vec<Earlier> {
    let mut all: Vec<Earlier> = alerts.iter().filter_map(alert).collect();
    all.retain(|it| it.since_ms < started_ms);
    all.sort_by(|one, other| (one.since_ms, &one.name).cmp(&(other.since_ms, &other.name)));
    all.truncate(MOST);
    all
}

fn alert(value: &Value) -> Option<Earlier> {
    let since: Timestamp = value["activeAt"].as_str()?.parse().ok()?;
    let labels = value["labels"].as_object()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let others = labels
        .iter()
        .filter(|(name, _)| !["alertname", "severity"].contains(&name.as_str()));
    Some(Earlier {
        name: text(labels.get("alertname")?),
        state: text(&value["state"]),
        labels: others
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        since_ms: u64::try_from(since.as_millisecond()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_alerts_from_before_the_start_are_told_the_oldest_first() {
        let alert = |name: &str, at: &str| {
            json!({"labels": {"alertname": name, "severity": "warning", "app_name": "app-c"},
                "state": "firing", "activeAt": at, "annotations": {}, "value": "1e+00"})
        };
        let alerts = [
            alert("LatencyHigh", "2026-11-29T10:55:33.71Z"),
            alert("ErrorRatioHigh", "2026-11-29T10:54:33.710000001Z"),
            alert("SpansLost", "2026-11-29T10:59:14Z"),
            alert("NoTime", "soon"),
            json!({"activeAt": "2026-11-29T10:54:33Z"}),
        ];
        let start: Timestamp = "2026-11-29T10:58:57Z".parse().unwrap();
        let told = before(&alerts, u64::try_from(start.as_millisecond()).unwrap());
        let names: Vec<&str> = told.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["ErrorRatioHigh", "LatencyHigh"]);
        let labels = BTreeMap::from([("app_name".to_owned(), "app-c".to_owned())]);
        assert_eq!(told[0].labels, labels);
        assert_eq!(before(&alerts, 0), []);
    }
}
