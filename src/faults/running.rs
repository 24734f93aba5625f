//! The set that is in force, and its schedule.
//!
//! A process runs one instance of the service, so there is one set. Requests read the faults that are in force now;
//! the control port's thread brings that list up to date when a set is put and when a fault begins or ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, Semaphore, watch};

use super::decide::{self, Draw};
use super::kind::{Form, Kind, Level, Place};
use super::leak::Leak;
use super::set::{Fault, Set};
use crate::telemetry::live::{self, Causes};
use crate::telemetry::metrics::Metrics;

/// True while a fault of requests, calls or scrapes is in force: all that a request looks at otherwise.
pub(super) static ANY: AtomicBool = AtomicBool::new(false);

/// Those faults.
static NOW: RwLock<Vec<Arc<Running>>> = RwLock::new(Vec::new());

/// What [`bring_up_to_date`] computes them of.
static STATE: Mutex<State> = Mutex::new(State {
    metrics: None,
    installed: None,
    applied: Applied::NONE,
});

/// Wakes the schedule when a set is put.
static CHANGED: Notify = Notify::const_new();

struct State {
    metrics: Option<Arc<Metrics>>,
    installed: Option<Installed>,
    applied: Applied,
}

struct Installed {
    set: Set,
    faults: Vec<Arc<Running>>,
}

/// A fault of the set that was put last.
pub(super) struct Running {
    pub(super) fault: Fault,
    index: usize,
    seed: u64,
    /// When it begins and ends.
    pub(super) begin: Instant,
    end: Option<Instant>,
    /// Requests so far that it could have concerned.
    requests: AtomicU64,
    over: watch::Sender<bool>,
    /// The connections of [`Kind::PoolExhausted`].
    pub(super) pool: Option<Arc<Semaphore>>,
    pub(super) leak: Leak,
}

impl Running {
    fn new(fault: &Fault, index: usize, seed: u64, started: Instant) -> Self {
        let (begin, end) = fault.times();
        let pool = match fault.kind {
            Kind::PoolExhausted { connections, .. } => {
                Some(Arc::new(Semaphore::new(connections as usize)))
            }
            _ => None,
        };
        Self {
            fault: fault.clone(),
            index,
            seed,
            begin: started + begin,
            end: end.map(|end| started + end),
            requests: AtomicU64::new(0),
            over: watch::Sender::new(false),
            pool,
            leak: Leak::new(),
        }
    }

    /// The number of this request, if it is one of the share.
    pub(super) fn hits(&self) -> Option<u64> {
        let request = self.requests.fetch_add(1, Ordering::Relaxed);
        let share = self.fault.share;
        (share >= 1.0 || self.unit(request, Draw::Share) < share).then_some(request)
    }

    /// A number from 0 up to and without 1, for a decision about a request.
    pub(super) fn unit(&self, request: u64, draw: Draw) -> f64 {
        decide::unit(self.seed, self.index, request, draw)
    }

    /// A delay of this request.
    pub(super) fn delay(&self, request: u64, ms: u64, jitter_ms: u64) -> Duration {
        decide::delay(ms, jitter_ms, self.unit(request, Draw::Jitter))
    }

    /// True once it has ended or was removed.
    pub(super) fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    /// Waits until it has ended or was removed.
    pub(super) async fn over(&self) {
        let mut over = self.over.subscribe();
        // The sender is part of `self`, so it is there.
        let _ = over.wait_for(|over| *over).await;
    }

    /// Waits `time`, or until the fault has ended.
    pub(super) async fn sleep(&self, time: Duration) {
        let _ = tokio::time::timeout(time, self.over()).await;
    }

    fn stop(&self) {
        self.over.send_replace(true);
        self.leak.free();
        if let Some(pool) = &self.pool {
            pool.close();
        }
    }
}

/// Settings of telemetry that faults have changed.
#[derive(Clone, Debug, PartialEq)]
struct Applied {
    skew: i64,
    queue: Option<u64>,
    level: Option<Level>,
    form: Option<Form>,
    paths: Option<(Vec<String>, u64)>,
}

impl Applied {
    const NONE: Self = Self {
        skew: 0,
        queue: None,
        level: None,
        form: None,
        paths: None,
    };

