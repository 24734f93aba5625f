//! Where to look at an incident: URLs of the console, or of Grafana where there is none, with the incident's time range.

use std::fmt;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::json;

use super::file::Signal;
use super::place::Place;

/// The dashboard to begin with, by its uid.
const DASHBOARD: &str = "salvo-observability";

/// The query to begin with.
const REQUESTS: &str = "sum by (app_name, path) (rate(salvo_requests_total[1m]))";

/// Where to look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What is there: `dashboard`, `traces`, …
    pub name: &'static str,
    /// Its URL.
    pub url: String,
}

/// A time range: Unix ms, and until now without an end.
#[derive(Clone, Copy)]
pub(super) struct Range {
    pub(super) from: u64,
    pub(super) to: Option<u64>,
}

/// Where to look first comes first; nothing in a lab that has neither.
pub(super) fn links(place: &Place, range: Range) -> Vec<Link> {
    let times = range.to_string();
    let all = match (&place.console, &place.grafana) {
        (Some(console), _) => vec![
            ("incident", format!("{console}/incidents")),
            ("dashboard", format!("{console}/d/{DASHBOARD}?{times}")),
            ("services", format!("{console}/services?{times}")),
            ("map", format!("{console}/map?{times}")),
            ("traces", format!("{console}/traces?{times}")),
            ("logs", format!("{console}/logs?{times}")),
            ("metrics", format!("{console}/explore?{times}")),
            ("alerts", format!("{console}/alerts")),
        ],
        (None, Some(grafana)) => {
            let explore = |signal, query| explore(grafana, signal, query, range);
            vec![
                ("dashboard", format!("{grafana}/d/{DASHBOARD}?{times}")),
                ("traces", explore(Signal::Traces, "{}")),
                ("logs", explore(Signal::Logs, "{service_name=~\".+\"}")),
                ("metrics", explore(Signal::Metrics, REQUESTS)),
                ("alerts", format!("{grafana}/alerting/list")),
            ]
        }
        (None, None) => Vec::new(),
    };
    let link = |(name, url)| Link { name, url };
    all.into_iter().map(link).collect()
}

/// The URL that opens a query; none of a lab that has neither console nor Grafana.
pub(super) fn query_link(
    place: &Place,
    signal: Signal,
    query: &str,
    range: Range,
) -> Option<String> {
    let query = query.trim();
    let escaped = utf8_percent_encode(query, NON_ALPHANUMERIC);
    match (&place.console, &place.grafana) {
        (Some(console), _) => Some(match signal {
            Signal::Metrics | Signal::Exemplars => {
                format!("{console}/explore?expr={escaped}&{range}")
            }
            Signal::Logs => format!("{console}/logs?query={escaped}&{range}"),
            Signal::Traces => format!("{console}/traces?q={escaped}&limit=100&{range}"),
            Signal::Trace => format!("{console}/traces/{escaped}"),
        }),
        (None, Some(grafana)) => Some(explore(grafana, signal, query, range)),
        (None, None) => None,
    }
}

/// A URL of Explore in the form of Grafana 10.2 and newer, with the data sources of `etc/grafana/datasources.yaml`:
/// <https://grafana.com/docs/grafana/latest/explore/get-started-with-explore/#generate-explore-urls-from-external-tools>
fn explore(grafana: &str, signal: Signal, query: &str, range: Range) -> String {
    let (kind, mut asked) = match signal {
        Signal::Metrics | Signal::Exemplars => {
            let asked = json!({"expr": query, "range": true, "instant": true, "exemplar": true});
            ("prometheus", asked)
        }
        Signal::Logs => ("loki", json!({"expr": query})),
        // A trace id is a query too.
        Signal::Traces | Signal::Trace => {
            ("tempo", json!({"queryType": "traceql", "query": query}))
        }
    };
    asked["refId"] = json!("A");
    asked["datasource"] = json!({"type": kind, "uid": kind});
    let panes = json!({"incident": {
        "datasource": kind,
        "queries": [asked],
        "range": {"from": range.from.to_string(), "to": range.end()},
    }});
    let panes = panes.to_string();
    let panes = utf8_percent_encode(&panes, NON_ALPHANUMERIC);
    format!("{grafana}/explore?schemaVersion=1&orgId=1&panes={panes}")
}

