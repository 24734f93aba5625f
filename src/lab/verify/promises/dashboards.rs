//! Dashboards: every query of every panel and variable is accepted and gives data.

use serde_json::Value;

use super::super::dashboard::{self, Dashboard, Query, Variable};
use super::super::finding::{Finding, excerpt};
use super::super::loki;
use super::super::prometheus::{exemplar_ids, has_data};
use super::super::template::{Choice, Language, Times, filled};
use super::{Attempt, Run, now_seconds};

/// One dashboard on its way to showing data everywhere.
pub struct Check {
    dashboard: Result<Dashboard, Finding>,
    /// Queries that have given data, by panel, query and choice of variables.
    done: Vec<(String, String)>,
}

impl Check {
    /// Begins with a dashboard file.
    #[must_use]
    pub fn new(file: &str, content: &Value) -> Self {
        Self {
            dashboard: Dashboard::read(content)
                .map_err(|problem| Finding::new(file, problem).settled()),
            done: Vec::new(),
        }
    }

    /// Asks what has not given data yet: each query with "all" and with the first value of every
    /// variable.
    pub async fn attempt(&mut self, run: &Run) -> Attempt {
        let dashboard = self.dashboard.as_ref().map_err(Clone::clone)?;
        let mut first = Vec::new();
        let mut all = Vec::new();
        for variable in dashboard.variables() {
            let values = values(run, dashboard, variable, &all).await?;
            let one = values.first().map_or("", String::as_str);
            first.push(Choice::one(variable, one));
            all.push(match variable.include_all {
                true => Choice::all(variable, &values),
                false => Choice::one(variable, one),
            });
        }
        let queries = dashboard.queries();
        let mut findings: Vec<Finding> = Vec::new();
        for choices in [&all, &first] {
            for query in &queries {
                let language = language(run, query)?;
                let times = times(run, query, language, dashboard.range_seconds());
                let text = filled(&query.expr, language, times, choices).map_err(|name| {
                    let came = format!("the variable ${name} is not defined");
                    Finding::new(format!("{}: {}", query.panel, query.expr), came).settled()
                })?;
                let key = (query.panel.clone(), text);
                if self.done.contains(&key) {
                    continue;
                }
                match ask(run, query, &key.1, language, times).await {
                    Ok(()) => self.done.push(key),
                    Err(finding) if finding.settled => return Err(finding),
                    Err(finding) => findings.push(finding),
                }
            }
        }
        let more = findings.len().saturating_sub(1);
        match findings.into_iter().next() {
            None => Ok(format!(
                "queries: {}, variables: {}",
                queries.len(),
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

fn language(run: &Run, query: &Query) -> Result<Language, Finding> {
    let kind = run
        .provisioning
        .by_uid(&query.source)
        .map(|it| it.kind.as_str());
    match kind {
        Some("prometheus") => Ok(Language::PromQl),
        Some("loki") => Ok(Language::LogQl),
        _ => Err(Finding::new(
            format!("panel {:?}", query.panel),
            format!(
                "its data source {:?} is no provisioned Prometheus or Loki",
                query.source
            ),
        )
        .settled()),
    }
}

fn times(run: &Run, query: &Query, language: Language, range: f64) -> Times {
    let source = run.provisioning.by_uid(&query.source);
    let scrape = source
        .and_then(|source| source.settings["timeInterval"].as_str())
        .and_then(dashboard::seconds);
    Times::of(query, language, range, scrape)
}

/// Asks a query the way Grafana does for a panel.
async fn ask(
    run: &Run,
    query: &Query,
    text: &str,
    language: Language,
    times: Times,
) -> Result<(), Finding> {
    // The servers' data is at most as new as now; Grafana aligns ranges to the step.
    let now = now_seconds() as f64;
    let end = (now / times.step).floor() * times.step;
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
    if query.exemplar && language == Language::PromQl {
        // Whether they carry trace ids is another promise.
        exemplar_ids(&run.lab.prometheus, text, whole_seconds).await?;
    }
    if has_data(&json) || query.may_be_empty {
        return Ok(());
    }
    Err(answer.finding(format!("panel {:?}: no data for {text}", query.panel)))
}

/// The values that a variable can take, the chosen one first when there is no list.
async fn values(
    run: &Run,
    dashboard: &Dashboard,
    variable: &Variable,
    known: &[Choice],
) -> Result<Vec<String>, Finding> {
    let definition = variable.definition();
    match variable.kind.as_str() {
        "textbox" => Ok(vec![variable.chosen().to_owned()]),
        "constant" => Ok(vec![definition.to_owned()]),
        "custom" => Ok(definition
            .split(',')
            .map(|it| it.trim().to_owned())
            .collect()),
        "query" => label_values(run, dashboard, variable, known).await,
        other => Err(unknown(variable, &format!("type {other:?}"))),
    }
}

fn unknown(variable: &Variable, what: &str) -> Finding {
    Finding::new(
        format!("variable ${} of {what}", variable.name),
        "verify does not know how Grafana asks for this",
    )
    .check("src/lab/verify/promises/dashboards.rs; label_values(selector, label) is known")
    .settled()
}

/// `label_values(label)` and `label_values(selector, label)` of Prometheus.
async fn label_values(
    run: &Run,
    dashboard: &Dashboard,
    variable: &Variable,
    known: &[Choice],
) -> Result<Vec<String>, Finding> {
    let definition = variable.definition();
    let is_prometheus = run
        .provisioning
        .by_uid(variable.source())
        .is_some_and(|source| source.kind == "prometheus");
    let inner = definition
        .strip_prefix("label_values(")
        .and_then(|rest| rest.strip_suffix(')'))
        .filter(|_| is_prometheus)
        .ok_or_else(|| unknown(variable, definition))?;
    let (selector, label) = match inner.rsplit_once(',') {
        Some((selector, label)) => (Some(selector.trim()), label.trim()),
        None => (None, inner.trim()),
    };
    let range = dashboard.range_seconds();
    let times = Times {
        range,
        step: 1.0,
        rate_interval: 1.0,
    };
    let selector = selector
        .map(|selector| filled(selector, Language::PromQl, times, known))
        .transpose()
        .map_err(|name| unknown(variable, &format!("undefined ${name}")))?;
    let now = now_seconds();
    let (start, end) = ((now - range as i64).to_string(), now.to_string());
    let mut params = vec![("start", start.as_str()), ("end", &end)];
    params.extend(selector.as_deref().map(|selector| ("match[]", selector)));
    let answer = run
        .lab
        .prometheus
        .get(&format!("/api/v1/label/{label}/values"), &params)
        .await?;
    let json = answer.json()?;
    let values: Vec<String> = json["data"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect();
    match values.is_empty() {
        true => Err(answer.finding(format!("variable ${} has no value", variable.name))),
        false => Ok(values),
    }
}
