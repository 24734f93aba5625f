//! A small steady load on all instances and paths, which the console switches on and off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::PATHS;
use super::send::Sender;
use crate::lab::open_loop::{OpenLoop, of_turn};

/// Requests that may be open at one time. Only instances that hang reach this bound.
const OPEN: usize = 256;

/// The rate of the load, and if it is on.
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
    /// Requests without a response, and those that were not sent because too many were open.
    failed: AtomicU64,
}

impl Steady {
    /// A load that is off.
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

    /// Ends the load and drops the open requests.
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
    let mut requests: Option<OpenLoop> = None;
    loop {
        let pace = *wanted.borrow_and_update();
        if !pace.on {
            if wanted.changed().await.is_err() {
                return;
            }
            continue;
        }
        let period = Duration::from_secs_f64(1.0 / pace.rate);
        let requests = match &mut requests {
            // Requests that are open still count against the bound.
            Some(requests) => {
                requests.set_period(period);
                requests
            }
            none => none.insert(OpenLoop::new(period, OPEN)),
        };
        loop {
            let turn = tokio::select! {
                turn = requests.turn() => turn,
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
            };
            let Some(turn) = turn else {
                counts.failed.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let (number, path) = of_turn(turn, sender.names().len(), &PATHS);
            let (sender, counts) = (sender.clone(), Arc::clone(&counts));
            requests.send(async move {
                counts.sent.fetch_add(1, Ordering::Relaxed);
                if sender.send(number, path).await.is_err() {
                    counts.failed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    }
}
