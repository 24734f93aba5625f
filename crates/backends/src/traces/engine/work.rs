//! Budget of a query: time, as long as somebody waits, and memory for what it makes.

use std::cell::Cell;

use crate::wire::{Stop, Stopped};

/// The work for one answer. It is looked at wherever something is computed or made.
pub(crate) struct Work<'s> {
    stop: &'s Stop,
    /// Bytes that the spansets of one trace and the answer so far may take.
    most: usize,
    /// Of the trace under evaluation.
    made: Cell<usize>,
    /// Of the answer.
    kept: Cell<usize>,
    over: Cell<Option<Over>>,
}

/// Reasons to give a query up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Stopped(Stopped),
    /// It would take more bytes than this.
    Bytes(usize),
}

impl<'s> Work<'s> {
    pub(crate) fn new(stop: &'s Stop, most: usize) -> Self {
        Self {
            stop,
            most,
            made: Cell::new(0),
            kept: Cell::new(0),
            over: Cell::new(None),
        }
    }

    /// True if to go on. What is computed after that is thrown away by [`Self::check`].
    pub(super) fn goes_on(&self) -> bool {
        if self.over.get().is_none()
            && let Err(stopped) = self.stop.check()
        {
            self.over.set(Some(Over::Stopped(stopped)));
        }
        self.over.get().is_none()
    }

    /// Counts what was made of the trace under evaluation, and says whether to go on.
    pub(super) fn makes(&self, bytes: usize) -> bool {
        self.made.set(self.made.get().saturating_add(bytes));
        self.count()
    }

    /// Counts what stays for the answer.
    pub(crate) fn keeps(&self, bytes: usize) {
        self.kept.set(self.kept.get().saturating_add(bytes));
        self.count();
    }

    /// No longer counts what the answer does without.
    pub(crate) fn drops(&self, bytes: usize) {
        self.kept.set(self.kept.get().saturating_sub(bytes));
    }

    fn count(&self) -> bool {
        if self.made.get().saturating_add(self.kept.get()) > self.most {
            self.over.set(Some(Over::Bytes(self.most)));
        }
        self.over.get().is_none()
    }

    /// True if all that was computed so far is whole, and the next trace may be looked at.
    pub(crate) fn check(&self) -> Result<(), Over> {
        self.goes_on();
        self.made.set(0);
        match self.over.get() {
            None => Ok(()),
            Some(over) => Err(over),
        }
    }
}
