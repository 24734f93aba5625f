//! The list of promises, causes before consequences, with what to check when one is not kept.

use super::promise::Promise;

/// Instances answer.
pub const APPS: &str = "apps.answer";
/// Targets are scraped.
pub const TARGETS: &str = "metrics.targets";
/// Nothing was lost on the way.
pub const NOTHING_LOST: &str = "metrics.nothing_lost";
/// Exemplars carry trace ids.
pub const EXEMPLAR: &str = "metrics.exemplar";
/// The trace is whole.
pub const TRACE: &str = "traces.whole";
/// The failing trace has its exception.
pub const EXCEPTION: &str = "traces.exception";
/// TraceQL finds by service.
pub const BY_SERVICE: &str = "traces.search_by_service";
/// TraceQL finds by route.
pub const BY_ROUTE: &str = "traces.search_by_route";
/// TraceQL finds by error.
pub const BY_ERROR: &str = "traces.search_by_error";
/// TraceQL finds by duration.
pub const BY_DURATION: &str = "traces.search_by_duration";
/// TraceQL counts.
pub const COUNTED: &str = "traces.metrics";
/// Lines have arrived.
pub const LINES: &str = "logs.lines";
/// Their labels are right.
pub const LABELS: &str = "logs.labels";
/// An error is one entry.
pub const MULTILINE: &str = "logs.multiline";
/// The backends ship their logs.
pub const SERVERS: &str = "logs.servers";
/// From an exemplar to its trace.
pub const METRIC_TO_TRACE: &str = "correlations.metric_to_trace";
/// From a span to its log lines.
pub const TRACE_TO_LOGS: &str = "correlations.trace_to_logs";
/// From a log line to its trace.
pub const LOG_TO_TRACE: &str = "correlations.log_to_trace";
/// Grafana is well.
pub const GRAFANA: &str = "grafana.health";
/// Its data sources answer.
pub const GRAFANA_SOURCES: &str = "grafana.data_sources";
/// It has the dashboards.
pub const GRAFANA_DASHBOARDS: &str = "grafana.dashboards";

/// A row of the list: id, title, needs, what to check.
type Row = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
);

