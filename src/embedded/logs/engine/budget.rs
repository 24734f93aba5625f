//! What a query may use: time, and memory counted in samples.

use std::time::{Duration, Instant};

use super::error::QueryError;

/// Entries between two looks at the clock.
const LOOK_EVERY: u32 = 2048;

/// Samples and points that a metric query may hold.
pub(crate) const MAX_SAMPLES: usize = 20_000_000;

/// Counts down the time of one query.
#[derive(Debug)]
pub(crate) struct Budget {
    deadline: Instant,
    timeout: Duration,
    until_look: u32,
}

impl Budget {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            deadline: Instant::now() + timeout,
            timeout,
            until_look: LOOK_EVERY,
        }
    }

    /// To be called for each entry that is looked at.
    pub(crate) fn spend(&mut self) -> Result<(), QueryError> {
        self.until_look -= 1;
        if self.until_look > 0 {
            return Ok(());
        }
        self.until_look = LOOK_EVERY;
        if Instant::now() >= self.deadline {
            return Err(QueryError::Timeout(self.timeout));
        }
        Ok(())
    }
}

/// Whether so many samples may be held.
pub(crate) fn check_samples(samples: usize) -> Result<(), QueryError> {
    if samples > MAX_SAMPLES {
        return Err(QueryError::TooManySamples(MAX_SAMPLES));
    }
    Ok(())
}