    /// Of two faults of the same kind the later one of the list counts.
    fn add(&mut self, fault: &Fault) {
        match &fault.kind {
            Kind::ClockSkew { seconds } => self.skew = *seconds,
            Kind::SpanQueue { size } => self.queue = Some(*size),
            Kind::LogLevel { level } => self.level = Some(*level),
            Kind::LogFormat { form } => self.form = Some(*form),
            Kind::Cardinality { max_series } => {
                self.paths = Some((fault.routes.clone(), *max_series));
            }
            _ => {}
        }
    }

    fn apply(&self, before: &Self, metrics: Option<&Arc<Metrics>>) {
        live::set_clock_offset(self.skew);
        live::set_max_waiting(self.queue.map(|size| size as usize));
        live::set_log_level(match self.level {
            None => live::EVERY_LEVEL,
            Some(Level::Off) => None,
            Some(Level::Error) => Some(tracing::Level::ERROR),
            Some(Level::Warn) => Some(tracing::Level::WARN),
            Some(Level::Info) => Some(tracing::Level::INFO),
        });
        live::set_causes(match self.form {
            None => Causes::Indented,
            Some(Form::Dated) => Causes::Dated,
            Some(Form::Undated) => Causes::Undated,
        });
        if self.paths != before.paths
            && let Some(metrics) = metrics
        {
            let paths = self.paths.clone();
            metrics.label_own_paths(paths.map(|(routes, most)| (routes, most as usize)));
        }
    }
}

/// Hands the faults of requests, calls and scrapes that are in force to `each`.
pub(super) fn for_each(mut each: impl FnMut(&Arc<Running>)) {
    NOW.read().iter().for_each(&mut each);
}

/// Metrics that a fault may change.
pub(super) fn know(metrics: Arc<Metrics>) {
    STATE.lock().metrics = Some(metrics);
}

/// The set that was put last.
pub(super) fn set() -> Set {
    let state = STATE.lock();
    let installed = state.installed.as_ref();
    installed.map(|it| it.set.clone()).unwrap_or_default()
}

/// Puts a set in the place of the one before. What begins at once is in force when this returns.
pub(super) fn install(set: Set) {
    let started = Instant::now();
    let faults = set.faults.iter().enumerate();
    let faults = faults
        .map(|(index, fault)| Arc::new(Running::new(fault, index, set.seed, started)))
        .collect();
    replace(Some(Installed { set, faults }));
}

/// Removes the set.
pub(super) fn clear() {
    replace(None);
}

fn replace(new: Option<Installed>) {
    let mut state = STATE.lock();
    let old = std::mem::replace(&mut state.installed, new);
    bring_up_to_date(&mut state);
    drop(state);
    for fault in old.iter().flat_map(|old| &old.faults) {
        fault.stop();
    }
    CHANGED.notify_one();
}

/// Keeps the schedule. Never ends.
pub(super) async fn keep_schedule() {
    loop {
        let next = bring_up_to_date(&mut STATE.lock());
        let change = CHANGED.notified();
        match next {
            None => change.await,
            Some(next) => {
                tokio::select! {
                    () = change => {}
                    () = tokio::time::sleep_until(next.into()) => {}
                }
            }
        }
    }
}

/// Begins and ends faults that are due, and gives the time of the next one.
fn bring_up_to_date(state: &mut State) -> Option<Instant> {
    let now = Instant::now();
    let mut next: Option<Instant> = None;
    let mut in_force = Vec::new();
    let mut applied = Applied::NONE;
    let installed = state.installed.as_ref();
    for fault in installed.iter().flat_map(|installed| &installed.faults) {
        let is_over = fault.end.is_some_and(|end| end <= now);
        if is_over {
            fault.stop();
            continue;
        }
        let change = match fault.begin <= now {
            true => {
                applied.add(&fault.fault);
                if fault.fault.kind.place() != Place::Telemetry {
                    in_force.push(Arc::clone(fault));
                }
                fault.end
            }
            false => Some(fault.begin),
        };
        next = [next, change].into_iter().flatten().min();
    }
    let any = !in_force.is_empty();
    *NOW.write() = in_force;
    ANY.store(any, Ordering::Relaxed);
    applied.apply(&state.applied, state.metrics.as_ref());
    state.applied = applied;
    next
}