impl Range {
    fn end(self) -> String {
        self.to
            .map_or_else(|| "now".to_owned(), |to| to.to_string())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "from={}&to={}", self.from, self.end())
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use serde_json::Value;

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

    const ENDED: Range = Range {
        from: 1000,
        to: Some(2000),
    };

    fn url<'a>(all: &'a [Link], name: &str) -> &'a str {
        let mut all = all.iter();
        &all.find(|it| it.name == name).expect(name).url
    }

    fn pane(url: &str) -> Value {
        let panes = url.split("panes=").nth(1).expect(url);
        let panes = percent_decode_str(panes).decode_utf8().expect("text");
        let panes: Value = serde_json::from_str(&panes).expect("JSON");
        panes["incident"].clone()
    }

    #[test]
    fn grafana_opens_each_signal_in_the_time_of_the_incident() {
        let all = links(&place(None, Some("http://g:3000")), ENDED);
        let names: Vec<_> = all.iter().map(|it| it.name).collect();
        assert_eq!(names, ["dashboard", "traces", "logs", "metrics", "alerts"]);
        assert_eq!(
            url(&all, "dashboard"),
            "http://g:3000/d/salvo-observability?from=1000&to=2000"
        );
        for (name, uid) in [
            ("logs", "loki"),
            ("metrics", "prometheus"),
            ("traces", "tempo"),
        ] {
            let pane = pane(url(&all, name));
            assert_eq!(pane["range"], json!({"from": "1000", "to": "2000"}));
            assert_eq!(pane["datasource"], uid);
            assert_eq!(pane["queries"][0]["datasource"]["uid"], uid);
        }
    }

    #[test]
    fn the_console_comes_before_grafana_and_an_incident_that_runs_ends_now() {
        let both = place(Some("http://c"), Some("http://g"));
        let range = Range {
            from: 1000,
            to: None,
        };
        let all = links(&both, range);
        assert!(all.iter().all(|it| it.url.starts_with("http://c/")));
        assert_eq!(url(&all, "incident"), "http://c/incidents");
        assert_eq!(url(&all, "traces"), "http://c/traces?from=1000&to=now");
        assert!(links(&place(None, None), range).is_empty());
    }

    #[test]
    fn a_query_is_opened_where_its_signal_is_shown() {
        let (console, grafana) = (place(Some("http://c"), None), place(None, Some("http://g")));
        for (signal, query, expected, uid, field) in [
            (
                Signal::Metrics,
                "up == 0\n",
                "/explore?expr=up%20%3D%3D%200&from=1000&to=2000",
                "prometheus",
                "expr",
            ),
            (
                Signal::Exemplars,
                "up",
                "/explore?expr=up&from=1000&to=2000",
                "prometheus",
                "expr",
            ),
            (
                Signal::Logs,
                "{a=\"b\"}",
                "/logs?query=%7Ba%3D%22b%22%7D&from=1000&to=2000",
                "loki",
                "expr",
            ),
            (
                Signal::Traces,
                "{}",
                "/traces?q=%7B%7D&limit=100&from=1000&to=2000",
                "tempo",
                "query",
            ),
            (Signal::Trace, "0af7", "/traces/0af7", "tempo", "query"),
        ] {
            let url = query_link(&console, signal, query, ENDED);
            assert_eq!(url.as_deref(), Some(format!("http://c{expected}").as_str()));
            let pane = pane(&query_link(&grafana, signal, query, ENDED).expect("a URL"));
            assert_eq!(pane["datasource"], uid);
            assert_eq!(pane["queries"][0][field], query.trim());
        }
        assert_eq!(
            query_link(&place(None, None), Signal::Logs, "{}", ENDED),
            None
        );
    }
}
