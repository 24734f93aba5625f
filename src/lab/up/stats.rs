//! The lab's own metrics: what the stores hold, took in, threw away and refused.

use std::sync::Arc;

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use salvo::http::StatusCode;
use salvo::http::header::{ACCEPT, CONTENT_TYPE};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, async_trait};

use lab_backends::logs::shipper::Sink;
use lab_backends::{logs, metrics, traces};
use openmetrics_exemplars::Exposition;
use openmetrics_exemplars::{Exemplars, OpenMetricsEncoder};
use prometheus::{Encoder, TextEncoder};

/// The stores that are embedded in this run.
#[derive(Clone, Default)]
pub(super) struct Stores {
    pub(super) traces: Option<Arc<traces::Store>>,
    pub(super) logs: Option<Arc<logs::Store>>,
    pub(super) metrics: Option<Arc<metrics::Store>>,
    /// Sink of the instances' log lines: the store or a real server.
    pub(super) lines: Option<Arc<dyn Sink>>,
}

/// One reading of one store.
struct Reading {
    store: &'static str,
    bytes: u64,
    held: Vec<(&'static str, u64)>,
    ingested: Vec<(&'static str, u64)>,
    evicted: Vec<(&'static str, u64)>,
    refused: Vec<(&'static str, u64)>,
}

impl Stores {
    fn read(&self) -> Vec<Reading> {
        let mut readings = Vec::new();
        if let Some(stats) = self.traces.as_ref().map(|store| store.stats()) {
            readings.push(Reading {
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
            });
        }
        if let Some(stats) = self.logs.as_ref().map(|store| store.stats()) {
            readings.push(Reading {
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
            });
        }
        if let Some(stats) = self.metrics.as_ref().map(|store| store.stats()) {
            readings.push(Reading {
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
                    ("malformed_request", stats.refused_requests),
                ],
            });
        }
        readings
    }

    /// The page in the given format.
    fn page(&self, format: Exposition) -> prometheus::Result<Vec<u8>> {
        let registry = Registry::new();
        let gauges = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<_> {
            let vec = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone()))?;
            Ok(vec)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<_> {
            let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone()))?;
            Ok(vec)
        };
        let bytes = gauges(
            "lab_store_bytes",
            "Memory that a store takes, estimated.",
            &["store"],
        )?;
        let held = gauges("lab_store_items", "What a store holds.", &["store", "kind"])?;
        let ingested = counters(
            "lab_store_ingested_total",
            "What a store took in.",
            &["store", "kind"],
        )?;
        let evicted = counters(
            "lab_store_evicted_total",
            "Spans, entries and samples that a store threw away, by age or to stay within its bytes.",
            &["store", "reason"],
        )?;
        let refused = counters(
            "lab_store_refused_total",
            "What a store refused, by reason.",
            &["store", "reason"],
        )?;
        for reading in self.read() {
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
        if let Some(stats) = self.lines.as_ref().map(|sink| sink.stats()) {
            let lines = counters(
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
        }
        #[cfg(target_os = "linux")]
        registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        let families = registry.gather();
        let mut page = Vec::new();
        match format {
            Exposition::OpenMetrics => {
                OpenMetricsEncoder::new(Exemplars::default()).encode(&families, &mut page)?;
            }
            Exposition::Text => TextEncoder::new().encode(&families, &mut page)?,
        }
        Ok(page)
    }
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
        let accept = req.header::<String>(ACCEPT).unwrap_or_default();
        let format = Exposition::negotiate(&accept);
        match self.page(format) {
            Ok(page) => {
                let _ = res.add_header(CONTENT_TYPE, format.content_type(), true);
                res.body(page);
            }
            Err(error) => {
                res.status_code(StatusCode::INTERNAL_SERVER_ERROR);
                res.render(error.to_string());
            }
        }
    }
}
