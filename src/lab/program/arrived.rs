//! What the lab has of one run: spans, lines and series of each service. They are found by the resource attribute that
//! the run was given.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::place::Place;
use super::variables::RUN;
use crate::lab::verify::http::Server;

/// Time for the last telemetry to become visible.
const LAST: Duration = Duration::from_secs(2);

/// Pause between two looks.
const STEP: Duration = Duration::from_millis(100);

/// Time before a run that is asked for as well, because clocks differ.
const BEFORE: Duration = Duration::from_secs(60);

/// Numbers of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    spans: u64,
    lines: u64,
    series: u64,
}

/// What has arrived.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    services: BTreeMap<String, Counts>,
    /// Servers that did not answer, and how.
    problems: Vec<String>,
}

impl Arrived {
    /// Asks the servers until something is there, or for a moment.
    pub(super) async fn of_run(place: &Place, run: &str, took: Duration) -> Self {
        let until = tokio::time::Instant::now() + LAST;
        loop {
            let arrived = Self::now(place, run, took + BEFORE).await;
            if !arrived.services.is_empty() || tokio::time::Instant::now() >= until {
                return arrived;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    async fn now(place: &Place, run: &str, within: Duration) -> Self {
        let mut arrived = Self::default();
        let spans = spans(&place.tempo, run, within).await;
        arrived.add("Tempo", spans, |counts, number| counts.spans += number);
        let lines = lines(&place.loki, run, within).await;
        arrived.add("Loki", lines, |counts, number| counts.lines += number);
        let series = series(&place.prometheus, run, within).await;
        arrived.add("Prometheus", series, |counts, number| {
            counts.series += number
        });
        arrived
    }

    fn add(
        &mut self,
        server: &str,
        found: Result<Vec<(String, u64)>, String>,
        count: impl Fn(&mut Counts, u64),
    ) {
        match found {
            Ok(found) => {
                for (service, number) in found {
                    count(self.services.entry(service).or_default(), number);
                }
            }
            Err(problem) => self.problems.push(format!("{server}: {problem}")),
        }
    }

    /// For people.
    pub(super) fn text(&self, place: &Place) -> String {
        let mut text = String::from("\narrived at the lab:\n");
        let longest = self.services.keys().map(|name| name.chars().count()).max();
        for (
            service,
            Counts {
                spans,
                lines,
                series,
            },
        ) in &self.services
        {
            let width = longest.unwrap_or_default();
            let _ = writeln!(
                text,
                "  {service:<width$}  {spans:>6} spans  {lines:>6} lines  {series:>6} series"
            );
        }
        if self.services.is_empty() && self.problems.is_empty() {
            text.push_str(
                "  nothing. Does the program use an OpenTelemetry SDK, and does it end without being killed, so \
                 that its last telemetry is sent?\n",
            );
        }
        for problem in &self.problems {
            let _ = writeln!(text, "  {problem}");
        }
        let _ = writeln!(text, "look at it: {}", place.console);
        text
    }
}

fn seconds(within: Duration) -> u64 {
    within.as_secs() + 1
}

async fn ask(server: &Server, path: &str, params: &[(&str, &str)]) -> Result<Value, String> {
    let response = match server.get(path, params).await {
        Ok(response) => response.json(),
        Err(finding) => Err(finding),
    };
    response.map_err(|finding| finding.came)
}

async fn spans(tempo: &Server, run: &str, within: Duration) -> Result<Vec<(String, u64)>, String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let query =
        format!("{{ resource.{RUN} = \"{run}\" }} | count_over_time() by (resource.service.name)");
    let (start, end) = (
        now.as_secs().saturating_sub(seconds(within)).to_string(),
        (now.as_secs() + 1).to_string(),
    );
    let params = [("q", query.as_str()), ("start", &start), ("end", &end)];
    let answer = ask(tempo, "/api/metrics/query", &params).await?;
    let found = answer["series"].as_array().into_iter().flatten();
    Ok(found
        .map(|series| {
            let labels = series["labels"].as_array().into_iter().flatten();
            let mut names = labels.filter(|label| label["key"] == "resource.service.name");
            let name = names
                .next()
                .and_then(|label| label["value"]["stringValue"].as_str());
            (
                named(name),
                series["value"].as_f64().unwrap_or_default() as u64,
            )
        })
        .filter(|(_, number)| *number > 0)
        .collect())
}

async fn lines(loki: &Server, run: &str, within: Duration) -> Result<Vec<(String, u64)>, String> {
    let query = format!(
        "sum by (service_name) (count_over_time({{service_name=~\".+\"}} | lab_run=\"{run}\" [{}s]))",
        seconds(within)
    );
    let answer = ask(loki, "/loki/api/v1/query", &[("query", &query)]).await?;
    Ok(vector(&answer, "service_name"))
}

async fn series(
    prometheus: &Server,
    run: &str,
    within: Duration,
) -> Result<Vec<(String, u64)>, String> {
    let range = seconds(within);
    let query = format!(
        "count by (job) (last_over_time({{__name__!=\"target_info\",job=~\".+\"}}[{range}s]) and on (job, instance) \
         last_over_time(target_info{{lab_run=\"{run}\"}}[{range}s]))"
    );
    let answer = ask(prometheus, "/api/v1/query", &[("query", &query)]).await?;
    Ok(vector(&answer, "job"))
}

/// The values of an instant vector by one of its labels.
fn vector(answer: &Value, label: &str) -> Vec<(String, u64)> {
    let found = answer["data"]["result"].as_array().into_iter().flatten();
    found
        .map(|series| {
            let number = series["value"][1]
                .as_str()
                .and_then(|text| text.parse::<f64>().ok());
            let name = series["metric"][label].as_str();
            (named(name), number.unwrap_or_default() as u64)
        })
        .collect()
}

/// The service's own name. With a namespace, Prometheus has both in `job`.
fn named(name: Option<&str>) -> String {
    let name = name.filter(|name| !name.is_empty());
    let own = name.map(|name| name.rsplit_once('/').map_or(name, |(_, own)| own));
    own.unwrap_or("(no service.name)").to_owned()
}
