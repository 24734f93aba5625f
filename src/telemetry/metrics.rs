//! The service's metrics. Every series is made of fixed names and route templates, so their
//! number does not grow with traffic.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::TraceId;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use super::batch::SpanCounters;
use super::grow_only::GrowOnly;
#[cfg(feature = "faults")]
use super::own_paths::{OwnPaths, OwnRoute};
use super::{exposition, hex};
use openmetrics_exemplars::{
    Exemplar, ExemplarCounter, ExemplarCounterVec, ExemplarHistogram, ExemplarHistogramVec,
    Exemplars, Exposition,
};

/// Upper bounds of the duration buckets in seconds.
///
/// A quantile of a histogram is somewhere between the two bounds around it, so that the distance of
/// the bounds is the error that it can have. From 1 ms to 10 s each bound is at most 1.25 times the
/// one before. From 1 s to 1.1 s they are 5 % apart, for the route that takes a second. Round
/// numbers, as people ask for (how many requests took less than 250 ms?).
const DURATION_BUCKETS: [f64; 56] = [
    0.0008, 0.001, 0.00125, 0.0015, 0.00175, 0.002, 0.0025, 0.003, 0.0035, 0.004, 0.005, 0.006,
    0.007, 0.008, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.07,
    0.08, 0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.05, 1.1,
    1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0,
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
    spans_spooled: IntGauge,
    log_lines_dropped: IntCounter,
    /// By method and path.
    routes: GrowOnly<(&'static str, String), RouteMetrics>,
    #[cfg(feature = "faults")]
    own_paths: OwnPaths,
}

impl Metrics {
    /// Metrics of the service `app_name`, registered in a registry of their own.
    ///
    /// # Errors
    /// Errors of the registry. The names are fixed, so an error is a bug.
    pub fn new(app_name: &str, version: &str) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let exemplars = Exemplars::default();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            registered(
                &registry,
                IntCounterVec::new(Opts::new(name, help), labels)?,
            )
        };
        register_info(&registry, app_name, version)?;
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
        let durations = registered(&registry, duration_histogram()?)?;
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
            "Finished spans by what became of them: exported, dropped before an export, or failed: part of a failed export or refused by the collector.",
            &["app_name", "outcome"],
        )?;
        let spans_spooled = registered(
            &registry,
            IntGaugeVec::new(
                Opts::new(
                    "salvo_telemetry_spans_spooled",
                    "Finished spans that wait on disk for the collector.",
                ),
                &["app_name"],
            )?,
        )?
        .get_metric_with_label_values(&[app_name])?;
        let log_lines_dropped = counter(
            "salvo_telemetry_log_lines_dropped_total",
            "Log lines lost because standard output did not take them in time.",
            &["app_name"],
        )?
        .get_metric_with_label_values(&[app_name])?;
        exposition::register_process(&registry)?;
        Ok(Self {
            requests: exemplars.counter_vec(requests),
            responses: exemplars.counter_vec(responses),
            exceptions: exemplars.counter_vec(exceptions),
            durations: exemplars.histogram_vec(durations),
            in_progress,
            spans,
            spans_spooled,
            log_lines_dropped,
            registry,
            exemplars,
            app_name: app_name.to_owned(),
            routes: GrowOnly::default(),
            #[cfg(feature = "faults")]
            own_paths: OwnPaths::new(app_name, version),
        })
    }

    /// The counters of the three outcomes of a span.
    ///
    /// # Errors
    /// Errors of the registry. The names are fixed, so an error is a bug.
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

    /// The number of spans that wait on disk.
    #[must_use]
    pub fn spans_spooled(&self) -> &IntGauge {
        &self.spans_spooled
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
    /// Errors of the registry. The names are fixed, so an error is a bug.
    pub fn route(&self, method: &'static str, path: &str) -> prometheus::Result<&RouteMetrics> {
        self.routes.get_or_insert(
            |(known, its_path)| its_path == path && *known == method,
            || Ok(((method, path.to_owned()), self.new_route(method, path)?)),
        )
    }

    /// The series of one method on one path.
    pub(super) fn new_route(&self, method: &str, path: &str) -> prometheus::Result<RouteMetrics> {
        let values = [method, path, self.app_name.as_str()];
        Ok(RouteMetrics {
            requests: self.requests.with_label_values(&values)?,
            duration: self.durations.with_label_values(&values)?,
            in_progress: self.in_progress.get_metric_with_label_values(&values)?,
            responses: GrowOnly::default(),
        })
    }

    /// The metrics of a request by its own path, if requests of its route are counted so.
    #[cfg(feature = "faults")]
    #[inline]
    pub(super) fn own_route(
        &self,
        method: &'static str,
        template: &str,
        path: &str,
    ) -> prometheus::Result<Option<std::sync::Arc<OwnRoute>>> {
        self.own_paths.route(method, template, path)
    }

    /// Counts requests of these routes (none for all) by their own paths, up to a number of paths; `None` counts all by
    /// route again, and drops what was counted by path.
    #[cfg(feature = "faults")]
    pub(crate) fn label_own_paths(&self, routes: Option<(Vec<String>, usize)>) {
        self.own_paths.set(routes);
    }

    /// All series.
    pub(super) fn gather(&self) -> Vec<MetricFamily> {
        #[cfg_attr(not(feature = "faults"), expect(unused_mut, reason = "nothing to add"))]
        let mut families = self.registry.gather();
        #[cfg(feature = "faults")]
        self.own_paths.add_to(&mut families);
        families
    }

    /// Counts a response.
    ///
    /// # Errors
    /// Errors of the registry. The names are fixed, so an error is a bug.
    pub fn response(
        &self,
        route: &RouteMetrics,
        (method, path): (&'static str, &str),
        status: u16,
        trace: Option<Sampled>,
    ) -> prometheus::Result<()> {
        let counter = route.responses.get_or_insert(
            |known| *known == status,
            || {
                let code = status.to_string();
                let values = [method, path, &code, self.app_name.as_str()];
                let counter = self.responses.with_label_values(&values);
                counter.map(|counter| (status, counter))
            },
        )?;
        count(counter, trace);
        Ok(())
    }

    /// Counts a request that failed with an exception of the type `kind`.
    ///
    /// # Errors
    /// Errors of the registry. The names are fixed, so an error is a bug.
    pub fn exception(
        &self,
        (method, path): (&'static str, &str),
        kind: &'static str,
        trace: Option<Sampled>,
    ) -> prometheus::Result<()> {
        let counter = self
            .exceptions
            .with_label_values(&[method, path, kind, &self.app_name])?;
        count(&counter, trace);
        Ok(())
    }

    /// All metrics in a format.
    ///
    /// # Errors
    /// Errors of the encoder.
    pub fn expose(&self, format: Exposition) -> prometheus::Result<Vec<u8>> {
        exposition::encode(&self.gather(), &self.exemplars, format)
    }
}

/// Registers `salvo_app_info`, which names the service and its version.
fn register_info(registry: &Registry, app_name: &str, version: &str) -> prometheus::Result<()> {
    let info = registered(
        registry,
        IntGaugeVec::new(
            Opts::new("salvo_app_info", "The running service; always 1."),
            &["app_name", "version"],
        )?,
    )?;
    info.get_metric_with_label_values(&[app_name, version])?
        .set(1);
    Ok(())
}

fn duration_histogram() -> prometheus::Result<HistogramVec> {
    HistogramVec::new(
        HistogramOpts::new(
            "salvo_requests_duration_seconds",
            "Time from a request's arrival to its response, by method and route.",
        )
        .buckets(DURATION_BUCKETS.to_vec()),
        &["method", "path", "app_name"],
    )
}

fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

/// Label of an exemplar that names the trace.
const EXEMPLAR_LABEL: &str = "TraceID";

/// A trace that is exported, and the time of an observation in it.
#[derive(Clone, Copy, Debug)]
pub struct Sampled {
    trace: TraceId,
    at: SystemTime,
}

impl Sampled {
    /// An observation in `trace` now.
    #[must_use]
    pub fn now(trace: TraceId) -> Self {
        Self {
            trace,
            at: SystemTime::now(),
        }
    }

    /// A later observation in the same trace, now.
    #[must_use]
    pub fn again(self) -> Self {
        Self::now(self.trace)
    }

    /// The exemplar that points to the trace.
    #[expect(
        clippy::expect_used,
        reason = "39 characters, fewer than an exemplar may have, and digits are text"
    )]
    fn exemplar(self) -> Exemplar {
        let mut digits = [0; 32];
        hex::write(&mut digits, &self.trace.to_bytes());
        let text = std::str::from_utf8(&digits).expect("digits");
        Exemplar::at([(EXEMPLAR_LABEL, text)], self.at).expect("an exemplar")
    }
}

