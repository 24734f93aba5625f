//! The export thread: takes batches from the queue and sends them, and counts what became of their spans.
//!
//! Without a spool a batch is sent again for as long as an export may take, and is lost then. With one, a batch that
//! the collector does not take goes to the disk at once. While the oldest batch on disk cannot be sent either, no
//! other is tried: they go to the disk too. So the spans in memory are few, and a collector that is away is asked once
//! a second at most. From the disk one request is under way at a time, beside those from the queue, with as many of the
//! oldest batches as make a full one. The queue overflows to the disk as well, where a collector takes less than is made.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time;
use tracing::{info, warn};

use super::batch::{BatchSettings, Control, SpanCounters};
use super::otlp::{self, Answer, Exporter, Failure, Spans};
use super::queue::{Batch, Queue};
use super::refused::Refused;
use super::spool::Spool;

/// Most exports at the same time. One at a time takes a batch per answer: at full load a collector that
/// answers after 10 ms, because it has to wait for a processor itself, gets fewer spans than are made.
/// There is one more with each export that succeeds, and one alone after one that failed: a collector
/// that hangs or refuses is asked no more often than before.
const MAX_PARALLEL: usize = 8;

/// The processor's end on the export thread.
pub(super) struct Worker {
    exporter: Exporter,
    settings: BatchSettings,
    counters: SpanCounters,
    queue: Arc<Queue>,
    deadline: watch::Receiver<Option<Instant>>,
    /// Exports under way, of batches from the queue.
    exports: FuturesUnordered<Pin<Box<dyn Future<Output = Exported> + Send>>>,
    /// Exports that may be under way at the same time.
    parallel: usize,
    spool: Option<Spool>,
    /// The oldest batches on disk, under way.
    resend: Option<Resend>,
    /// Wait before the next attempt at them.
    wait: Duration,
    /// Spans lost since exports began to fail; `None` while they succeed.
    failing: Option<u64>,
    refused: Refused,
}

/// What became of an export.
struct Exported {
    spans: u64,
    message: Spans,
    result: Result<Answer, ExportError>,
}

/// An export of batches on disk.
struct Resend {
    files: usize,
    spans: u64,
    export: Pin<Box<dyn Future<Output = Result<Answer, ExportError>> + Send>>,
}

/// An export that the collector did not answer, or not well.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    /// The collector, or the way to it, failed.
    #[error("{}: {}", .0.status.code(), .0.status.message())]
    Failed(Failure),
    /// It took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The service stops.
    #[error("the service stops before there is an answer")]
    Stopping,
}

impl ExportError {
    /// How long to wait before the same spans are sent again; `None` when they would be refused again.
    fn again_after(&self) -> Option<Duration> {
        match self {
            Self::Failed(failure) => failure.again_after,
            Self::Timeout(_) | Self::Stopping => Some(Duration::ZERO),
        }
    }
}

/// Where a batch from the queue goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Collector,
    Disk,
}

impl Worker {
    pub(super) fn new(
        exporter: Exporter,
        settings: BatchSettings,
        counters: SpanCounters,
        queue: Arc<Queue>,
        deadline: watch::Receiver<Option<Instant>>,
    ) -> Self {
        Self {
            exporter,
            settings,
            counters,
            queue,
            deadline,
            exports: FuturesUnordered::new(),
            parallel: 1,
            spool: None,
            resend: None,
            wait: Duration::ZERO,
            failing: None,
            refused: Refused::default(),
        }
    }

