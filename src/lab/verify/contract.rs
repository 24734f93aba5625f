//! The promises of `lab verify`: a row for each, with its check. Causes come before consequences, in the
//! report too.

use futures_util::future::LocalBoxFuture;

use super::promise::Promise;
use super::promises::{Attempt, Run, apps, correlations, grafana, logs, metrics, otlp, traces};

/// A promise and its check.
pub(super) struct Row {
    /// Fixed name, for programs. The part before the dot is its section in the report.
    id: &'static str,
    /// The promise, in words.
    title: &'static str,
    /// Ids of the promises without which this one cannot be kept.
    needs: &'static [&'static str],
    /// Advice when it is not kept.
    advice: &'static str,
    /// The runs that check it, and when they do.
    pub(super) when: When,
    /// One attempt. It is repeated while the promise is not kept yet.
    pub(super) attempt: for<'a> fn(&'a Run) -> LocalBoxFuture<'a, Attempt>,
}

/// The runs that check a promise, and when they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Once, as soon as the followed requests are answered.
    Sent,
    /// Until it is kept, after requests were sent.
    Fresh,
    /// As [`When::Fresh`], and with `--existing` too: it holds as long as traces and logs are kept.
    Lasting,
    /// As [`When::Fresh`], and once more after all others, to cover what was sent meanwhile.
    Last,
    /// As [`When::Fresh`], with `--otlp`.
    Otlp,
    /// As [`When::Fresh`], with `--servers-log`.
    ServersLog,
    /// As [`When::Fresh`], with `--grafana`.
    Grafana,
}

/// The section of the report that comes after the dashboards, which have no rows.
const AFTER_DASHBOARDS: &str = "grafana.";

