//! What a query may use: time, and memory counted in samples and in bytes that stages make.

use std::time::{Duration, Instant};

use super::error::QueryError;

/// Work between two looks at the clock, in bytes that were read or made. Well below a millisecond
/// of the stages that take longest for a byte.
const LOOK_EVERY: usize = 64 << 10;

/// What a line or a step costs however short it is, in the same unit.
const LEAST_WORK: usize = 32;

/// Bytes that the stages of a query may make of one line. It is what Loki's servers pass to each
/// other in one message (`grpc_server_max_recv_msg_size`), so no longer line ever left one.
pub(crate) const MAX_MADE_BYTES: usize = 4 << 20;

/// Samples and points that a metric query may hold.
pub(crate) const MAX_SAMPLES: usize = 20_000_000;

/// Counts down the time of one query, and the bytes that are made of one line.
#[derive(Debug)]
pub(crate) struct Budget {
    deadline: Instant,
    timeout: Duration,
    until_look: usize,
    made: usize,
}

impl Budget {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            deadline: Instant::now() + timeout,
            timeout,
            until_look: LOOK_EVERY,
            made: 0,
        }
    }

    /// To be called for each entry that is looked at.
    pub(crate) fn spend(&mut self) -> Result<(), QueryError> {
        self.made = 0;
        self.work(0)
    }

    /// To be called for each step of the work, with the bytes that it reads.
    pub(crate) fn work(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.until_look = self.until_look.saturating_sub(bytes + LEAST_WORK);
        if self.until_look > 0 {
            return Ok(());
        }
        self.until_look = LOOK_EVERY;
        if Instant::now() >= self.deadline {
            return Err(QueryError::Timeout(self.timeout));
        }
        Ok(())
    }

    /// To be called before bytes are made of the present line, by the stage of this name.
    pub(crate) fn make(&mut self, bytes: usize, stage: &'static str) -> Result<(), QueryError> {
        self.room(bytes, stage)?;
        self.made += bytes;
        self.work(bytes)
    }

    /// Whether so many bytes more may be made of the present line.
    pub(crate) fn room(&self, bytes: usize, stage: &'static str) -> Result<(), QueryError> {
        if self.made.saturating_add(bytes) > MAX_MADE_BYTES {
            return Err(QueryError::TooManyBytes {
                stage,
                limit: MAX_MADE_BYTES,
            });
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
