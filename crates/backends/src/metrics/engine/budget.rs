//! Budget of one query: samples, values and time.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{QueryError, QueryLimits};
use crate::wire::Stop;

/// Counts down during an evaluation, for all its threads together.
#[derive(Debug)]
pub(super) struct Budget {
    stop: Stop,
    samples: AtomicU64,
    points: AtomicU64,
}

impl Budget {
    pub(super) fn new(limits: &QueryLimits, stop: &Stop) -> Self {
        Self {
            stop: stop.within(limits.timeout),
            samples: AtomicU64::new(limits.max_samples),
            points: AtomicU64::new(limits.max_points),
        }
    }

    /// Pays for samples that an operation looks at.
    pub(super) fn read(&self, samples: usize) -> Result<(), QueryError> {
        Self::pay(&self.samples, samples)?;
        self.check_time()
    }

    /// Pays for values that an operation is about to make.
    pub(super) fn make(&self, points: usize) -> Result<(), QueryError> {
        Self::pay(&self.points, points)?;
        self.check_time()
    }

    /// Gives back what [`Self::make`] took for values that are gone again.
    pub(super) fn release(&self, points: usize) {
        self.points.fetch_add(points as u64, Ordering::Relaxed);
    }

    /// Fails once the time is over, or nobody waits for the answer.
    pub(super) fn check_time(&self) -> Result<(), QueryError> {
        Ok(self.stop.check()?)
    }

    /// For what looks at the clock itself.
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }

    fn pay(purse: &AtomicU64, amount: usize) -> Result<(), QueryError> {
        let relaxed = Ordering::Relaxed;
        match purse.fetch_update(relaxed, relaxed, |left| left.checked_sub(amount as u64)) {
            Ok(_) => Ok(()),
            Err(_) => Err(QueryError::Execution(
                "query processing would load too many samples into memory in query execution"
                    .to_owned(),
            )),
        }
    }
}
