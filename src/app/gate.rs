//! Counts the requests that are being answered, so that shutdown can wait for the last one.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bounds the requests that are answered at a time. The middleware admits none once the gate is closed.
pub(super) struct Gate {
    places: Semaphore,
    limit: usize,
    closed: AtomicBool,
}

impl Gate {
    /// A gate that admits `limit` requests at a time.
    #[must_use]
    pub(super) fn new(limit: usize) -> Self {
        Self {
            places: Semaphore::new(limit),
            limit,
            closed: AtomicBool::new(false),
        }
    }

    /// True until [`Gate::close`] is called. A request is admitted only while this is true.
    #[must_use]
    pub(super) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// Ends admission. Requests that were admitted before are still answered.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// A permit that a request holds until it is answered. `None` when all permits are taken.
    pub(super) fn enter(&self) -> Option<SemaphorePermit<'_>> {
        self.places.try_acquire().ok()
    }

    /// Waits until every admitted request is answered.
    pub(super) async fn empty(&self) {
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all).await;
    }
}
