//! Bounds of all spans of a trace: a search sees by them that no span can match, and looks at none.

use super::span::Span;

/// What the spans of a trace have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// Nanoseconds of the longest and of the shortest span.
    longest: u64,
    shortest: u64,
    /// OTLP's numbers of status and kind, a bit for each.
    statuses: u8,
    kinds: u8,
}

/// What some span of a trace must have, each for itself: it need not be the same span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// One that lasts so many nanoseconds or longer.
    at_least: u64,
    /// One that lasts so many nanoseconds or shorter.
    at_most: u64,
    statuses: u8,
    kinds: u8,
}

impl Extent {
    /// Of no span.
    pub(super) fn new() -> Self {
        Self {
            longest: 0,
            shortest: u64::MAX,
            statuses: 0,
            kinds: 0,
        }
    }

    pub(super) fn add(&mut self, span: &Span) {
        self.longest = self.longest.max(span.duration());
        self.shortest = self.shortest.min(span.duration());
        self.statuses |= bit(span.status);
        self.kinds |= bit(span.kind);
    }

    pub(super) fn meets(&self, needs: &Needs) -> bool {
        self.longest >= needs.at_least
            && self.shortest <= needs.at_most
            && self.statuses & needs.statuses == needs.statuses
            && self.kinds & needs.kinds == needs.kinds
    }
}

impl Default for Needs {
    /// Nothing.
    fn default() -> Self {
        Self {
            at_least: 0,
            at_most: u64::MAX,
            statuses: 0,
            kinds: 0,
        }
    }
}

impl Needs {
    /// A span of at least so many nanoseconds, and one of at most so many.
    pub(crate) fn lasting(at_least: u64, at_most: u64) -> Self {
        Self {
            at_least,
            at_most,
            ..Self::default()
        }
    }

    /// A span with OTLP's number of a status.
    pub(crate) fn status(number: u8) -> Self {
        Self {
            statuses: bit(number),
            ..Self::default()
        }
    }

    /// A span with OTLP's number of a kind.
    pub(crate) fn kind(number: u8) -> Self {
        Self {
            kinds: bit(number),
            ..Self::default()
        }
    }

    /// Both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            at_least: self.at_least.max(other.at_least),
            at_most: self.at_most.min(other.at_most),
            statuses: self.statuses | other.statuses,
            kinds: self.kinds | other.kinds,
        }
    }
}

/// The bit of a small number; larger ones, which OTLP does not have, are not told apart and never asked for.
fn bit(number: u8) -> u8 {
    1_u8.checked_shl(number.into()).unwrap_or(0)
}
