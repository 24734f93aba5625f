//! The service's metrics. Every series is made of fixed names and route templates, so their
//! number does not grow with traffic.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use prometheus::core::Collector;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use super::batch::SpanCounters;
use super::negotiation::Exposition;
use super::openmetrics::{
    Exemplar, ExemplarCounter, ExemplarCounterVec, ExemplarHistogram, ExemplarHistogramVec,
    Exemplars, OpenMetricsEncoder,
};

/// Upper bounds of the duration buckets in seconds: from a route that only answers to
/// `/random_sleep`, which takes up to 5 s.
const DURATION_BUCKETS: [f64; 15] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// The request methods that have a label value of their own; any other is [`OTHER_METHOD`].
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

/// Label value of a method that no standard knows, as the HTTP semantic conventions name it.
pub(super) const OTHER_METHOD: &str = "_OTHER";

/// The `method` label value of a request method.
#[must_use]
pub fn method_label(method: &str) -> &'static str {
    METHODS
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or(OTHER_METHOD)
}

/// All metrics of one service instance.
pub struct Metrics {
    registry: Registry,
    exemplars: Exemplars,
    app_name: String,
    requests: ExemplarCounterVec,
    responses: ExemplarCounterVec,
    durations: ExemplarHistogramVec,
    exceptions: ExemplarCounterVec,
    in_progress: IntGaugeVec,
    spans: IntCounterVec,
    log_lines_dropped: IntCounter,
    /// By path, then by method.
    routes: RwLock<HashMap<String, HashMap<&'static str, Arc<RouteMetrics>>>>,
}

