//! Schedules queries: a bounded number at a time, each with a deadline, and none for a client that
//! has hung up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::stop::Stop;
use super::unread::Unread;

/// Queries that a server computes at a time. Each may hold the memory that its limits allow, so the number
/// is the same on every machine: a bound of memory that was measured on one holds on all.
pub(crate) const CONCURRENT: usize = 4;

/// Queries that may wait for each one that runs; further ones are refused at once.
const WAITING_FOR_EACH: usize = 64;

/// Bounds the number of queries that run at a time.
///
/// A query waits for a slot and keeps it until its computation has ended. When a client hangs up,
/// the future of its request is dropped and [`Stop`] tells the computation, which frees the slot at
/// its next check.
#[derive(Debug)]
pub struct Queries {
    places: Arc<Semaphore>,
    /// Slots for waiting and running queries together.
    open: Arc<Semaphore>,
    most: usize,
}

/// A query that was not computed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// Too many queries wait already.
    #[error("too many outstanding requests; ask again later")]
    Full,
    /// The timeout passed before a slot was free.
    #[error("the time was over before other queries had ended")]
    TimedOut,
    /// Responses that other clients do not read take all memory.
    #[error("too many responses wait until their clients read them; ask again later")]
    Unread,
    /// The computation panicked.
    #[error("the answer could not be computed")]
    Panicked,
}

impl Queries {
    /// Allows `most` computations at a time.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        let open = most.saturating_mul(WAITING_FOR_EACH + 1);
        Self {
            places: Arc::new(Semaphore::new(most)),
            open: Arc::new(Semaphore::new(open.min(Semaphore::MAX_PERMITS))),
            most,
        }
    }

    /// Largest number of concurrent computations.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// Runs `work` on a thread that may block, as soon as a slot is free. The timeout `time`
    /// includes the wait for a slot. When this future is dropped, which happens when the client
    /// hangs up, [`Stop::check`] fails in the computation.
    ///
    /// # Errors
    /// [`QueueError`]. A timeout while `work` runs is reported by `work` itself, through
    /// [`Stop::check`].
    pub async fn run<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, QueueError> {
        let (result, _slot) = self.compute(time, work).await?;
        Ok(result)
    }

    /// Runs `work` as [`run`](Self::run) does. It gives the body of a response beside what else belongs to
    /// it. The slot is kept until there is memory for the body in `unread`, so there are never more bodies
    /// without a reservation than slots.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`QueueError::Unread`].
    pub async fn respond<T: Send + 'static>(
        &self,
        time: Duration,
        unread: &Unread,
        work: impl FnOnce(&Stop) -> (T, Vec<u8>) + Send + 'static,
    ) -> Result<(T, Bytes), QueueError> {
        let ((head, body), _slot) = self.compute(time, work).await?;
        let body = unread.keep(body).await.ok_or(QueueError::Unread)?;
        Ok((head, body))
    }

    /// Runs `work`. Its slot comes back with the result.
    async fn compute<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<(T, Slot), QueueError> {
        let open = Arc::clone(&self.open).try_acquire_owned();
        let open = open.map_err(|_| QueueError::Full)?;
        let stop = Stop::after(time);
        let waiting = HangUp(stop.clone());
        let place = timeout(time, Arc::clone(&self.places).acquire_owned()).await;
        let place = match place {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(QueueError::Panicked),
            Err(_) => return Err(QueueError::TimedOut),
        };
        let slot = Slot(open, place);
        let done = tokio::task::spawn_blocking(move || (work(&stop), slot)).await;
        drop(waiting);
        done.map_err(|_| QueueError::Panicked)
    }
}

/// A slot of a query, free again when dropped.
struct Slot(
    #[expect(dead_code, reason = "held until dropped")] OwnedSemaphorePermit,
    #[expect(dead_code, reason = "held until dropped")] OwnedSemaphorePermit,
);

/// On drop, tells the computation that the client is gone. After the computation this has no
/// effect.
struct HangUp(Stop);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.hang_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Stopped;

    /// Computes until it is told to stop.
    fn endless(stop: &Stop) -> Stopped {
        loop {
            match stop.check() {
                Ok(()) => std::thread::yield_now(),
                Err(why) => return why,
            }
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_client_that_hangs_up_gives_its_place_back() {
        let queries = Queries::new(1);
        let (told, why) = tokio::sync::oneshot::channel();
        let asked = queries.run(LONG, move |stop| told.send(endless(stop)));
        let abandoned = timeout(Duration::from_millis(20), asked).await;
        assert!(abandoned.is_err());
        assert_eq!(why.await, Ok(Stopped::Gone));
        assert_eq!(queries.run(LONG, |_| 7).await, Ok(7));
    }

    #[tokio::test]
    async fn time_is_over_for_those_who_wait_and_for_those_who_compute() {
        let queries = Arc::new(Queries::new(1));
        let short = Duration::from_millis(50);
        let other = Arc::clone(&queries);
        let computing = tokio::spawn(async move {
            let long = Duration::from_millis(400);
            (other.run(long, endless).await, long)
        });
        while queries.places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(queries.run(short, |_| ()).await, Err(QueueError::TimedOut));
        let (why, long) = computing.await.expect("it ends");
        assert_eq!(why, Ok(Stopped::Late(long)));
    }

    #[tokio::test]
    async fn more_than_can_wait_are_refused_at_once() {
        let queries = Arc::new(Queries::new(1));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let other = Arc::clone(&queries);
        let first = tokio::spawn(async move { other.run(LONG, move |_| wait.recv()).await });
        let mut waiting = Vec::new();
        for _ in 0..WAITING_FOR_EACH {
            let other = Arc::clone(&queries);
            waiting.push(tokio::spawn(async move { other.run(LONG, |_| ()).await }));
        }
        while queries.open.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(queries.run(LONG, |_| ()).await, Err(QueueError::Full));
        drop(go);
        assert!(first.await.is_ok());
        for one in waiting {
            assert_eq!(one.await.expect("it ends"), Ok(()));
        }
    }

    #[tokio::test]
    async fn a_panic_costs_one_answer_and_no_place() {
        let queries = Queries::new(1);
        let failed: Result<(), _> = queries.run(LONG, |_| panic!("on purpose")).await;
        assert_eq!(failed, Err(QueueError::Panicked));
        assert_eq!(queries.run(LONG, |_| 1).await, Ok(1));
    }
}
