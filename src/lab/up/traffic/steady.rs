//! A small steady load on all instances and paths, on and off as a person likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval};

use super::PATHS;
use super::send::Sender;

/// Requests that may be open at one time. It takes instances that hang to get there.
const OPEN: usize = 256;

/// True if requests are sent, and how many a second.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    pub(super) on: bool,
    pub(super) rate: f64,
}

/// The load; it ends when dropped.
pub(super) struct Steady {
    pace: watch::Sender<Pace>,
    counts: Arc<Counts>,
    task: AbortHandle,
}

/// Since the start of the lab.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    /// Those without an answer, and those that could not leave because too many were open.
    failed: AtomicU64,
}

impl Steady {
    /// Waits for being switched on.
    pub(super) fn start(sender: Sender) -> Self {
        let (pace, wanted) = watch::channel(Pace {
            on: false,
            rate: 5.0,
        });
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(run(sender, wanted, Arc::clone(&counts)));
        Self {
            pace,
            counts,
            task: task.abort_handle(),
        }
    }

    /// From now on at this pace.
    pub(super) fn set(&self, pace: Pace) {
        self.pace.send_replace(pace);
    }

    /// The pace, how many were sent, and how many of them failed.
    pub(super) fn now(&self) -> (Pace, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (sent, failed) = (read(&self.counts.sent), read(&self.counts.failed));
        (*self.pace.borrow(), sent, failed)
    }

    /// Gives up, also on what is open.
    pub(super) fn end(&self) {
        self.task.abort();
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        self.end();
    }
}

async fn run(sender: Sender, mut wanted: watch::Receiver<Pace>, counts: Arc<Counts>) {
    let mut open = JoinSet::new();
    let mut turn = 0;
    loop {
        let pace = *wanted.borrow_and_update();
        if !pace.on {
            if wanted.changed().await.is_err() {
                return;
            }
            continue;
        }
        let mut ticks = interval(Duration::from_secs_f64(1.0 / pace.rate));
        // After a pause of the machine, those that should have left meanwhile are not made up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
            }
            while open.try_join_next().is_some() {}
            if open.len() >= OPEN {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            // Each instance gets every path in turn.
            let instances = sender.names().len();
            let (number, path) = (turn % instances, PATHS[turn / instances % PATHS.len()]);
            turn = turn.wrapping_add(1);
            let (sender, counts) = (sender.clone(), Arc::clone(&counts));
            open.spawn(async move {
                counts.sent.fetch_add(1, Ordering::Relaxed);
                if sender.send(number, path).await.is_err() {
                    counts.failed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
}
