//! Where to look at an incident: URLs of the console, or of Grafana where there is none, with the incident's time range.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::place::Place;

/// The dashboard to begin with, by its uid.
const DASHBOARD: &str = "salvo-observability";

/// Names with URLs, in the order in which they are shown. `from` and `to` are Unix ms; without `to` it is now.
pub(super) fn links(place: &Place, from: u64, to: Option<u64>) -> Vec<(&'static str, String)> {
    let to = to.map_or_else(|| "now".to_owned(), |to| to.to_string());
    let range = format!("from={from}&to={to}");
    match (&place.console, &place.grafana) {
        (Some(console), _) => vec![
            ("incident", format!("{console}/incidents")),
            ("dashboard", format!("{console}/d/{DASHBOARD}?{range}")),
            ("traces", format!("{console}/traces?{range}")),
            ("logs", format!("{console}/logs?{range}")),
            ("metrics", format!("{console}/explore?{range}")),
            ("alerts", format!("{console}/alerts")),
        ],
        (None, Some(grafana)) => {
            let explore = |query: Value| explore(grafana, query, &from.to_string(), &to);
            vec![
                ("dashboard", format!("{grafana}/d/{DASHBOARD}?{range}")),
                (
                    "traces",
                    explore(source("tempo", json!({"queryType": "traceql", "query": "{}"}))),
                ),
                (
                    "logs",
                    explore(source("loki", json!({"expr": "{service_name=~\".+\"}"}))),
                ),
                (
                    "metrics",
                    explore(source(
                        "prometheus",
                        json!({"expr": "sum by (app_name, path) (rate(salvo_requests_total[1m]))"}),
                    )),
                ),
                ("alerts", format!("{grafana}/alerting/list")),
            ]
        }
        (None, None) => Vec::new(),
    }
}

/// A query of a data source, whose uid is that of `etc/grafana/datasources.yaml`.
fn source(kind: &str, mut query: Value) -> Value {
    query["refId"] = json!("A");
    query["datasource"] = json!({"type": kind, "uid": kind});
    query
}

/// A URL of Explore in the form of Grafana 10.2 and newer:
/// <https://grafana.com/docs/grafana/latest/explore/get-started-with-explore/#generate-explore-urls-from-external-tools>
fn explore(grafana: &str, query: Value, from: &str, to: &str) -> String {
    let panes = json!({"incident": {
        "datasource": query["datasource"]["uid"],
        "queries": [query],
        "range": {"from": from, "to": to},
    }});
    let panes = panes.to_string();
    let panes = utf8_percent_encode(&panes, NON_ALPHANUMERIC);
    format!("{grafana}/explore?schemaVersion=1&orgId=1&panes={panes}")
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use super::*;

    fn place(console: Option<&str>, grafana: Option<&str>) -> Place {
        Place {
            apps: Vec::new(),
            prometheus: String::new(),
            loki: String::new(),
            tempo: String::new(),
            console: console.map(str::to_owned),
            grafana: grafana.map(str::to_owned),
        }
    }

    #[test]
    fn grafana_opens_each_signal_in_the_time_of_the_incident() {
        let all = links(&place(None, Some("http://g:3000")), 1000, Some(2000));
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["dashboard", "traces", "logs", "metrics", "alerts"]);
        assert_eq!(
            all[0].1,
            "http://g:3000/d/salvo-observability?from=1000&to=2000"
        );
        for (name, url) in &all[1..4] {
            let panes = url.split("panes=").nth(1).expect(name);
            let panes = percent_decode_str(panes).decode_utf8().expect("text");
            let panes: Value = serde_json::from_str(&panes).expect("JSON");
            let pane = &panes["incident"];
            assert_eq!(pane["range"], json!({"from": "1000", "to": "2000"}));
            assert_eq!(pane["queries"][0]["datasource"]["uid"], pane["datasource"]);
        }
    }

    #[test]
    fn the_console_comes_before_grafana_and_an_incident_that_runs_ends_now() {
        let both = place(Some("http://c"), Some("http://g"));
        let all = links(&both, 1000, None);
        assert!(all.iter().all(|(_, url)| url.starts_with("http://c/")));
        assert_eq!(all[0].1, "http://c/incidents");
        assert_eq!(all[2].1, "http://c/traces?from=1000&to=now");
        assert!(links(&place(None, None), 1000, None).is_empty());
    }
}
