//! From one pillar to another, by the mappings of the provisioned data sources.

use super::super::correlation::{DerivedField, TraceToLogs};
use super::super::finding::Finding;
use super::super::loki;
use super::super::tempo;
use super::logs::{of_trace, service_of};
use super::metrics::exemplar_id;
use super::{Attempt, Run};
use crate::lab::excerpt::excerpt;
use crate::lab::provisioning::DataSource;

fn in_file(problem: impl Into<String>) -> Finding {
    Finding::new("grafana/datasources.yaml", problem).settled()
}

fn source<'a>(run: &'a Run, kind: &str) -> Result<&'a DataSource, Finding> {
    let found = run.provisioning.source(kind);
    found.ok_or_else(|| in_file(format!("no data source of type {kind}")))
}

/// The trace that an exemplar names is in Tempo.
pub(crate) async fn metric_to_trace(run: &Run) -> Attempt {
    let prometheus = source(run, "prometheus")?;
    let destinations = prometheus.settings["exemplarTraceIdDestinations"].as_array();
    let leads = destinations.into_iter().flatten().any(|destination| {
        let uid = destination["datasourceUid"].as_str().unwrap_or_default();
        destination["name"] == "TraceID"
            && run
                .provisioning
                .by_uid(uid)
                .is_some_and(|it| it.kind == "tempo")
    });
    if !leads {
        return Err(in_file(
            "exemplarTraceIdDestinations has no TraceID that leads to Tempo",
        ));
    }
    let id = exemplar_id(run).await?;
    let trace = tempo::trace(&run.lab.tempo, &id).await?;
    Ok(format!("{id}: {} spans", trace.spans.len()))
}

/// For every service of the trace the query that Grafana builds gives all of its lines.
pub(crate) async fn trace_to_logs(run: &Run) -> Attempt {
    let mapping = TraceToLogs::of(source(run, "tempo")?).map_err(in_file)?;
    let target = run.provisioning.by_uid(&mapping.datasource_uid);
    if target.is_none_or(|source| source.kind != "loki") {
        return Err(in_file(format!(
            "traces lead to the data source {:?}, which is no Loki",
            mapping.datasource_uid
        )));
    }
    let id = &run.sent.chain;
    let trace = tempo::trace(&run.lab.tempo, id).await?;
    let wanted = of_trace(run, id).await?;
    let mut lines = 0;
    for service in run.chain_services() {
        let Some(span) = trace
            .spans
            .iter()
            .find(|span| span.is_server() && span.service() == service)
        else {
            return Err(Finding::new(
                trace.asked,
                format!("no server span of {service}"),
            ));
        };
        let built = mapping.query(id, span).map_err(in_file)?;
        let found = loki::entries(&run.lab.loki, &built.query, (built.start, built.end)).await?;
        let missing = wanted
            .entries
            .iter()
            .filter(|entry| service_of(&entry.line) == Some(service))
            .find(|entry| !found.entries.iter().any(|it| it.line == entry.line));
        if let Some(entry) = missing {
            let came = format!(
                "{} lines without: {}",
                found.entries.len(),
                excerpt(&entry.line)
            );
            return Err(Finding::new(found.asked, came));
        }
        if found.entries.is_empty() {
            return Err(Finding::new(found.asked, format!("no line of {service}")));
        }
        if let Some(other) = found.entries.iter().find(|entry| !entry.line.contains(id)) {
            let came = format!("a line of another trace: {}", excerpt(&other.line));
            return Err(Finding::new(found.asked, came));
        }
        lines += found.entries.len();
    }
    Ok(format!("{lines} lines"))
}

/// The link in a log line leads to its trace.
pub(crate) async fn log_to_trace(run: &Run) -> Attempt {
    let tempo_uid = &source(run, "tempo")?.uid;
    let fields = DerivedField::leading_to(source(run, "loki")?, tempo_uid).map_err(in_file)?;
    let found = of_trace(run, &run.sent.chain).await?;
    for entry in &found.entries {
        let links = fields.iter().map(|field| field.link(&entry.line));
        let links: Vec<String> = links
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()
            .map_err(in_file)?;
        if !links.contains(&run.sent.chain) {
            let field = &fields[0];
            return Err(Finding::new(
                format!("derived field {:?}: {}", field.name, field.matcher_regex),
                format!("{links:?} from the line {}", excerpt(&entry.line)),
            )
            .settled());
        }
    }
    let trace = tempo::trace(&run.lab.tempo, &run.sent.chain).await?;
    Ok(format!(
        "{} lines to a trace of {} spans",
        found.entries.len(),
        trace.spans.len()
    ))
}
