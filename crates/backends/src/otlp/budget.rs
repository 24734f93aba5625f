//! Bytes of a decoded message, counted before it is built. Ten million
//! empty spans are 20 MB on the wire, 87 KB of gzip, and gigabytes as messages.

use thiserror::Error;

use crate::wire::measure;

/// Bytes that one message may still take.
pub(crate) struct Budget {
    most: usize,
    left: usize,
    elements: &'static str,
}

/// A message takes more than it may.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "message is too large: its elements take more than {most} bytes of memory; send fewer {elements} at once"
)]
pub(crate) struct Spent {
    most: usize,
    elements: &'static str,
}

impl Budget {
    /// A budget of `most` bytes. `elements` is the word for what the message consists of.
    pub(crate) fn new(most: usize, elements: &'static str) -> Self {
        Self {
            most,
            left: most,
            elements,
        }
    }

    /// Bytes that the whole message may take.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// The failure of a message that takes more.
    pub(crate) fn spent(&self) -> Spent {
        Spent {
            most: self.most,
            elements: self.elements,
        }
    }

    /// Pays for one more element of a list, whose capacity may be twice its length.
    pub(crate) fn element<T>(&mut self) -> Result<(), Spent> {
        self.pay(2 * size_of::<T>())
    }

    /// Pays for a text or for bytes, an empty one being free.
    pub(crate) fn bytes(&mut self, length: usize) -> Result<(), Spent> {
        self.pay(measure::text(length))
    }

    pub(crate) fn pay(&mut self, bytes: usize) -> Result<(), Spent> {
        self.left = self.left.checked_sub(bytes).ok_or(self.spent())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_elements_and_texts() {
        let mut budget = Budget::new(200, "spans");
        assert_eq!(budget.element::<[u8; 50]>(), Ok(()));
        assert_eq!(budget.bytes(0), Ok(()));
        assert_eq!(budget.bytes(20), Ok(()));
        assert_eq!(budget.element::<[u8; 50]>(), Err(budget.spent()));
        assert_eq!(budget.pay(64), Ok(()));
        assert_eq!(budget.pay(1), Err(budget.spent()));
    }
}
