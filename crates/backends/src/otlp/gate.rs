//! The bounds that bodies pass on their way into a store: how many are decoded at the same time, and the
//! memory that all of them take together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::wire::intake::Intake;

/// Messages that are unpacked and decoded at the same time. More at once would not be faster on most machines.
const SLOTS: usize = 4;

/// The way in of one or several receivers. Its clones share their bounds.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    intake: Intake,
    slots: Arc<Semaphore>,
}

impl Gate {
    /// A gate whose bodies are read, unpacked and decoded within the bounds of `intake`.
    pub(crate) fn new(intake: Intake) -> Self {
        Self {
            intake,
            slots: Arc::new(Semaphore::new(SLOTS)),
        }
    }

    /// The bounds of bodies in bytes.
    pub(crate) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Waits for the turn of a message. Memory is asked for only in one's turn, so that those who wait hold
    /// nothing that the others wait for. Nobody closes the semaphore.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots).acquire_owned().await.ok()
    }
}
