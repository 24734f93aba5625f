//! Questions that take time: no more at once than the machine bears, each with a deadline, and none
//! for a client that has hung up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::stop::Stop;

/// How many questions may wait for each one that is computed; more are refused at once.
const WAITING_FOR_EACH: usize = 64;

/// Places for questions that are computed at one time.
///
/// A question waits for a place and keeps it until its computation has ended. A client that hangs up
/// ends the future of its request, and [`Stop`] tells the computation, so that the place is free as
/// soon as the computation looks.
#[derive(Debug)]
pub struct Queries {
    places: Arc<Semaphore>,
    /// Those that wait and those that are computed.
    open: Arc<Semaphore>,
    most: usize,
}

/// Why a question was not computed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// Too many wait already.
    #[error("too many outstanding requests; ask again later")]
    TooMany,
    /// Its time was over before there was a place for it.
    #[error("the time was over before other queries had ended")]
    Queue,
    /// The computation panicked.
    #[error("the answer could not be computed")]
    Failed,
}

impl Queries {
    /// Room for `most` computations at a time.
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

    /// How many computations there may be at a time.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most
    }

    /// Runs `work` on a thread that may block, as soon as there is a place for it. The `time` begins
    /// now; waiting counts. When this future is dropped, as it is when the client hangs up, the
    /// computation's [`Stop`] says so.
    ///
    /// # Errors
    /// [`Unanswered`]. That the time is over while `work` runs is for `work` to notice and to tell.
    pub async fn run<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl FnOnce(&Stop) -> T + Send + 'static,
    ) -> Result<T, Unanswered> {
        let open = Arc::clone(&self.open).try_acquire_owned();
        let open = open.map_err(|_| Unanswered::TooMany)?;
        let stop = Stop::after(time);
        let waiting = HangUp(stop.clone());
        let place = timeout(time, Arc::clone(&self.places).acquire_owned()).await;
        let place = match place {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(Unanswered::Failed),
            Err(_) => return Err(Unanswered::Queue),
        };
        let done = tokio::task::spawn_blocking(move || {
            let _held = (open, place);
            work(&stop)
        })
        .await;
        drop(waiting);
        done.map_err(|_| Unanswered::Failed)
    }
}

/// Tells the computation when it is dropped. After the computation nobody listens.
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
        assert_eq!(queries.run(short, |_| ()).await, Err(Unanswered::Queue));
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
        assert_eq!(queries.run(LONG, |_| ()).await, Err(Unanswered::TooMany));
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
        assert_eq!(failed, Err(Unanswered::Failed));
        assert_eq!(queries.run(LONG, |_| 1).await, Ok(1));
    }
}
