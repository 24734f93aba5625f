//! Counts the requests that are being answered, so that shutdown can wait for the last one.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Bounds the requests that are answered at a time. The middleware admits none once the gate is closed.
///
/// Every request comes by here, so it is one number and no lock. The order of the two that shutdown compares
/// matters, see [`Gate::leave`].
pub(super) struct Gate {
    inside: AtomicUsize,
    limit: usize,
    closed: AtomicBool,
    emptied: Notify,
}

/// Place of a request that is being answered; it is given back when this is dropped.
pub(super) struct Place<'a>(&'a Gate);

impl Gate {
    /// A gate that admits `limit` requests at a time.
    #[must_use]
    pub(super) fn new(limit: usize) -> Self {
        Self {
            inside: AtomicUsize::new(0),
            limit,
            closed: AtomicBool::new(false),
            emptied: Notify::new(),
        }
    }

    /// True until [`Gate::close`] is called. A request is admitted only while this is true.
    #[must_use]
    pub(super) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// Ends admission. Requests that were admitted before are still answered.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// A place that a request holds until it is answered. `None` when all are taken.
    pub(super) fn enter(&self) -> Option<Place<'_>> {
        let one_more = |inside| (inside < self.limit).then_some(inside + 1);
        self.inside
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Place(self))
    }

    /// The last request tells it, but only once the gate is closed: nobody waits before. It counts first and
    /// looks then, and who waits has closed first and looks at the count then, so one of them sees the other.
    fn leave(&self) {
        let was_last = self.inside.fetch_sub(1, Ordering::SeqCst) == 1;
        if was_last && self.closed.load(Ordering::SeqCst) {
            self.emptied.notify_waiters();
        }
    }

    /// Waits until every admitted request is answered. The gate must be closed.
    pub(super) async fn empty(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.inside.load(Ordering::SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}
