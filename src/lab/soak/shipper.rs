//! The log shipper of the lab under test: the real client of Loki, which can be killed and frozen.
//!
//! The pipes of the instances stay open while it is gone, as those of units do under systemd.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time;

use super::load::LINES;
use crate::lab::up::shipping;
use lab_backends::logs::shipper::{PipelineStats, RemoteLoki, Sink};
use lab_backends::logs::store::{Entry, LabelSet};

/// What the shipper does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It takes lines.
    Runs,
    /// It takes lines after a pause.
    Slow(Duration),
    /// It takes none: it is frozen, or gone.
    Stands,
}

/// Counts of entries, each of one event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// Taken from the instances.
    pub(super) taken: u64,
    /// Of these, written by the requests of the load.
    pub(super) of_requests: u64,
    /// Accepted by Loki.
    pub(super) delivered: u64,
    /// Given up.
    pub(super) dropped: u64,
    /// Held by a shipper when it was killed, and not known to have arrived.
    pub(super) killed: u64,
}

/// A process of the shipper, as far as it is one.
struct Running {
    runtime: Option<Runtime>,
    loki: Arc<RemoteLoki>,
    taken: u64,
}

impl Running {
    fn start(url: &str) -> anyhow::Result<Self> {
        // Tasks of its own, which end with it like those of a process.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .thread_name("shipper")
            .build()
            .context("no runtime for the shipper")?;
        let entered = runtime.enter();
        let loki = RemoteLoki::start(url, shipping())?;
        drop(entered);
        Ok(Self {
            runtime: Some(runtime),
            loki: Arc::new(loki),
            taken: 0,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    /// Those that were killed.
    past: Vec<(Arc<RemoteLoki>, u64)>,
    of_requests: u64,
}

/// The shipper.
pub(super) struct Shipper {
    url: String,
    state: Mutex<State>,
    mode: watch::Sender<Mode>,
    /// Nanoseconds that its clock is ahead.
    ahead: AtomicI64,
}

impl Shipper {
    /// Starts to ship to a Loki.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(url: String) -> anyhow::Result<Self> {
        let shipper = Self {
            url,
            state: Mutex::default(),
            mode: watch::Sender::new(Mode::Runs),
            ahead: AtomicI64::new(0),
        };
        shipper.restart()?;
        Ok(shipper)
    }

    /// From now on it does this.
    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Moves its clock, which gives the lines their times.
    pub(super) fn set_clock_ahead(&self, by: Duration) {
        let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.ahead.store(nanos, Ordering::Relaxed);
    }

    /// Ends it at once. What it holds is lost.
    pub(super) fn kill(&self) {
        self.set(Mode::Stands);
        let mut state = self.state.lock();
        if let Some(running) = state.running.take() {
            let ended = (Arc::clone(&running.loki), running.taken);
            state.past.push(ended);
        }
    }

    /// Starts it again after it was killed.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn restart(&self) -> anyhow::Result<()> {
        self.state.lock().running = Some(Running::start(&self.url)?);
        self.set(Mode::Runs);
        Ok(())
    }

    /// Its counts.
    pub(super) fn lines(&self) -> Lines {
        let state = self.state.lock();
        let mut lines = Lines {
            of_requests: state.of_requests,
            ..Lines::default()
        };
        let running = state.running.iter().map(|it| (&it.loki, it.taken, false));
        let past = state.past.iter().map(|(loki, taken)| (loki, *taken, true));
        for (loki, taken, is_killed) in running.chain(past) {
            let stats = loki.stats();
            lines.taken += taken;
            lines.delivered += stats.delivered;
            lines.dropped += stats.dropped;
            if is_killed {
                lines.killed += taken.saturating_sub(stats.delivered + stats.dropped);
            }
        }
        lines
    }

    async fn take(&self, labels: &LabelSet, mut entries: Vec<Entry>) {
        let ahead = self.ahead.load(Ordering::Relaxed);
        for entry in &mut entries {
            entry.ts = entry.ts.saturating_add(ahead);
        }
        let count = entries.len() as u64;
        let of_requests = entries.iter().filter(|entry| is_of_request(&entry.line));
        let of_requests = of_requests.count() as u64;
        let mut modes = self.mode.subscribe();
        loop {
            let mode = modes.wait_for(|mode| *mode != Mode::Stands).await;
            // The sender lives as long as the shipper.
            let Ok(mode) = mode.map(|mode| *mode) else {
                return;
            };
            if let Mode::Slow(pause) = mode {
                time::sleep(pause).await;
            }
            let mut state = self.state.lock();
            if let Some(running) = &mut state.running {
                running.taken += count;
                // It only puts them into its queue.
                drop(running.loki.send(labels, entries));
                state.of_requests += of_requests;
                return;
            }
        }
    }
}

fn is_of_request(line: &str) -> bool {
    LINES.iter().any(|end| line.ends_with(end))
}

impl Sink for Shipper {
    fn send<'a>(&'a self, labels: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()> {
        Box::pin(self.take(labels, entries))
    }

    fn stats(&self) -> PipelineStats {
        let lines = self.lines();
        PipelineStats {
            entries: lines.taken,
            delivered: lines.delivered,
            dropped: lines.dropped + lines.killed,
            ..PipelineStats::default()
        }
    }
}
