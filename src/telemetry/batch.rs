//! A batching span processor that accounts for every span: each one that was handed over is
//! in the end exported, dropped (never tried) or failed (tried in vain), and counted as such.
//!
//! The SDK's own batch processor drops silently when its queue is full, so its losses cannot
//! be counted exactly. Exporting runs on a thread with a runtime of its own: whatever the
//! collector does, requests only ever see a queue that takes a span or refuses it at once.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prometheus::IntCounter;
use tokio::sync::{mpsc, watch};

use super::export::Worker;
use super::otlp::{Collector, Exporter};
use super::propagation;
use super::queue::Queue;
use super::span_encoding::TRACE_STATE;
use super::spool::Spool;

/// Longest wait for a flush that has no timeout of its own.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

/// Sizes and times of batching, as the `OTEL_BSP_*` variables name them.
#[derive(Clone, Copy, Debug)]
pub struct BatchSettings {
    /// Finished spans that may wait; what comes on top is dropped.
    pub max_queue_size: usize,
    /// Spans sent with one request.
    pub max_export_batch_size: usize,
    /// Longest time that a finished span waits for its batch to fill.
    pub schedule_delay: Duration,
    /// Longest time that one export may take.
    pub export_timeout: Duration,
}

impl Default for BatchSettings {
    /// The defaults of the OpenTelemetry specification.
    fn default() -> Self {
        Self {
            max_queue_size: 2048,
            max_export_batch_size: 512,
            schedule_delay: Duration::from_secs(5),
            export_timeout: Duration::from_secs(30),
        }
    }
}

/// Counters of spans by outcome.
#[derive(Clone, Debug)]
pub struct SpanCounters {
    /// Accepted by the collector.
    pub exported: IntCounter,
    /// Thrown away before an export was tried: the queue was full, or time ran out at the end.
    pub dropped: IntCounter,
    /// Part of an export that failed, or refused by the collector in one that did not.
    pub failed: IntCounter,
}

/// Commands to the export thread.
pub(super) enum Control {
    SetResource(Box<Resource>),
    /// From now on spans that the collector does not take wait on disk.
    UseSpool(Box<Spool>),
    Flush(blocking::SyncSender<()>),
    Shutdown(blocking::SyncSender<()>),
}

/// The processor's end on the request path.
pub struct BatchProcessor {
    queue: Arc<Queue>,
    control: mpsc::UnboundedSender<Control>,
    /// When the export must end; set before the command to shut down, so that an export that is
    /// under way ends by then too.
    deadline: watch::Sender<Option<Instant>>,
    dropped: IntCounter,
}

impl fmt::Debug for BatchProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchProcessor")
            .field("waiting", &self.queue.len())
            .finish()
    }
}

impl BatchProcessor {
    /// Starts the export thread, which sends to `collector`.
    ///
    /// # Errors
    /// When the thread or its runtime cannot be started, or the collector's endpoint is no URL.
    pub fn start(
        settings: BatchSettings,
        counters: SpanCounters,
        collector: Collector,
    ) -> std::io::Result<Self> {
        let queue = Arc::new(Queue::new(settings));
        let spans = Arc::clone(&queue);
        let (control, commands) = mpsc::unbounded_channel();
        let (deadline, ends) = watch::channel(None);
        let (started, start) = blocking::sync_channel(1);
        let dropped = counters.dropped.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("span-export".to_owned())
            .spawn(move || {
                let guard = runtime.enter();
                let built = Exporter::new(collector);
                drop(guard);
                match built {
                    Ok(exporter) => {
                        let _ = started.send(Ok(()));
                        let worker = Worker::new(exporter, settings, counters, spans, ends);
                        runtime.block_on(worker.run(commands));
                    }
                    Err(error) => {
                        let _ = started.send(Err(std::io::Error::other(error)));
                    }
                }
            })?;
        start
            .recv()
            .unwrap_or_else(|_| Err(std::io::Error::other("the export thread ended")))?;
        Ok(Self {
            queue,
            control,
            deadline,
            dropped,
        })
    }

    /// Where the export thread takes commands.
    pub(super) fn commands(&self) -> mpsc::UnboundedSender<Control> {
        self.control.clone()
    }

    /// Sends a command that is answered when it is done.
    fn ask(
        &self,
        timeout: Duration,
        command: impl FnOnce(blocking::SyncSender<()>) -> Control,
    ) -> OTelSdkResult {
        let (done, wait) = blocking::sync_channel(1);
        self.control
            .send(command(done))
            .map_err(|_| OTelSdkError::AlreadyShutdown)?;
        wait.recv_timeout(timeout)
            .map_err(|_| OTelSdkError::Timeout(timeout))
    }
}

impl SpanProcessor for BatchProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        if let Some(state) = propagation::trace_state(context, span.span_context()) {
            span.set_attribute(KeyValue::new(TRACE_STATE, Arc::clone(state)));
        }
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && !self.queue.put(&span) {
            self.dropped.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.ask(FLUSH_TIMEOUT, Control::Flush)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.deadline.send_replace(Some(Instant::now() + timeout));
        // The worker keeps to the deadline; the margin is for its answer.
        self.ask(timeout + Duration::from_millis(500), Control::Shutdown)
    }

    fn set_resource(&mut self, resource: &Resource) {
        let _ = self
            .control
            .send(Control::SetResource(Box::new(resource.clone())));
    }
}