const ROWS: [Row; 21] = [
    (
        APPS,
        "every instance answers, and /chain goes through all of them",
        &[],
        "that every instance runs and that TARGET_ONE_HOST and TARGET_TWO_HOST of the first lead to the others",
    ),
    (
        TARGETS,
        "every target is up, without a scrape error",
        &[APPS],
        "etc/prometheus/prometheus.yml and the target's own log",
    ),
    (
        NOTHING_LOST,
        "spans are exported, and neither spans nor log lines are lost",
        &[TARGETS],
        "that OTEL_EXPORTER_OTLP_ENDPOINT leads to Tempo's receiver (port 4317) and that it accepts spans",
    ),
    (
        EXEMPLAR,
        "an exemplar of the request durations carries a trace id",
        &[TARGETS],
        "that Prometheus runs with --enable-feature=exemplar-storage and asks for OpenMetrics",
    ),
    (
        TRACE,
        "the trace of /chain is whole: parents, kinds, attributes",
        &[APPS, NOTHING_LOST],
        "Tempo's log, the log of the instances, and that all of them export to this Tempo",
    ),
    (
        EXCEPTION,
        "the trace of /error_test is an error with its exception",
        &[APPS, NOTHING_LOST],
        "Tempo's log and the log of the first instance",
    ),
    (
        BY_SERVICE,
        "TraceQL finds the trace by service",
        &[APPS, TRACE],
        "Tempo's log; a search sees a trace some seconds after its id is known",
    ),
    (
        BY_ROUTE,
        "TraceQL finds a trace by route",
        &[APPS, NOTHING_LOST],
        "Tempo's log; a search sees a trace some seconds after its id is known",
    ),
    (
        BY_ERROR,
        "TraceQL finds the failing trace by status error",
        &[EXCEPTION],
        "Tempo's log; a search sees a trace some seconds after its id is known",
    ),
    (
        BY_DURATION,
        "TraceQL finds the trace by duration",
        &[APPS, TRACE],
        "Tempo's log; a search sees a trace some seconds after its id is known",
    ),
    (
        COUNTED,
        "TraceQL metrics give the rate of requests of every instance",
        &[APPS, NOTHING_LOST],
        "that Tempo's metrics generator runs the processor local-blocks, with a folder in traces_storage.path",
    ),
    (
        LINES,
        "lines of every instance of /chain are in Loki with the trace id",
        &[APPS],
        "the log pipeline's own log and its position in the instances' output",
    ),
    (
        LABELS,
        "they have exactly the labels of the contract",
        &[LINES],
        "the log pipeline's relabelling, and that Loki discovers no service name by itself",
    ),
    (
        MULTILINE,
        "an error with its causes is one entry",
        &[LINES],
        "the multiline stage of the log pipeline",
    ),
    (
        SERVERS,
        "every server ships its own log",
        &[],
        "that the log pipeline reads the output of each server",
    ),
    (
        METRIC_TO_TRACE,
        "metric → trace: the exemplar's trace is in Tempo",
        &[EXEMPLAR, TRACE],
        "that Prometheus and Tempo belong to the same lab",
    ),
    (
        TRACE_TO_LOGS,
        "trace → logs: Grafana's query gives the lines of the trace",
        &[TRACE, LINES, LABELS],
        "tracesToLogsV2 in etc/grafana/datasources.yaml against the labels in Loki",
    ),
    (
        LOG_TO_TRACE,
        "log → trace: the derived field leads to the trace",
        &[LINES, TRACE],
        "derivedFields in etc/grafana/datasources.yaml against the log line",
    ),
    (GRAFANA, "Grafana is healthy", &[], "Grafana's log"),
    (
        GRAFANA_SOURCES,
        "its data sources answer their health check",
        &[GRAFANA],
        "--grafana-user and --grafana-password-file, and the URLs of the data sources",
    ),
    (
        GRAFANA_DASHBOARDS,
        "it has the dashboards",
        &[GRAFANA],
        "--grafana-user and --grafana-password-file, and the path in etc/grafana/dashboards.yaml",
    ),
];

/// The promise with an id of this list.
///
/// # Panics
/// When no promise has this id.
#[must_use]
pub fn promise(id: &str) -> Promise {
    let row = ROWS.iter().find(|row| row.0 == id);
    let Some((id, title, needs, check)) = row else {
        panic!("no promise has the id {id:?}");
    };
    Promise {
        id: (*id).to_owned(),
        title: (*title).to_owned(),
        needs,
        check,
    }
}

/// The promise of a dashboard file.
#[must_use]
pub fn dashboard(file: &str) -> Promise {
    let name = file.strip_suffix(".json").unwrap_or(file);
    Promise {
        id: format!("dashboards.{name}"),
        title: format!("every query of {file} is accepted and gives data"),
        needs: &[TARGETS, LINES, LABELS],
        check: "the query in the panel, and whether the panel may rightly be empty",
    }
}

/// Where a promise stands in the report.
#[must_use]
pub fn position(id: &str) -> usize {
    // Dashboards, which are no rows, come after the correlations, before Grafana.
    let before = ROWS.iter().take_while(|row| row.0 != GRAFANA).count();
    match ROWS.iter().position(|row| row.0 == id) {
        Some(place) if place < before => place,
        Some(place) => place + 1,
        None => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_once_in_the_list_and_needs_only_what_comes_before() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(promise(row.0).id, row.0);
            let before: Vec<_> = ROWS[..index].iter().map(|row| row.0).collect();
            assert!(!before.contains(&row.0), "{}", row.0);
            assert!(row.2.iter().all(|need| before.contains(need)), "{}", row.0);
        }
        assert!(position("dashboards.x") > position(LOG_TO_TRACE));
        assert!(position("dashboards.x") < position(GRAFANA));
    }
}
