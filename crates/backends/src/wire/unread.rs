//! Bounds the memory of responses that their clients have not read yet.
//!
//! A client decides when it reads. Until then its response stays in memory, long after the query that
//! computed it has freed its slot.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::room::{FREE, Room};

/// How long a response waits until other clients have read theirs. It keeps the slot of a query meanwhile, so
/// it is short: who reads at once is done by then.
const PATIENCE: Duration = Duration::from_millis(250);

/// The memory that unread responses of one server share.
#[derive(Clone, Debug)]
pub struct Unread {
    room: Room,
    patience: Duration,
}

/// The body of a response and its reservation.
struct Kept {
    body: Vec<u8>,
    _held: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Unread {
    /// All responses together may have `bytes`. A larger one waits until it is the only one.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            room: Room::new(bytes),
            patience: PATIENCE,
        }
    }

    /// Reserves the memory of a body. The reservation ends when the last part of the bytes is dropped,
    /// which is when it was sent or its connection has ended. Small bodies need none. `None`: the memory
    /// did not become free.
    pub async fn keep(&self, body: Vec<u8>) -> Option<Bytes> {
        if body.len() <= FREE {
            return Some(body.into());
        }
        // A body that grew may have twice the memory that it needs, which shrinking need not free.
        let held = timeout(self.patience, self.room.take(body.capacity())).await;
        let held = held.ok().flatten()?;
        Some(Bytes::from_owner(Kept { body, _held: held }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn the_room_of_a_response_is_free_when_its_last_part_is_gone() {
        let unread = Unread {
            patience: Duration::from_millis(20),
            ..Unread::new(4 * MIB)
        };
        let mut body = unread.keep(vec![b' '; 3 * MIB]).await.expect("room");
        let last = body.split_off(3 * MIB - 1);
        drop(body);
        assert_eq!(unread.keep(vec![b' '; 2 * MIB]).await, None);
        assert!(unread.keep(vec![b' '; FREE]).await.is_some());
        drop(last);
        let alone = unread.keep(vec![b' '; 5 * MIB]).await.expect("room");
        assert_eq!(alone.len(), 5 * MIB);
        assert_eq!(unread.keep(vec![b' '; FREE + 1]).await, None);
    }
}