fn count(counter: &ExemplarCounter, trace: Option<Sampled>) {
    match trace {
        Some(trace) => counter.inc_with_exemplar_at(trace.at, || trace.exemplar()),
        None => counter.inc(),
    }
}

/// The metrics of one method on one route, looked up once.
pub struct RouteMetrics {
    requests: ExemplarCounter,
    duration: ExemplarHistogram,
    in_progress: IntGauge,
    responses: GrowOnly<u16, ExemplarCounter>,
}

impl RouteMetrics {
    /// Counts a request as received and, until the guard is dropped, as in progress.
    #[must_use]
    pub fn received(&self, trace: Option<Sampled>) -> InProgress<'_> {
        count(&self.requests, trace);
        self.in_progress.inc();
        InProgress(self)
    }

    /// Observes how long an answer took.
    pub fn answered(&self, took: Duration, trace: Option<Sampled>) {
        let seconds = took.as_secs_f64();
        match trace {
            Some(trace) => {
                let exemplar = || trace.exemplar();
                self.duration
                    .observe_with_exemplar_at(seconds, trace.at, exemplar);
            }
            None => self.duration.observe(seconds),
        }
    }
}

/// A request in progress; it ends when this is dropped, also when the client goes away.
pub struct InProgress<'a>(&'a RouteMetrics);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.in_progress.dec();
    }
}

