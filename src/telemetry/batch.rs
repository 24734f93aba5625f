//! A batching span processor that accounts for every span: each one that was handed over is
//! in the end exported, dropped (never tried) or failed (tried in vain), and counted as such.
//!
//! The SDK's own batch processor drops silently when its queue is full, so its losses cannot
//! be counted exactly. Exporting runs on a thread with a runtime of its own: whatever the
//! collector does, requests only ever see a queue that takes a span or refuses it at once.

use std::fmt;
use std::sync::mpsc as blocking;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use prometheus::IntCounter;
use tokio::sync::mpsc;
use tokio::time;
use tracing::{info, warn};

/// Longest wait for a flush that was asked for without a limit.
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

/// What became of the spans.
#[derive(Clone, Debug)]
pub struct SpanCounters {
    /// Accepted by the collector.
    pub exported: IntCounter,
    /// Thrown away before an export was tried: the queue was full, or time ran out at the end.
    pub dropped: IntCounter,
    /// Part of an export that failed.
    pub failed: IntCounter,
}

enum Control {
    SetResource(Box<Resource>),
    Flush(blocking::SyncSender<()>),
    Shutdown {
        deadline: Instant,
        done: blocking::SyncSender<()>,
    },
}

/// The processor's end on the request path.
pub struct BatchProcessor {
    queue: mpsc::Sender<SpanData>,
    control: mpsc::UnboundedSender<Control>,
    dropped: IntCounter,
}

impl fmt::Debug for BatchProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchProcessor")
            .field("free", &self.queue.capacity())
            .finish()
    }
}

impl BatchProcessor {
    /// Starts the export thread. `exporter` is built on it, inside its runtime.
    ///
    /// # Errors
    /// When the thread or its runtime cannot be started, or `exporter` fails.
    pub fn start<E, F, R>(
        settings: BatchSettings,
        counters: SpanCounters,
        exporter: F,
    ) -> std::io::Result<Self>
    where
        E: SpanExporter + 'static,
        F: FnOnce() -> Result<E, R> + Send + 'static,
        R: std::error::Error + Send + Sync + 'static,
    {
        let (queue, spans) = mpsc::channel(settings.max_queue_size);
        let (control, commands) = mpsc::unbounded_channel();
        let (started, start) = blocking::sync_channel(1);
        let dropped = counters.dropped.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::Builder::new()
            .name("span-export".to_owned())
            .spawn(move || {
                let guard = runtime.enter();
                let built = exporter();
                drop(guard);
                match built {
                    Ok(exporter) => {
                        let _ = started.send(Ok(()));
                        let worker = Worker {
                            exporter,
                            settings,
                            counters,
                            spans,
                            batch: Vec::with_capacity(settings.max_export_batch_size),
                            failing: 0,
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
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.queue.try_send(span).is_err() {
            self.dropped.inc();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.ask(FLUSH_TIMEOUT, Control::Flush)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let deadline = Instant::now() + timeout;
        // The worker keeps to the deadline; the margin is for its answer.
        self.ask(timeout + Duration::from_millis(500), |done| {
            Control::Shutdown { deadline, done }
        })
    }

    fn set_resource(&mut self, resource: &Resource) {
        let _ = self
            .control
            .send(Control::SetResource(Box::new(resource.clone())));
    }
}

/// The processor's end on the export thread.
struct Worker<E> {
    exporter: E,
    settings: BatchSettings,
    counters: SpanCounters,
    spans: mpsc::Receiver<SpanData>,
    batch: Vec<SpanData>,
    /// Spans lost since exports began to fail; 0 while they succeed.
    failing: u64,
}

impl<E: SpanExporter> Worker<E> {
    async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Control>) {
        loop {
            match self.fill(&mut commands).await {
                None => self.export(self.settings.export_timeout).await,
                Some(Control::SetResource(resource)) => self.exporter.set_resource(&resource),
                Some(Control::Flush(done)) => {
                    // No more than what waits now: under load the queue may never be empty.
                    let mut waiting = self.spans.len();
                    while waiting > 0 || !self.batch.is_empty() {
                        let room = self.room().min(waiting);
                        for _ in 0..room {
                            self.batch.extend(self.spans.try_recv().ok());
                        }
                        waiting -= room;
                        self.export(self.settings.export_timeout).await;
                    }
                    let _ = done.send(());
                }
                Some(Control::Shutdown { deadline, done }) => {
                    self.drain(deadline).await;
                    let _ = self.exporter.shutdown();
                    let _ = done.send(());
                    return;
                }
            }
        }
    }

    fn room(&self) -> usize {
        self.settings.max_export_batch_size - self.batch.len()
    }

    /// Gathers spans until the batch is full or its time has come (`None`), or until a command.
    async fn fill(&mut self, commands: &mut mpsc::UnboundedReceiver<Control>) -> Option<Control> {
        let due = time::sleep(self.settings.schedule_delay);
        tokio::pin!(due);
        loop {
            let room = self.room();
            if room == 0 {
                return None;
            }
            tokio::select! {
                biased;
                command = commands.recv() => {
                    // Without a processor no span and no command can come any more.
                    return command.or_else(|| {
                        let (done, _) = blocking::sync_channel(1);
                        let deadline = Instant::now() + self.settings.export_timeout;
                        Some(Control::Shutdown { deadline, done })
                    });
                }
                () = &mut due => return None,
                received = self.spans.recv_many(&mut self.batch, room) => {
                    if received == 0 {
                        // All senders are gone; the command channel says so next.
                        due.as_mut().await;
                    }
                }
            }
        }
    }

    /// Takes no more spans and exports what waits, as far as the deadline allows.
    async fn drain(&mut self, deadline: Instant) {
        self.spans.close();
        loop {
            let room = self.room();
            if room > 0 {
                self.spans.recv_many(&mut self.batch, room).await;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.batch.is_empty() {
                return;
            }
            if left.is_zero() {
                let waiting = self.spans.len() + self.batch.len();
                self.counters.dropped.inc_by(waiting as u64);
                return;
            }
            self.export(left.min(self.settings.export_timeout)).await;
        }
    }

    async fn export(&mut self, limit: Duration) {
        if self.batch.is_empty() {
            return;
        }
        let empty = Vec::with_capacity(self.settings.max_export_batch_size);
        let batch = std::mem::replace(&mut self.batch, empty);
        let count = batch.len() as u64;
        let result = match time::timeout(limit, self.exporter.export(batch)).await {
            Ok(result) => result,
            Err(_) => Err(OTelSdkError::Timeout(limit)),
        };
        match result {
            Ok(()) => {
                self.counters.exported.inc_by(count);
                if self.failing > 0 {
                    info!(lost = self.failing, "span export works again");
                    self.failing = 0;
                }
            }
            Err(error) => {
                self.counters.failed.inc_by(count);
                // One line when it starts, one when it ends: an outage must not flood the log.
                if self.failing == 0 {
                    warn!(
                        error = %error,
                        "span export failed; spans are lost until the collector answers"
                    );
                }
                self.failing += count;
            }
        }
    }
}