/// All promises but those of the dashboards, of which there is one for each file ([`dashboard`]).
pub(super) static ROWS: &[Row] = &[
    Row {
        id: "apps.answer",
        title: "every instance answers, and /chain goes through all of them",
        needs: &[],
        advice: "that every instance runs and that TARGET_ONE_HOST and TARGET_TWO_HOST of the first lead to the others",
        when: When::Sent,
        attempt: |run| Box::pin(apps::answered(run)),
    },
    Row {
        id: "metrics.targets",
        title: "every target is up, without a scrape error",
        needs: &["apps.answer"],
        advice: "etc/prometheus/prometheus.yml and the target's own log",
        when: When::Fresh,
        attempt: |run| Box::pin(metrics::targets(run)),
    },
    Row {
        id: "metrics.nothing_lost",
        title: "spans are exported, and neither spans nor log lines are lost",
        needs: &["metrics.targets"],
        advice: "that OTEL_EXPORTER_OTLP_ENDPOINT leads to Tempo's receiver (port 4317) and that it accepts spans",
        when: When::Last,
        attempt: |run| Box::pin(metrics::nothing_lost(run)),
    },
    Row {
        id: "metrics.exemplar",
        title: "an exemplar of the request durations carries a trace id",
        needs: &["metrics.targets"],
        advice: "that Prometheus runs with --enable-feature=exemplar-storage and asks for OpenMetrics",
        when: When::Fresh,
        attempt: |run| Box::pin(metrics::exemplar(run)),
    },
    Row {
        id: "traces.whole",
        title: "the trace of /chain is whole: parents, kinds, attributes",
        needs: &["apps.answer", "metrics.nothing_lost"],
        advice: "Tempo's log, the log of the instances, and that all of them export to this Tempo",
        when: When::Lasting,
        attempt: |run| Box::pin(traces::whole(run)),
    },
    Row {
        id: "traces.exception",
        title: "the trace of /error_test is an error with its exception",
        needs: &["apps.answer", "metrics.nothing_lost"],
        advice: "Tempo's log and the log of the first instance",
        when: When::Lasting,
        attempt: |run| Box::pin(traces::exception(run)),
    },
    Row {
        id: "traces.search_by_service",
        title: "TraceQL finds the trace by service",
        needs: &["apps.answer", "traces.whole"],
        advice: "Tempo's log; a search sees a trace some seconds after its id is known",
        when: When::Fresh,
        attempt: |run| Box::pin(traces::search_by_service(run)),
    },
    Row {
        id: "traces.search_by_route",
        title: "TraceQL finds a trace by route",
        needs: &["apps.answer", "metrics.nothing_lost"],
        advice: "Tempo's log; a search sees a trace some seconds after its id is known",
        when: When::Fresh,
        attempt: |run| Box::pin(traces::search_by_route(run)),
    },
    Row {
        id: "traces.search_by_error",
        title: "TraceQL finds the failing trace by status error",
        needs: &["traces.exception"],
        advice: "Tempo's log; a search sees a trace some seconds after its id is known",
        when: When::Fresh,
        attempt: |run| Box::pin(traces::search_by_error(run)),
    },
    Row {
        id: "traces.search_by_duration",
        title: "TraceQL finds the trace by duration",
        needs: &["apps.answer", "traces.whole"],
        advice: "Tempo's log; a search sees a trace some seconds after its id is known",
        when: When::Fresh,
        attempt: |run| Box::pin(traces::search_by_duration(run)),
    },
    Row {
        id: "traces.metrics",
        title: "TraceQL metrics give the rate of requests of every instance",
        needs: &["apps.answer", "metrics.nothing_lost"],
        advice: "that Tempo's metrics generator runs the processor local-blocks, with a folder in traces_storage.path",
        when: When::Fresh,
        attempt: |run| Box::pin(traces::counted(run)),
    },
    Row {
        id: "logs.lines",
        title: "lines of every instance of /chain are in Loki with the trace id",
        needs: &["apps.answer"],
        advice: "the log pipeline's own log and its position in the instances' output",
        when: When::Lasting,
        attempt: |run| Box::pin(logs::lines(run)),
    },
    Row {
        id: "logs.labels",
        title: "they have exactly the labels of the contract",
        needs: &["logs.lines"],
        advice: "the log pipeline's relabelling, and discover_service_name in Loki's limits_config: it begins with compose_service",
        when: When::Lasting,
        attempt: |run| Box::pin(logs::labels(run)),
    },
    Row {
        id: "logs.multiline",
        title: "an error with its causes is one entry",
        needs: &["logs.lines"],
        advice: "the multiline stage of the log pipeline",
        when: When::Lasting,
        attempt: |run| Box::pin(logs::multiline(run)),
    },
    Row {
        id: "logs.servers",
        title: "every server ships its own log",
        needs: &[],
        advice: "that the log pipeline reads the output of each server",
        when: When::ServersLog,
        attempt: |run| Box::pin(logs::of_servers(run)),
    },
    Row {
        id: "correlations.metric_to_trace",
        title: "metric → trace: the exemplar's trace is in Tempo",
        needs: &["metrics.exemplar", "traces.whole"],
        advice: "that Prometheus and Tempo belong to the same lab",
        when: When::Fresh,
        attempt: |run| Box::pin(correlations::metric_to_trace(run)),
    },
    Row {
        id: "correlations.trace_to_logs",
        title: "trace → logs: Grafana's query gives the lines of the trace",
        needs: &["traces.whole", "logs.lines", "logs.labels"],
        advice: "tracesToLogsV2 in etc/grafana/datasources.yaml against the labels in Loki",
        when: When::Lasting,
        attempt: |run| Box::pin(correlations::trace_to_logs(run)),
    },
    Row {
        id: "correlations.log_to_trace",
        title: "log → trace: the derived field leads to the trace",
        needs: &["logs.lines", "traces.whole"],
        advice: "derivedFields in etc/grafana/datasources.yaml against the log line",
        when: When::Lasting,
        attempt: |run| Box::pin(correlations::log_to_trace(run)),
    },
    Row {
        id: "otlp.taken",
        title: "the OTLP address takes traces, logs and metrics",
        needs: &[],
        advice: "that the address is one for all signals: lab up has one, and the stack with Alloy; Tempo alone takes traces",
        when: When::Otlp,
        attempt: |run| Box::pin(otlp::taken(run)),
    },
    Row {
        id: "otlp.span",
        title: "Tempo has the span",
        needs: &["otlp.taken"],
        advice: "the log of what takes OTLP, and Tempo's",
        when: When::Otlp,
        attempt: |run| Box::pin(otlp::span(run)),
    },
    Row {
        id: "otlp.line",
        title: "Loki has the line, with the ids of its trace and span",
        needs: &["otlp.taken"],
        advice: "the log of what takes OTLP, and Loki's",
        when: When::Otlp,
        attempt: |run| Box::pin(otlp::line(run)),
    },
    Row {
        id: "otlp.duration",
        title: "Prometheus has the duration of the request",
        needs: &["otlp.taken"],
        advice: "that Prometheus runs with --web.enable-otlp-receiver, and the log of what takes OTLP",
        when: When::Otlp,
        attempt: |run| Box::pin(otlp::duration(run)),
    },
    Row {
        id: "otlp.correlated",
        title: "metric → trace → log: all three are of one request",
        needs: &["otlp.span", "otlp.line", "otlp.duration"],
        advice: "that Prometheus runs with --enable-feature=exemplar-storage, and that all servers belong to the same lab",
        when: When::Otlp,
        attempt: |run| Box::pin(otlp::correlated(run)),
    },
    Row {
        id: "grafana.health",
        title: "Grafana is healthy",
        needs: &[],
        advice: "Grafana's log",
        when: When::Grafana,
        attempt: |run| Box::pin(grafana::health(run)),
    },
    Row {
        id: "grafana.data_sources",
        title: "its data sources answer their health check",
        needs: &["grafana.health"],
        advice: "--grafana-user and --grafana-password-file, and the URLs of the data sources",
        when: When::Grafana,
        attempt: |run| Box::pin(grafana::data_sources(run)),
    },
    Row {
        id: "grafana.dashboards",
        title: "it has the dashboards",
        needs: &["grafana.health"],
        advice: "--grafana-user and --grafana-password-file, and the path in etc/grafana/dashboards.yaml",
        when: When::Grafana,
        attempt: |run| Box::pin(grafana::dashboards(run)),
    },
];

