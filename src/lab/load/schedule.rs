//! The time at which each request is due.

use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

/// Turns that may wait to be taken. Further turns wait for these, and a request that was not sent by the end
/// is missed.
const WAITING: usize = 1024;

/// One request of the schedule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Time at which it is due.
    pub(super) due: Instant,
}

/// Requests at an even pace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Instant,
    rate: f64,
    /// Number of them.
    pub(super) total: u64,
}

impl Schedule {
    /// The requests of `duration`, one at least, the first of them at once.
    pub(super) fn new(start: Instant, rate: f64, duration: Duration) -> Self {
        Self {
            start,
            rate,
            total: ((rate * duration.as_secs_f64()).round() as u64).max(1),
        }
    }

    fn due(&self, turn: u64) -> Instant {
        self.start + Duration::from_secs_f64(turn as f64 / self.rate)
    }

    /// Time at which the last request is due.
    pub(super) fn end(&self) -> Instant {
        self.due(self.total - 1)
    }

    /// Requests that should have been sent before `now`.
    pub(super) fn due_before(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_secs_f64();
        ((elapsed * self.rate).ceil() as u64).min(self.total)
    }

    /// Sends each turn when it is due, until the last one or until the receiver is gone. A thread keeps the
    /// time, because timers of the runtime are only exact to a millisecond.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn turns(self) -> std::io::Result<mpsc::Receiver<Turn>> {
        let (give, take) = mpsc::channel(WAITING);
        thread::Builder::new()
            .name("schedule".to_owned())
            .spawn(move || {
                for turn in 0..self.total {
                    let due = self.due(turn);
                    // Does not wait when it is late.
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    if give.blocking_send(Turn { due }).is_err() {
                        return;
                    }
                }
            })?;
        Ok(take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_evenly_spread_over_the_duration() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 4.0, Duration::from_secs(2));
        assert_eq!(schedule.total, 8);
        assert_eq!(schedule.due(3), start + Duration::from_millis(750));
        assert_eq!(schedule.end(), start + Duration::from_millis(1750));
        for (millis, due) in [(0, 0), (1, 1), (250, 1), (251, 2), (1999, 8), (9999, 8)] {
            let now = start + Duration::from_millis(millis);
            assert_eq!(schedule.due_before(now), due, "{millis} ms");
        }
    }

    #[test]
    fn there_is_always_a_request() {
        let schedule = Schedule::new(Instant::now(), 0.1, Duration::from_millis(1));
        assert_eq!(schedule.total, 1);
    }
}