#[cfg(test)]
mod tests {
    use prometheus::proto::Histogram;
    use proptest::prelude::*;

    use super::*;

    /// The duration histogram after these requests.
    fn histogram(durations: &[Duration]) -> Histogram {
        let metrics = Metrics::new("app", "1").expect("metrics");
        let route = metrics.route("GET", "/").expect("a route");
        for took in durations {
            route.answered(*took, None);
        }
        let families = metrics.registry.gather();
        let family = families
            .iter()
            .find(|family| family.name() == "salvo_requests_duration_seconds");
        family.expect("the histogram").get_metric()[0]
            .get_histogram()
            .clone()
    }

    /// Computes what `histogram_quantile` of Prometheus does.
    fn quantile(wanted: f64, histogram: &Histogram) -> f64 {
        let rank = wanted * histogram.get_sample_count() as f64;
        let mut lower = (0.0, 0.0);
        for bucket in histogram.get_bucket() {
            let (bound, count) = (bucket.upper_bound(), bucket.cumulative_count() as f64);
            if count >= rank {
                let share = (rank - lower.1) / (count - lower.1);
                return lower.0 + (bound - lower.0) * share;
            }
            lower = (bound, count);
        }
        lower.0
    }

    fn error(told: f64, real: f64) -> f64 {
        (told - real).abs() / real
    }

    /// From 1 ms to 10 s, half a percent apart, every bound, and what is just above one.
    fn latencies() -> Vec<f64> {
        let steps = (0..1846).map(|step| 0.001 * 1.005_f64.powi(step));
        let bounds = DURATION_BUCKETS
            .into_iter()
            .flat_map(|it| [it, it * 1.0001]);
        let all = steps.chain(bounds);
        all.filter(|it| (0.001..=10.0).contains(it)).collect()
    }

    #[test]
    fn quantiles_of_any_latency_from_1_ms_to_10_s_are_within_25_percent() {
        for real in latencies() {
            let histogram = histogram(&[Duration::from_secs_f64(real); 4]);
            for wanted in [0.01, 0.5, 0.9, 0.95, 0.99, 1.0] {
                let told = quantile(wanted, &histogram);
                assert!(
                    error(told, real) <= 0.25,
                    "p{} of {real} s is told as {told} s",
                    wanted * 100.0
                );
            }
        }
    }

    #[test]
    fn p99_of_a_route_that_takes_a_second_is_within_5_percent() {
        for late in 0..=100 {
            let real = 1.0 + f64::from(late) / 1000.0;
            let told = quantile(0.99, &histogram(&[Duration::from_secs_f64(real)]));
            assert!(error(told, real) <= 0.05, "{real} s is told as {told} s");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn quantiles_of_mixed_latencies_are_within_25_percent(
            mut exponents in prop::collection::vec(-3.0..1.0_f64, 1..200),
        ) {
            exponents.sort_by(f64::total_cmp);
            let real: Vec<f64> = exponents.iter().map(|it| 10_f64.powf(*it)).collect();
            let durations: Vec<_> = real.iter().map(|it| Duration::from_secs_f64(*it)).collect();
            let histogram = histogram(&durations);
            for wanted in [0.5, 0.9, 0.99] {
                let rank = (wanted * real.len() as f64).ceil() as usize;
                let told = quantile(wanted, &histogram);
                prop_assert!(error(told, real[rank - 1]) <= 0.25);
            }
        }
    }
}
