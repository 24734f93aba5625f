//! Limits of one query: its time, the bytes that stages make from one line, and the bytes that it
//! holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::QueryError;
use crate::wire::{Stop, Stopped};

/// Work between two checks of the clock, in bytes read or made. It is well below a millisecond even
/// in the slowest stages.
const LOOK_EVERY: usize = 64 << 10;

/// Fixed cost of a line or step, in the same unit.
const LEAST_WORK: usize = 32;

/// Bytes that the stages of a query may make from one line. This is Loki's largest gRPC message
/// (`grpc_server_max_recv_msg_size`), so a real Loki cannot return a longer line either.
pub(crate) const MAX_MADE_BYTES: usize = 4 << 20;

/// The remaining time and bytes of one query.
#[derive(Debug)]
pub(crate) struct Budget {
    stop: Stop,
    until_look: usize,
    made: usize,
    /// Shared by all threads of the query.
    held: Arc<AtomicUsize>,
    most_held: usize,
}

impl Budget {
    /// A budget that holds `most_held` bytes of lines, labels and numbers.
    pub(crate) fn new(stop: Stop, most_held: usize) -> Self {
        Self {
            stop,
            until_look: LOOK_EVERY,
            made: 0,
            held: Arc::default(),
            most_held,
        }
    }

    /// The budget of another thread of the same query: what the threads hold counts together.
    pub(crate) fn share(&self) -> Self {
        Self {
            stop: self.stop.clone(),
            until_look: LOOK_EVERY,
            made: 0,
            held: Arc::clone(&self.held),
            most_held: self.most_held,
        }
    }

    /// Accounts for one entry. Call it for each entry that is read.
    pub(crate) fn spend(&mut self) -> Result<(), QueryError> {
        self.made = 0;
        self.work(0)
    }

    /// Accounts for one step of work that reads `bytes`.
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

    /// Accounts for bytes that the named stage is about to make from the current line.
    pub(crate) fn make(&mut self, bytes: usize, stage: &'static str) -> Result<(), QueryError> {
        self.room(bytes, stage)?;
        self.made += bytes;
        self.work(bytes)
    }

    /// Tests whether `bytes` more may be made from the current line.
    pub(crate) fn room(&self, bytes: usize, stage: &'static str) -> Result<(), QueryError> {
        if self.made.saturating_add(bytes) > MAX_MADE_BYTES {
            return Err(QueryError::TooManyBytes {
                stage,
                limit: MAX_MADE_BYTES,
            });
        }
        Ok(())
    }

    /// Accounts for bytes that are kept after the current line.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), QueryError> {
        let before = self.change(|held| held.saturating_add(bytes));
        if before.saturating_add(bytes) > self.most_held {
            return Err(QueryError::HoldsTooMuch(self.most_held));
        }
        self.work(bytes / 16)
    }

    /// Releases bytes that were held.
    pub(crate) fn release(&mut self, bytes: usize) {
        self.change(|held| held.saturating_sub(bytes));
    }

    /// Changes the number of bytes held. Returns what it was.
    fn change(&self, to: impl Fn(usize) -> usize) -> usize {
        let relaxed = Ordering::Relaxed;
        let changed = self
            .held
            .fetch_update(relaxed, relaxed, |held| Some(to(held)));
        changed.unwrap_or_else(|held| held)
    }
}
