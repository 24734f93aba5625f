//! Dashboards: every query of every panel and variable is accepted and gives data.

use serde_json::Value;

use super::super::dashboard::Dashboard;
use super::super::finding::Finding;
use super::super::loki;
use super::super::panel_query::PanelQuery;
use super::super::prometheus::{exemplars, has_data};
use super::super::template::{Choice, Language};
use super::variables::values;
use super::{Attempt, Run, now_seconds};
use crate::lab::excerpt::excerpt;

/// The check of one dashboard, over several attempts.
pub(crate) struct Check {
    dashboard: Result<Dashboard, Finding>,
    /// Queries that have given data, by panel, query and choice of variables.
    done: Vec<(String, String)>,
}

impl Check {
    /// Begins with a dashboard file.
    #[must_use]
    pub(crate) fn new(file: &str, content: &Value) -> Self {
        Self {
            dashboard: Dashboard::read(content)
                .map_err(|problem| Finding::new(file, problem).settled()),
            done: Vec::new(),
        }
    }

    /// Sends the queries that have not given data yet. Each is sent with the choices that the dashboard opens
    /// with (or with all values), and with the first value of every variable.
    pub(crate) async fn attempt(&mut self, run: &Run) -> Attempt {
        let dashboard = self.dashboard.as_ref().map_err(Clone::clone)?;
        let mut first = Vec::new();
        let mut all = Vec::new();
        for variable in dashboard.variables() {
            let values = values(run, dashboard.range_seconds(), variable, &all).await?;
            let one = values.first().map_or("", String::as_str);
            let chosen = values.iter().find(|it| *it == variable.chosen());
            first.push(Choice::one(variable, one));
            all.push(match variable.include_all {
                true => Choice::all(variable, &values),
                false => Choice::one(variable, chosen.map_or(one, String::as_str)),
            });
        }
        let queries = dashboard.queries();
        let mut asked = 0;
        let mut findings: Vec<Finding> = Vec::new();
        for choices in [&all, &first] {
            for query in &queries {
                let sources = &run.provisioning.sources;
                let panel_query =
                    PanelQuery::of(query, sources, choices, &first, dashboard.range_seconds());
                let panel_query = panel_query.map_err(|what| {
                    Finding::new(format!("panel {:?}", query.panel), what).settled()
                })?;
                let Some(panel_query) = panel_query else {
                    continue;
                };
                asked += usize::from(std::ptr::eq(choices, &all));
                let key = (query.panel.clone(), panel_query.text.clone());
                if self.done.contains(&key) {
                    continue;
                }
                match send(run, &panel_query).await {
                    Ok(()) => self.done.push(key),
                    Err(finding) if finding.settled => return Err(finding),
                    Err(finding) => findings.push(finding),
                }
            }
        }
        let more = findings.len().saturating_sub(1);
        match findings.into_iter().next() {
            None => Ok(format!(
                "queries: {asked}, variables: {}",
                dashboard.variables().len()
            )),
            Some(finding) if more == 0 => Err(finding),
            Some(mut finding) => {
                finding.came = format!("{} (and {more} more like this)", finding.came);
                Err(finding)
            }
        }
    }
}

/// Sends a panel's query as Grafana does.
async fn send(run: &Run, panel_query: &PanelQuery<'_>) -> Result<(), Finding> {
    let PanelQuery {
        query,
        text,
        language,
        times,
        ..
    } = panel_query;
    let text = text.as_str();
    // Grafana aligns ranges to the step, and shows a step when it has ended. The one that is not over yet is asked
    // for too: what it has by now it will still have then, and nobody has to wait for it.
    let now = now_seconds() as f64;
    let end = (now / times.step).ceil() * times.step;
    let start = end - times.range;
    let whole_seconds = (start as i64, now as i64);
    let answer = match (language, query.instant) {
        (Language::PromQl, true) => {
            let prometheus = &run.lab.prometheus;
            prometheus.post("/api/v1/query", &[("query", text)]).await?
        }
        (Language::PromQl, false) => {
            let [start, end, step] = [start, end, times.step].map(|it| it.to_string());
            let params = [
                ("query", text),
                ("start", &start),
                ("end", &end),
                ("step", &step),
            ];
            run.lab
                .prometheus
                .post("/api/v1/query_range", &params)
                .await?
        }
        (Language::LogQl, true) => {
            let loki = &run.lab.loki;
            loki.get("/loki/api/v1/query", &[("query", text)]).await?
        }
        (Language::LogQl, false) => {
            let nanos = |at: i64| at.saturating_mul(1_000_000_000);
            let window = (nanos(whole_seconds.0), nanos(whole_seconds.1 + 1));
            loki::range(&run.lab.loki, text, window, Some(times.step)).await?
        }
    };
    if answer.status == 400 {
        let came = format!(
            "panel {:?}: HTTP {}: {}",
            query.panel,
            answer.status,
            excerpt(&answer.body)
        );
        return Err(answer.finding(came).settled());
    }
    let json = answer.json()?;
    if query.exemplar && *language == Language::PromQl {
        // Another promise checks that exemplars carry trace ids.
        exemplars(&run.lab.prometheus, text, "TraceID", whole_seconds).await?;
    }
    if has_data(&json) || query.may_be_empty {
        return Ok(());
    }
    Err(answer.finding(format!("panel {:?}: no data for {text}", query.panel)))
}
