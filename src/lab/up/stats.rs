//! `/metrics` of the lab itself: the numbers of the embedded stores and of the log pipeline.

use std::sync::Arc;

use openmetrics_exemplars::Exemplars;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use salvo::http::StatusCode;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use super::generator_stats;
use crate::telemetry::exposition;
use lab_backends::generator::Generator;
use lab_backends::logs::shipper::{PipelineStats, Sink};
use lab_backends::{logs, metrics, traces};

/// The stores that are embedded in this run.
#[derive(Clone, Default)]
pub(super) struct Stores {
    pub(super) traces: Option<Arc<traces::Store>>,
    pub(super) logs: Option<Arc<logs::Store>>,
    pub(super) metrics: Option<Arc<metrics::Store>>,
    /// What makes metrics of spans.
    pub(super) generator: Option<Arc<Generator>>,
    /// Sink of the instances' log lines: the store or a real server.
    pub(super) lines: Option<Arc<dyn Sink>>,
}

/// The numbers of one store at one time.
struct Reading {
    store: &'static str,
    bytes: u64,
    held: Vec<(&'static str, u64)>,
    ingested: Vec<(&'static str, u64)>,
    evicted: Vec<(&'static str, u64)>,
    refused: Vec<(&'static str, u64)>,
}

impl Reading {
    fn of_traces(store: &traces::Store) -> Self {
        let stats = store.stats();
        Self {
            store: "traces",
            bytes: stats.bytes,
            held: vec![("trace", stats.traces), ("span", stats.spans)],
            ingested: vec![("span", stats.spans_ingested)],
            evicted: vec![
                ("age", stats.spans_evicted_by_age),
                ("bytes", stats.spans_evicted_by_bytes),
            ],
            refused: vec![
                ("rate", stats.spans_refused_rate),
                ("invalid", stats.spans_refused_invalid),
                ("trace_too_large", stats.spans_refused_trace_too_large),
                ("malformed_request", stats.requests_refused_malformed),
                ("request_too_large", stats.requests_refused_too_large),
            ],
        }
    }

    fn of_logs(store: &logs::Store) -> Self {
        let stats = store.stats();
        Self {
            store: "logs",
            bytes: stats.bytes,
            held: vec![("stream", stats.streams), ("entry", stats.entries)],
            ingested: vec![("entry", stats.ingested_entries)],
            evicted: vec![
                ("age", stats.evicted_by_age),
                ("bytes", stats.evicted_by_bytes),
            ],
            refused: vec![
                ("rate", stats.refused_rate),
                ("labels", stats.refused_labels),
                ("too_long", stats.refused_too_long),
                ("too_old", stats.refused_too_old),
                ("too_new", stats.refused_too_new),
                ("out_of_order", stats.refused_out_of_order),
                ("streams", stats.refused_streams),
                ("malformed_request", stats.refused_requests),
            ],
        }
    }

    fn of_metrics(store: &metrics::Store) -> Self {
        let stats = store.stats();
        Self {
            store: "metrics",
            bytes: stats.bytes,
            held: vec![("series", stats.series), ("exemplar", stats.exemplars)],
            ingested: vec![
                ("sample", stats.samples_ingested),
                ("exemplar", stats.exemplars_ingested),
            ],
            evicted: vec![
                ("age", stats.evicted_by_age),
                ("bytes", stats.evicted_by_bytes),
            ],
            refused: vec![
                ("out_of_order", stats.refused_out_of_order),
                ("duplicate", stats.refused_duplicate),
                ("out_of_bounds", stats.refused_out_of_bounds),
                ("series", stats.refused_series),
                ("exemplar", stats.refused_exemplars),
                ("scrape", stats.refused_scrapes),
                ("rate", stats.refused_rate),
                ("malformed_request", stats.refused_requests),
            ],
        }
    }
}

impl Stores {
    fn read(&self) -> Vec<Reading> {
        let traces = self.traces.as_deref().map(Reading::of_traces);
        let logs = self.logs.as_deref().map(Reading::of_logs);
        let metrics = self.metrics.as_deref().map(Reading::of_metrics);
        traces.into_iter().chain(logs).chain(metrics).collect()
    }

    /// All metrics of the lab, read now.
    fn registry(&self) -> prometheus::Result<Registry> {
        let registry = Registry::new();
        register_stores(&registry, self.read())?;
        if let Some(sink) = &self.lines {
            register_lines(&registry, &sink.stats())?;
        }
        if let Some(generator) = &self.generator {
            generator_stats::register(&registry, &generator.stats())?;
        }
        exposition::register_process(&registry)?;
        Ok(registry)
    }
}

pub(super) fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntGaugeVec> {
    let vec = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(vec.clone()))?;
    Ok(vec)
}

pub(super) fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntCounterVec> {
    let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(vec.clone()))?;
    Ok(vec)
}

fn register_stores(registry: &Registry, readings: Vec<Reading>) -> prometheus::Result<()> {
    let bytes = gauges(
        registry,
        "lab_store_bytes",
        "Memory that a store takes, estimated.",
        &["store"],
    )?;
    let held = gauges(
        registry,
        "lab_store_items",
        "What a store holds.",
        &["store", "kind"],
    )?;
    let ingested = counters(
        registry,
        "lab_store_ingested_total",
        "What a store took in.",
        &["store", "kind"],
    )?;
    let evicted = counters(
        registry,
        "lab_store_evicted_total",
        "Spans, entries and samples that a store threw away, by age or to stay within its bytes.",
        &["store", "reason"],
    )?;
    let refused = counters(
        registry,
        "lab_store_refused_total",
        "What a store refused, by reason.",
        &["store", "reason"],
    )?;
    for reading in readings {
        let store = reading.store;
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        bytes
            .get_metric_with_label_values(&[store])?
            .set(signed(reading.bytes));
        for (kind, number) in reading.held {
            held.get_metric_with_label_values(&[store, kind])?
                .set(signed(number));
        }
        for (vec, counts) in [
            (&ingested, reading.ingested),
            (&evicted, reading.evicted),
            (&refused, reading.refused),
        ] {
            for (label, number) in counts {
                vec.get_metric_with_label_values(&[store, label])?
                    .inc_by(number);
            }
        }
    }
    Ok(())
}

fn register_lines(registry: &Registry, stats: &PipelineStats) -> prometheus::Result<()> {
    let lines = counters(
        registry,
        "lab_log_entries_total",
        "Log entries of the instances: delivered to Loki, dropped, or sent once more.",
        &["outcome"],
    )?;
    for (outcome, number) in [
        ("delivered", stats.delivered),
        ("dropped", stats.dropped),
        ("retried", stats.retries),
    ] {
        lines
            .get_metric_with_label_values(&[outcome])?
            .inc_by(number);
    }
    Ok(())
}

/// The route `/metrics`.
pub(super) fn router(stores: Stores) -> Router {
    Router::with_path("metrics").get(stores)
}

#[async_trait]
impl Handler for Stores {
    async fn handle(
        &self,
        req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        let format = exposition::preferred(req.headers());
        // The lab's own numbers belong to no trace.
        let exemplars = Exemplars::default();
        let page = self.registry();
        match page.and_then(|registry| exposition::encode(&registry.gather(), &exemplars, format)) {
            Ok(page) => exposition::write(res, format, page),
            Err(error) => {
                res.status_code(StatusCode::INTERNAL_SERVER_ERROR);
                res.render(error.to_string());
            }
        }
    }
}
