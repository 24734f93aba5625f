//! Telemetry of a Salvo service: spans over OTLP, log lines that carry their trace,
//! metrics with exemplars. It knows nothing of the service that uses it.
//!
//! * [`batch`]: the span processor that accounts for every span
//! * [`exception`]: errors and panics of handlers
//! * [`export`]: the thread that sends spans, or puts them on disk; [`refused`]: what it tells of the collector's refusals
//! * [`exposition`]: `/metrics` as a response
//! * [`grow_only`]: a map that requests read without a lock
//! * [`hex`]: ids as hexadecimal digits
//! * [`live`]: what can change while the service runs
//! * [`observe`]: the middleware around requests: their span, their count and their time
//! * [`log_line`]: the format of the log
//! * [`log_writer`]: writes the log to standard output
//! * [`metrics`]: the metrics themselves
//! * [`otlp`]: the client of the collector
//! * `own_paths`: metrics of requests by their own paths
//! * [`propagation`]: W3C headers in and out
//! * [`queue`]: the spans that wait for their export
//! * [`sampler`]: samplers by their standard names
//! * [`server_span`]: the span of a request
//! * [`span_encoding`]: a span as the bytes of its OTLP message
//! * [`spool`]: spans on disk that wait for the collector

pub mod batch;
pub(crate) mod exception;
mod export;
pub(crate) mod exposition;
mod grow_only;
mod hex;
pub(crate) mod live;
pub mod log_line;
mod log_writer;
pub mod metrics;
pub mod observe;
pub mod otlp;
#[cfg(feature = "faults")]
mod own_paths;
pub mod propagation;
mod queue;
mod refused;
pub(crate) mod sampler;
pub mod server_span;
mod span_encoding;
pub mod spool;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use opentelemetry::trace::TracerProvider;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use prometheus::IntGauge;
use tokio::sync::mpsc::UnboundedSender;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use batch::{BatchProcessor, BatchSettings, Control, SpanCounters};
use log_line::{LogFormat, LogLine};
use log_writer::LogWriter;
use metrics::Metrics;
use otlp::Collector;
use propagation::Propagation;
use spool::{Spool, SpoolError, SpoolSettings};

/// Least time for writing the last log lines, also when exporting the spans took all the time.
const LAST_LINES: Duration = Duration::from_millis(200);

/// The settings of telemetry.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `service.name`, and the label `app_name`.
    pub service_name: String,
    /// `service.version`.
    pub service_version: &'static str,
    /// Target of the `tracing` spans that are exported: this module path and all below it. Spans of other
    /// crates, such as the HTTP libraries, would repeat the service's own.
    pub span_target: &'static str,
    /// Name and version of the instrumentation scope of all spans.
    pub scope: (&'static str, &'static str),
    /// Further resource attributes.
    pub resource: Vec<(String, String)>,
    /// Collector that takes the spans; `None` turns the export off.
    pub collector: Option<Collector>,
    /// Decides for each trace if it is recorded.
    pub sampler: Sampler,
    /// Batching of spans.
    pub batch: BatchSettings,
    /// Where spans wait that the collector does not take; `None` keeps them in memory only.
    pub spool: Option<SpoolSettings>,
    /// Headers that carry the context.
    pub propagation: Propagation,
    /// Format of a log line.
    pub log_format: LogFormat,
    /// Filter of log lines, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// Time zone of the log's timestamps.
    pub time_zone: TimeZone,
}

/// Telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log filter cannot be read.
    #[error("the log filter cannot be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something else in this process has set a global `tracing` subscriber.
    #[error("the log cannot be written")]
    Subscriber(#[from] tracing_subscriber::util::TryInitError),
    /// Metrics could not be registered.
    #[error("the metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
    /// The folder for spans on disk cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The thread that exports spans could not be started, or standard output not be opened.
    #[error("the log or the export of spans cannot be started")]
    Io(#[from] io::Error),
}

/// Running telemetry. End it with [`Telemetry::shutdown`], or the spans and lines that wait are lost.
pub struct Telemetry {
    metrics: Arc<Metrics>,
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    spans: SpanCounters,
    /// Spans on disk, if they may wait there.
    spooled: Option<IntGauge>,
    log: LogWriter,
}

impl Telemetry {
    /// Starts all three pillars. Sets the process-wide subscriber and panic hook.
    ///
    /// # Errors
    /// [`StartError`]. The process should end then: what was set before the error stays set.
    pub fn start(settings: &Settings) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::new(
            &settings.service_name,
            settings.service_version,
        )?);
        let counters = metrics.span_counters()?;
        let spool = match (&settings.spool, &settings.collector) {
            (Some(spool), Some(_)) => {
                Some(Spool::open(spool.clone(), metrics.spans_spooled().clone())?)
            }
            _ => None,
        };
        let (provider, export) = provider(settings, counters.clone())?;
        let (name, version) = settings.scope;
        let scope = InstrumentationScope::builder(name)
            .with_version(version)
            .build();
        let tracer = provider.tracer_with_scope(scope);
        let log = LogWriter::start(metrics.log_lines_dropped().clone())?;
        let line = LogLine::new(
            settings.log_format,
            &settings.service_name,
            settings.time_zone.clone(),
        );
        let lines = tracing_subscriber::fmt::layer()
            .event_format(line)
            .with_writer(log.clone())
            .with_filter(EnvFilter::builder().parse(&settings.log_filter)?);
        let own = Targets::new().with_target(settings.span_target, LevelFilter::INFO);
        let spans = tracing_opentelemetry::layer()
            .with_tracer(tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(own);
        tracing_subscriber::registry()
            .with(spans)
            .with(lines)
            .try_init()?;
        exception::keep_panics();
        let spooled = spool.is_some().then(|| metrics.spans_spooled().clone());
        // Only now the log can tell of it.
        if let (Some((spool, found)), Some(export)) = (spool, export) {
            found.tell(spool.folder());
            let _ = export.send(Control::UseSpool(Box::new(spool)));
        }
        Ok(Self {
            metrics,
            provider,
            tracer,
            spans: counters,
            spooled,
            log,
        })
    }

    /// The metrics, for the middleware.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(&self.metrics)
    }

    /// The tracer of server spans.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.tracer.clone()
    }

    /// Exports the spans that wait, then writes the rest of the log, for `timeout` at most together.
    pub async fn shutdown(self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let provider = self.provider;
        // It blocks until the export thread is done.
        let stopped =
            tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(timeout)).await;
        match stopped {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "spans not flushed"),
            Err(error) => tracing::error!(error = %error, "spans not flushed"),
        }
        tracing::info!(
            exported = self.spans.exported.get(),
            dropped = self.spans.dropped.get(),
            failed = self.spans.failed.get(),
            on_disk = self.spooled.map(|spans| spans.get()),
            "spans flushed"
        );
        let left = deadline.saturating_duration_since(Instant::now());
        self.log.close(left.max(LAST_LINES));
    }
}

/// The provider of tracers, and where its export thread takes commands.
fn provider(
    settings: &Settings,
    counters: SpanCounters,
) -> io::Result<(SdkTracerProvider, Option<UnboundedSender<Control>>)> {
    let attributes = settings
        .resource
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let resource = Resource::builder_empty()
        .with_attribute(KeyValue::new("service.instance.id", random_uuid()))
        .with_attributes(attributes)
        .with_attributes([
            KeyValue::new("service.name", settings.service_name.clone()),
            KeyValue::new("service.version", settings.service_version),
            KeyValue::new("compose_service", settings.service_name.clone()),
        ])
        .build();
    let mut builder = SdkTracerProvider::builder()
        .with_sampler(settings.sampler.clone())
        .with_resource(resource);
    let mut export = None;
    if let Some(collector) = settings.collector.clone() {
        let processor = BatchProcessor::start(settings.batch, counters, collector)?;
        export = Some(processor.commands());
        builder = builder.with_span_processor(processor);
    }
    Ok((builder.build(), export))
}

/// A version 4 UUID (RFC 9562), which the semantic conventions advise for an instance's id.
fn random_uuid() -> String {
    let random: u128 = rand::random();
    let versioned = random & !(0xf << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{versioned:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
