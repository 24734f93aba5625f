//! What a query may use: time, bytes that stages make of a line, and bytes that it holds.

use super::error::QueryError;
use crate::wire::{Stop, Stopped};

/// Work between two looks at the clock, in bytes that were read or made. Well below a millisecond
/// of the stages that take longest for a byte.
const LOOK_EVERY: usize = 64 << 10;

/// What a line or a step costs however short it is, in the same unit.
const LEAST_WORK: usize = 32;

/// Bytes that the stages of a query may make of one line. It is what Loki's servers pass to each
/// other in one message (`grpc_server_max_recv_msg_size`), so no longer line ever left one.
pub(crate) const MAX_MADE_BYTES: usize = 4 << 20;

/// What one query has left of its time, of the bytes that are made of one line, and of the bytes
/// that it may hold.
#[derive(Debug)]
pub(crate) struct Budget {
    stop: Stop,
    until_look: usize,
    made: usize,
    held: usize,
    most_held: usize,
}

impl Budget {
    /// A budget of `most_held` bytes for lines, labels and numbers on their way to the answer.
    pub(crate) fn new(stop: Stop, most_held: usize) -> Self {
        Self {
            stop,
            until_look: LOOK_EVERY,
            made: 0,
            held: 0,
            most_held,
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
        self.stop.check().map_err(|stopped| match stopped {
            Stopped::Late(time) => QueryError::Timeout(time),
            Stopped::Gone => QueryError::Cancelled,
        })
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

    /// To be called before bytes are kept beyond the present line.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.held = self.held.saturating_add(bytes);
        if self.held > self.most_held {
            return Err(QueryError::HoldsTooMuch(self.most_held));
        }
        self.work(bytes / 16)
    }

    /// To be called when bytes that were held are given back.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.held = self.held.saturating_sub(bytes);
    }
}