    /// Exports until the command to shut down.
    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Control>) {
        let delay = self.settings.schedule_delay;
        let mut next = time::Instant::now() + delay;
        // True when what waits has waited long enough for its batch to fill.
        let mut due = false;
        loop {
            self.resend_oldest();
            while let Some(way) = self.way() {
                match self.queue.take(due) {
                    Some(batch) => self.send(batch, way),
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
                Some(result) = resent(&mut self.resend) => {
                    self.settle_oldest(result);
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
                Control::UseSpool(spool) => self.spool = Some(*spool),
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

    /// Exports what waits now, or puts it on disk; not beyond the command to end.
    async fn flush(&mut self) {
        let mut left = self.queue.len();
        loop {
            while left > 0
                && self.deadline.borrow().is_none()
                && let Some(way) = self.way()
                && let Some(batch) = self.queue.take(true)
            {
                left = left.saturating_sub(batch.spans);
                self.send(batch, way);
            }
            let Some(exported) = self.exports.next().await else {
                return;
            };
            self.settle(exported);
        }
    }

    /// Takes no more spans and exports what waits, as far as the deadline allows. The rest goes to the disk.
    async fn drain(&mut self) {
        self.queue.close();
        if self.waits_for_collector() {
            self.resend = None;
        }
        loop {
            let deadline = *self.deadline.borrow();
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                while let Some(batch) = self.queue.take(true) {
                    self.keep_or_drop(batch);
                }
            }
            while let Some(way) = self.way()
                && let Some(batch) = self.queue.take(true)
            {
                self.send(batch, way);
            }
            tokio::select! {
                Some(exported) = self.exports.next() => self.settle(exported),
                Some(result) = resent(&mut self.resend) => self.settle_oldest(result),
                else => break,
            }
        }
        // There was no way: the disk is full, and the collector does not answer.
        self.counters.dropped.inc_by(self.queue.clear() as u64);
    }

    /// True if batches wait on disk and the oldest cannot be sent.
    fn waits_for_collector(&self) -> bool {
        self.failing.is_some() && self.spool.as_ref().is_some_and(|spool| !spool.is_empty())
    }

    /// Where the next batch from the queue may go now.
    fn way(&self) -> Option<Way> {
        let waits = self.waits_for_collector();
        if !waits && self.exports.len() < self.parallel {
            return Some(Way::Collector);
        }
        let overflows = self.queue.len() > self.settings.max_queue_size / 2;
        let takes = self.spool.as_ref().is_some_and(Spool::takes);
        (takes && (waits || overflows)).then_some(Way::Disk)
    }

    fn send(&mut self, batch: Batch, way: Way) {
        let spans = batch.spans as u64;
        let message = self.exporter.message(batch);
        match way {
            Way::Collector => self.export(spans, message),
            Way::Disk => {
                if !self.store(spans, &message) {
                    match message.into_batch() {
                        Some(batch) => self.queue.put_back(batch),
                        None => self.counters.dropped.inc_by(spans),
                    }
                }
            }
        }
    }

    /// Puts a batch on disk that was not tried, or counts it as dropped.
    fn keep_or_drop(&mut self, batch: Batch) {
        let spans = batch.spans as u64;
        let message = self.exporter.message(batch);
        if !self.store(spans, &message) {
            self.counters.dropped.inc_by(spans);
        }
    }

    /// Puts a batch on disk. False when there is no spool, or no room.
    fn store(&mut self, spans: u64, message: &Spans) -> bool {
        let spool = self.spool.as_mut();
        spool.is_some_and(|spool| spool.takes() && spool.store(spans, message))
    }

    /// Begins an export.
    fn export(&self, spans: u64, message: Spans) {
        let exporter = self.exporter.clone();
        // What can wait on disk is sent again from there.
        let once = self.spool.as_ref().is_some_and(Spool::takes);
        let limits = self.limits();
        self.exports.push(Box::pin(async move {
            let sent = message.clone();
            let export = async {
                match once {
                    true => exporter.export_once(sent).await,
                    false => exporter.export(sent).await,
                }
            };
            Exported {
                spans,
                result: limits.hold(export).await,
                message,
            }
        }));
    }

    /// Begins to send the oldest batches on disk, if there are any and none is under way.
    fn resend_oldest(&mut self) {
        let Some(spool) = self.spool.as_mut().filter(|_| self.resend.is_none()) else {
            return;
        };
        let most = self.settings.max_export_batch_size as u64;
        let Some(oldest) = spool.oldest(most, |lost| self.counters.failed.inc_by(lost)) else {
            return;
        };
        let message = Spans::Encoded(oldest.message.into());
        let exporter = self.exporter.clone();
        let pause = otlp::pause(self.wait);
        let limits = self.limits();
        let export = async move {
            time::sleep(pause).await;
            limits.hold(exporter.export_once(message)).await
        };
        self.resend = Some(Resend {
            files: oldest.files,
            spans: oldest.spans,
            export: Box::pin(export),
        });
    }

    fn limits(&self) -> Limits {
        Limits {
            timeout: self.settings.export_timeout,
            deadline: self.deadline.clone(),
        }
    }

    /// Counts the spans of an export by what became of them.
    fn settle(&mut self, exported: Exported) {
        let Exported {
            spans,
            message,
            result,
        } = exported;
        match result {
            Ok(answer) => {
                self.parallel = (self.parallel + 1).min(MAX_PARALLEL);
                self.accepted(spans, answer);
            }
            Err(error) => {
                self.parallel = 1;
                let is_kept = error.again_after().is_some() && self.store(spans, &message);
                let lost = if is_kept { 0 } else { spans };
                self.not_accepted(&error, lost);
            }
        }
    }

    /// Counts the spans of the oldest batches on disk, and removes these unless they are to be sent again.
    fn settle_oldest(&mut self, result: Result<Answer, ExportError>) {
        let Some(Resend { files, spans, .. }) = self.resend.take() else {
            return;
        };
        match result {
            Ok(answer) => {
                self.wait = Duration::ZERO;
                self.accepted(spans, answer);
            }
            Err(error) => {
                self.parallel = 1;
                if let Some(wanted) = error.again_after() {
                    self.wait = match self.wait {
                        Duration::ZERO => otlp::FIRST_WAIT,
                        wait => otlp::longer(wait),
                    }
                    .max(wanted);
                    self.not_accepted(&error, 0);
                    return;
                }
                self.not_accepted(&error, spans);
            }
        }
        if let Some(spool) = &mut self.spool {
            spool.forget(files);
        }
    }

    /// The collector answered.
    fn accepted(&mut self, spans: u64, answer: Answer) {
        // A collector cannot refuse more spans than it got.
        let rejected = answer.rejected.min(spans);
        self.counters.exported.inc_by(spans - rejected);
        self.counters.failed.inc_by(rejected);
        self.refused.add(rejected, answer);
        if let Some(lost) = self.failing.take() {
            info!(lost, "span export works again");
        }
    }

    /// An export failed, and `lost` spans with it.
    fn not_accepted(&mut self, error: &ExportError, lost: u64) {
        self.counters.failed.inc_by(lost);
        // One line when it starts, one when it ends: an outage must not flood the log.
        if self.failing.is_none() {
            match lost {
                0 => warn!(
                    error = %error,
                    "span export failed; spans wait on disk until the collector answers"
                ),
                _ => warn!(
                    error = %error,
                    "span export failed; spans are lost until the collector answers"
                ),
            }
        }
        *self.failing.get_or_insert(0) += lost;
    }
}

/// The outcome of the batches from the disk that are under way; `None` when none are.
async fn resent(resend: &mut Option<Resend>) -> Option<Result<Answer, ExportError>> {
    match resend {
        Some(resend) => Some(resend.export.as_mut().await),
        None => None,
    }
}

/// What ends an export that is not answered.
struct Limits {
    timeout: Duration,
    deadline: watch::Receiver<Option<Instant>>,
}

impl Limits {
    async fn hold(
        self,
        export: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, ExportError> {
        let limit = self.timeout;
        tokio::select! {
            result = export => result.map_err(ExportError::Failed),
            () = time::sleep(limit) => Err(ExportError::Timeout(limit)),
            () = reached(self.deadline) => Err(ExportError::Stopping),
        }
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