impl Metrics {
    /// Metrics of the service `app_name`, registered in a registry of their own.
    ///
    /// # Errors
    /// Those of the registry; with the fixed names here that means a bug.
    pub fn new(app_name: &str, version: &str) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let exemplars = Exemplars::default();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            registered(
                &registry,
                IntCounterVec::new(Opts::new(name, help), labels)?,
            )
        };
        let info = registered(
            &registry,
            IntGaugeVec::new(
                Opts::new("salvo_app_info", "The running service; always 1."),
                &["app_name", "version"],
            )?,
        )?;
        info.get_metric_with_label_values(&[app_name, version])?
            .set(1);
        let requests = counter(
            "salvo_requests_total",
            "Requests received, by method and route.",
            &["method", "path", "app_name"],
        )?;
        let responses = counter(
            "salvo_responses_total",
            "Responses sent, by method, route and status code.",
            &["method", "path", "status_code", "app_name"],
        )?;
        let exceptions = counter(
            "salvo_exceptions_total",
            "Requests that failed with an error or a panic, by method, route and its type.",
            &["method", "path", "exception_type", "app_name"],
        )?;
        let durations = registered(
            &registry,
            HistogramVec::new(
                HistogramOpts::new(
                    "salvo_requests_duration_seconds",
                    "Time from a request's arrival to its response, by method and route.",
                )
                .buckets(DURATION_BUCKETS.to_vec()),
                &["method", "path", "app_name"],
            )?,
        )?;
        let in_progress = registered(
            &registry,
            IntGaugeVec::new(
                Opts::new(
                    "salvo_requests_in_progress",
                    "Requests being answered, by method and route.",
                ),
                &["method", "path", "app_name"],
            )?,
        )?;
        let spans = counter(
            "salvo_telemetry_spans_total",
            "Finished spans by what became of them: exported, dropped before an export, or part of a failed one.",
            &["app_name", "outcome"],
        )?;
        let log_lines_dropped = counter(
            "salvo_telemetry_log_lines_dropped_total",
            "Log lines lost because standard output did not take them in time.",
            &["app_name"],
        )?
        .get_metric_with_label_values(&[app_name])?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ))?;
        Ok(Self {
            requests: exemplars.counter_vec(requests),
            responses: exemplars.counter_vec(responses),
            exceptions: exemplars.counter_vec(exceptions),
            durations: exemplars.histogram_vec(durations),
            in_progress,
            spans,
            log_lines_dropped,
            registry,
            exemplars,
            app_name: app_name.to_owned(),
            routes: RwLock::default(),
        })
    }

    /// The counters of the three ends that a span can come to.
    ///
    /// # Errors
    /// Those of the registry; with the fixed names here that means a bug.
    pub fn span_counters(&self) -> prometheus::Result<SpanCounters> {
        let outcome = |name: &str| {
            self.spans
                .get_metric_with_label_values(&[self.app_name.as_str(), name])
        };
        Ok(SpanCounters {
            exported: outcome("exported")?,
            dropped: outcome("dropped")?,
            failed: outcome("failed")?,
        })
    }

    /// The counter of log lines that were lost.
    #[must_use]
    pub fn log_lines_dropped(&self) -> &IntCounter {
        &self.log_lines_dropped
    }

    /// The metrics of one method on one route. `path` is a route template or another of a fixed
    /// set of values, never what a client sent.
    ///
    /// # Errors
    /// Those of the registry; with the fixed names here that means a bug.
    pub fn route(&self, method: &'static str, path: &str) -> prometheus::Result<Arc<RouteMetrics>> {
        if let Some(route) = self.routes.read().get(path).and_then(|by| by.get(method)) {
            return Ok(Arc::clone(route));
        }
        let values = [method, path, self.app_name.as_str()];
        let route = Arc::new(RouteMetrics {
            requests: self.requests.with_label_values(&values)?,
            duration: self.durations.with_label_values(&values)?,
            in_progress: self.in_progress.get_metric_with_label_values(&values)?,
            responses: RwLock::default(),
        });
        let mut routes = self.routes.write();
        let by_method = routes.entry(path.to_owned()).or_default();
        Ok(Arc::clone(by_method.entry(method).or_insert(route)))
    }

    /// Counts a response.
    ///
    /// # Errors
    /// Those of the registry; with the fixed names here that means a bug.
    pub fn response(
        &self,
        route: &RouteMetrics,
        (method, path): (&'static str, &str),
        status: u16,
        exemplar: Option<&Exemplar>,
    ) -> prometheus::Result<()> {
        if let Some(counter) = route.responses.read().get(&status) {
            count(counter, exemplar);
            return Ok(());
        }
        let code = status.to_string();
        let counter = self
            .responses
            .with_label_values(&[method, path, &code, &self.app_name])?;
        count(&counter, exemplar);
        route.responses.write().insert(status, counter);
        Ok(())
    }

    /// Counts a request that failed with an exception of the type `kind`.
    ///
    /// # Errors
    /// Those of the registry; with the fixed names here that means a bug.
    pub fn exception(
        &self,
        (method, path): (&'static str, &str),
        kind: &'static str,
        exemplar: Option<&Exemplar>,
    ) -> prometheus::Result<()> {
        let counter = self
            .exceptions
            .with_label_values(&[method, path, kind, &self.app_name])?;
        count(&counter, exemplar);
        Ok(())
    }

    /// All metrics as text, in the format asked for.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn expose(&self, format: Exposition) -> prometheus::Result<Vec<u8>> {
        let families = self.registry.gather();
        let mut body = Vec::with_capacity(16 * 1024);
        match format {
            Exposition::OpenMetrics => {
                OpenMetricsEncoder::new(self.exemplars.clone()).encode(&families, &mut body)?;
            }
            Exposition::Text => TextEncoder::new().encode(&families, &mut body)?,
        }
        Ok(body)
    }
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn count(counter: &ExemplarCounter, exemplar: Option<&Exemplar>) {
    match exemplar {
        Some(exemplar) => counter.inc_with_exemplar(exemplar),
        None => counter.inc(),
    }
}

/// The metrics of one method on one route, looked up once.
pub struct RouteMetrics {
    requests: ExemplarCounter,
    duration: ExemplarHistogram,
    in_progress: IntGauge,
    responses: RwLock<HashMap<u16, ExemplarCounter>>,
}

impl RouteMetrics {
    /// Counts a request as received and, until the guard is dropped, as in progress.
    #[must_use]
    pub fn received(self: &Arc<Self>, exemplar: Option<&Exemplar>) -> InProgress {
        count(&self.requests, exemplar);
        self.in_progress.inc();
        InProgress(Arc::clone(self))
    }

    /// Observes how long an answer took.
    pub fn answered(&self, took: Duration, exemplar: Option<&Exemplar>) {
        let seconds = took.as_secs_f64();
        match exemplar {
            Some(exemplar) => self.duration.observe_with_exemplar(seconds, exemplar),
            None => self.duration.observe(seconds),
        }
    }
}

/// A request in progress; it ends when this is dropped, also when the client goes away.
pub struct InProgress(Arc<RouteMetrics>);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.in_progress.dec();
    }
}
