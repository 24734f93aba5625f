//! A batching span processor that accounts for every span: each one that was handed over is
//! in the end exported, dropped (never tried) or failed (tried in vain), and counted as such.
//!
//! The SDK's own batch processor drops silently when its queue is full, so its losses cannot
//! be counted exactly. Exporting runs on a thread with a runtime of its own: whatever the
//! collector does, requests only ever see a queue that takes a span or refuses it at once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prometheus::IntCounter;
use tokio::sync::{mpsc, watch};
use tokio::time;
use tracing::{info, warn};

use super::otlp::{Answer, Collector, Exporter};
use super::propagation;
use super::queue::{Batch, Queue};
use super::span_encoding::TRACE_STATE;

/// Most exports at the same time. One at a time takes a batch per answer: at full load a collector that
/// answers after 10 ms, because it has to wait for a processor itself, gets fewer spans than are made.
/// There is one more with each export that succeeds, and one alone after one that failed: a collector
/// that hangs or refuses is asked no more often than before.
const MAX_PARALLEL: usize = 8;

/// Longest wait for a flush that has no timeout of its own.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(30);

/// Time between two log lines about spans that the collector has refused. It may refuse some of
/// every request, for as long as both run.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Most bytes of a collector's message that are logged.
const MAX_MESSAGE: usize = 1024;

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

enum Control {
    SetResource(Box<Resource>),
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
                        let worker = Worker {
                            exporter,
                            settings,
                            counters,
                            queue: spans,
                            deadline: ends,
                            exports: FuturesUnordered::new(),
                            parallel: 1,
                            failing: 0,
                            refused: Refused::default(),
                        };
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

/// The processor's end on the export thread.
struct Worker {
    exporter: Exporter,
    settings: BatchSettings,
    counters: SpanCounters,
    queue: Arc<Queue>,
    deadline: watch::Receiver<Option<Instant>>,
    /// Exports under way.
    exports: FuturesUnordered<Pin<Box<dyn Future<Output = Exported> + Send>>>,
    /// Exports that may be under way at the same time.
    parallel: usize,
    /// Spans lost since exports began to fail; 0 while they succeed.
    failing: u64,
    refused: Refused,
}

/// What became of an export.
struct Exported {
    spans: u64,
    result: Result<Answer, ExportError>,
}

/// An export that the collector did not answer.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    /// The collector, or the way to it, failed.
    #[error("{}: {}", .0.code(), .0.message())]
    Status(tonic::Status),
    /// It took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The service stops.
    #[error("the service stops before there is an answer")]
    Stopping,
}

impl Worker {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Control>) {
        let delay = self.settings.schedule_delay;
        let mut next = time::Instant::now() + delay;
        // True when what waits has waited long enough for its batch to fill.
        let mut due = false;
        loop {
            while self.exports.len() < self.parallel {
                match self.queue.take(due) {
                    Some(batch) => self.export(batch),
                    None => {
                        due = false;
                        break;
                    }
                }
            }
            let command = tokio::select! {
                biased;
                command = commands.recv() => command.unwrap_or_else(|| {
                    // The processor is gone: nothing can come any more.
                    Control::Shutdown(blocking::sync_channel(1).0)
                }),
                Some(exported) = self.exports.next() => {
                    self.settle(exported);
                    continue;
                }
                () = self.queue.batch_is_full() => continue,
                () = time::sleep_until(next) => {
                    next = time::Instant::now() + delay;
                    due = true;
                    continue;
                }
            };
            match command {
                Control::SetResource(resource) => self.exporter.set_resource(&resource),
                Control::Flush(done) => {
                    self.flush().await;
                    let _ = done.send(());
                }
                Control::Shutdown(done) => {
                    self.drain().await;
                    self.refused.tell();
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    /// Exports what waits now; not beyond the command to end.
    async fn flush(&mut self) {
        let mut left = self.queue.len();
        loop {
            while left > 0
                && self.exports.len() < self.parallel
                && self.deadline.borrow().is_none()
                && let Some(batch) = self.queue.take(true)
            {
                left = left.saturating_sub(batch.spans);
                self.export(batch);
            }
            let Some(exported) = self.exports.next().await else {
                return;
            };
            self.settle(exported);
        }
    }

    /// Takes no more spans and exports what waits, as far as the deadline allows.
    async fn drain(&mut self) {
        self.queue.close();
        loop {
            let deadline = *self.deadline.borrow();
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                self.counters.dropped.inc_by(self.queue.clear() as u64);
            }
            while self.exports.len() < self.parallel
                && let Some(batch) = self.queue.take(true)
            {
                self.export(batch);
            }
            let Some(exported) = self.exports.next().await else {
                return;
            };
            self.settle(exported);
        }
    }

    /// Begins an export.
    fn export(&self, batch: Batch) {
        let exporter = self.exporter.clone();
        let limit = self.settings.export_timeout;
        let stop = reached(self.deadline.clone());
        self.exports.push(Box::pin(async move {
            let spans = batch.spans as u64;
            let result = tokio::select! {
                result = exporter.export(batch) => result.map_err(ExportError::Status),
                () = time::sleep(limit) => Err(ExportError::Timeout(limit)),
                () = stop => Err(ExportError::Stopping),
            };
            Exported { spans, result }
        }));
    }

    /// Counts the spans of an export by what became of them.
    fn settle(&mut self, Exported { spans, result }: Exported) {
        match result {
            Ok(answer) => {
                self.parallel = (self.parallel + 1).min(MAX_PARALLEL);
                // A collector cannot refuse more spans than it got.
                let rejected = answer.rejected.min(spans);
                self.counters.exported.inc_by(spans - rejected);
                self.counters.failed.inc_by(rejected);
                self.refused.add(rejected, answer);
                if self.failing > 0 {
                    info!(lost = self.failing, "span export works again");
                    self.failing = 0;
                }
            }
            Err(error) => {
                self.parallel = 1;
                self.counters.failed.inc_by(spans);
                // One line when it starts, one when it ends: an outage must not flood the log.
                if self.failing == 0 {
                    warn!(
                        error = %error,
                        "span export failed; spans are lost until the collector answers"
                    );
                }
                self.failing += spans;
            }
        }
    }
}

/// Refusals and warnings of a collector in successful exports.
#[derive(Default)]
struct Refused {
    /// Spans that no log line has reported yet.
    spans: u64,
    /// Its newest message; `None` when it is logged already.
    message: Option<String>,
    told: Option<Instant>,
}

impl Refused {
    fn add(&mut self, rejected: u64, answer: Answer) {
        if rejected == 0 && answer.message.is_empty() {
            return;
        }
        self.spans += rejected;
        let mut message = answer.message;
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        self.message = Some(message);
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.tell();
        }
    }

    /// Logs the refusals that no line has reported yet.
    fn tell(&mut self) {
        let Some(message) = self.message.take() else {
            return;
        };
        match std::mem::take(&mut self.spans) {
            0 => warn!(message_of_collector = message, "the collector warns"),
            spans => warn!(
                spans,
                message_of_collector = message,
                "the collector has refused spans; they count as failed"
            ),
        }
        self.told = Some(Instant::now());
    }
}

/// Done when the deadline has come; never while there is none.
async fn reached(mut deadline: watch::Receiver<Option<Instant>>) {
    let set = deadline.wait_for(Option::is_some).await.map(|it| *it);
    match set {
        Ok(Some(at)) => time::sleep_until(at.into()).await,
        _ => std::future::pending().await,
    }
}
