//! The bound on active series.

/// Counts active series.
pub(super) struct Room {
    active: usize,
    most: usize,
    /// Series came since the last time that series were written.
    pub(super) has_new: bool,
    pub(super) added: u64,
    pub(super) removed: u64,
    pub(super) limited: u64,
}

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self {
            active: 0,
            most,
            has_new: false,
            added: 0,
            removed: 0,
            limited: 0,
        }
    }

    pub(super) fn active(&self) -> usize {
        self.active
    }

    /// True if so many series more may be active; they count from now on.
    pub(super) fn take(&mut self, series: usize) -> bool {
        if self.active + series > self.most {
            self.limited += series as u64;
            return false;
        }
        self.add(series);
        true
    }

    /// Counts series for which there is always room: those that all beyond the bound share.
    pub(super) fn add(&mut self, series: usize) {
        self.active += series;
        self.added += series as u64;
        self.has_new = true;
    }

    /// Counts series that are no longer active.
    pub(super) fn free(&mut self, series: usize) {
        self.active -= series;
        self.removed += series as u64;
    }
}