impl Row {
    /// The promise as the report has it.
    pub(super) fn promise(&self) -> Promise {
        Promise {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            needs: self.needs,
            check: self.advice,
        }
    }
}

/// The promise of a dashboard file.
pub(super) fn dashboard(file: &str) -> Promise {
    let name = file.strip_suffix(".json").unwrap_or(file);
    Promise {
        id: format!("dashboards.{name}"),
        title: format!("every query of {file} is accepted and gives data"),
        needs: &["metrics.targets", "logs.lines", "logs.labels"],
        check: "the query in the panel, and whether the panel may rightly be empty",
    }
}

/// The place of a promise in the report.
pub(super) fn position(id: &str) -> usize {
    let dashboards = ROWS
        .iter()
        .take_while(|row| !row.id.starts_with(AFTER_DASHBOARDS))
        .count();
    match ROWS.iter().position(|row| row.id == id) {
        Some(place) if place < dashboards => place,
        Some(place) => place + 1,
        None => dashboards,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_once_in_the_list_and_needs_only_what_comes_before() {
        for (index, row) in ROWS.iter().enumerate() {
            let before: Vec<_> = ROWS[..index].iter().map(|row| row.id).collect();
            assert!(!before.contains(&row.id), "{}", row.id);
            assert!(
                row.needs.iter().all(|need| before.contains(need)),
                "{}",
                row.id
            );
        }
        let all: Vec<_> = ROWS.iter().map(|row| row.id).collect();
        assert!(dashboard("x.json").needs.iter().all(|it| all.contains(it)));
        assert!(position("dashboards.x") > position("correlations.log_to_trace"));
        assert!(position("dashboards.x") < position("grafana.health"));
    }
}
