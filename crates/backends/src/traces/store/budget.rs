//! Bytes of a decoded message, counted before it is built. Ten million
//! empty spans are 20 MB on the wire, 87 KB of gzip, and gigabytes as messages.

use thiserror::Error;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::wire::measure::{self, TooMuch};

/// Bytes that one message may still take.
pub(crate) struct Budget {
    most: usize,
    left: usize,
}

/// A message takes more than it may.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "message is too large: its elements take more than {0} bytes of memory; send fewer spans at once"
)]
pub(crate) struct Spent(usize);

impl From<TooMuch> for Spent {
    fn from(TooMuch(most): TooMuch) -> Self {
        Self(most)
    }
}

impl Budget {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, left: most }
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
        self.left = self.left.checked_sub(bytes).ok_or(Spent(self.most))?;
        Ok(())
    }
}

/// Bounds of all messages that are being decoded at the same time.
pub(crate) struct Decoding {
    /// Those that are unpacked and looked at.
    slots: Semaphore,
    /// Memory of those that are built: a permit for each [`UNIT`].
    memory: Semaphore,
    most: usize,
}

/// More at once would not be faster on most machines.
const SLOTS: usize = 4;

const UNIT: usize = 1 << 10;

impl Decoding {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            slots: Semaphore::new(SLOTS),
            memory: Semaphore::new((bytes / UNIT).max(1)),
            most: bytes,
        }
    }

    /// Bytes that one message may take.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// The budget of one message.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.most)
    }

    /// Waits for the turn of a message. Nobody closes the semaphore.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// Waits until so much memory is free. It is asked for only in one's turn, so that those who
    /// wait hold nothing that the others wait for.
    pub(crate) async fn memory(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let units = bytes.div_ceil(UNIT).clamp(1, (self.most / UNIT).max(1));
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        self.memory.acquire_many(units).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_elements_and_texts() {
        let mut budget = Budget::new(200);
        assert_eq!(budget.element::<[u8; 50]>(), Ok(()));
        assert_eq!(budget.bytes(0), Ok(()));
        assert_eq!(budget.bytes(20), Ok(()));
        assert_eq!(budget.element::<[u8; 50]>(), Err(Spent(200)));
        assert_eq!(budget.pay(64), Ok(()));
        assert_eq!(budget.pay(1), Err(Spent(200)));
    }

    #[tokio::test]
    async fn memory_is_given_out_once_and_comes_back() {
        let decoding = Decoding::new(10 << 10);
        let most = decoding.memory(20 << 10).await;
        let waiting = decoding.memory(1);
        tokio::pin!(waiting);
        let soon = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, &mut waiting).await.is_err());
        drop(most);
        assert!(waiting.await.is_some());
    }
}
