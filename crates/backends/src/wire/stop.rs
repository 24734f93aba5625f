//! When a computation has to end before it is done: its time is over, or nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tells a computation whether to go on.
///
/// What computes an answer takes a `&Stop` and calls [`check`](Self::check) wherever work is done, by
/// the amount of work and not by the number of results: a line that costs a second needs as many looks
/// as ten thousand cheap ones. A look costs some 30 ns, about what it costs to compare a short text, so
/// once for each few hundred bytes or each sample is often enough and not too often.
///
/// ```
/// use std::time::Duration;
/// use lab_backends::wire::{Stop, Stopped};
///
/// fn longest(lines: &[&str], stop: &Stop) -> Result<usize, Stopped> {
///     let mut longest = 0;
///     for line in lines {
///         stop.check()?;
///         longest = longest.max(line.len());
///     }
///     Ok(longest)
/// }
///
/// assert_eq!(longest(&["a", "bc"], &Stop::after(Duration::from_secs(20))), Ok(2));
/// let late = Stop::after(Duration::ZERO);
/// assert_eq!(longest(&["a"], &late), Err(Stopped::Late(Duration::ZERO)));
/// ```
#[derive(Clone, Debug)]
pub struct Stop {
    gone: Arc<AtomicBool>,
    /// When the time is over, and how long it was.
    deadline: Option<(Instant, Duration)>,
}

/// Why a computation has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The time that it had is over.
    #[error("it took longer than {}, which is the most", Seconds(*.0))]
    Late(Duration),
    /// Who asked has hung up.
    #[error("who asked has hung up")]
    Gone,
}

/// A time as a person writes it.
struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

impl Stop {
    /// Ends what takes longer than `time` from now on.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self {
            gone: Arc::default(),
            // What cannot be reached on this clock is no bound.
            deadline: Instant::now().checked_add(time).map(|end| (end, time)),
        }
    }

    /// Ends nothing.
    #[must_use]
    pub fn never() -> Self {
        Self {
            gone: Arc::default(),
            deadline: None,
        }
    }

    /// The same, but within `time` from now on if that is sooner, as when a request asks for a shorter
    /// time than the server would give it.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        let own = Self::after(time).deadline;
        let sooner = match (self.deadline, own) {
            (Some(server), Some(own)) => Some(if own.0 < server.0 { own } else { server }),
            (server, own) => server.or(own),
        };
        Self {
            gone: Arc::clone(&self.gone),
            deadline: sooner,
        }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Stopped`], and then the computation ends with an error of its own language.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(Stopped::Gone);
        }
        match self.deadline {
            Some((end, time)) if Instant::now() >= end => Err(Stopped::Late(time)),
            _ => Ok(()),
        }
    }

    /// Says that nobody waits any more.
    pub(super) fn hang_up(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_time_wins_and_a_client_that_is_gone_stops_all() {
        let hour = Stop::after(Duration::from_secs(3600));
        assert_eq!(hour.check(), Ok(()));
        let none = hour.within(Duration::ZERO);
        assert_eq!(none.check(), Err(Stopped::Late(Duration::ZERO)));
        let longer = none.within(Duration::from_secs(3600));
        assert_eq!(longer.check(), Err(Stopped::Late(Duration::ZERO)));
        hour.hang_up();
        assert_eq!(hour.check(), Err(Stopped::Gone));
        assert_eq!(longer.check(), Err(Stopped::Gone));
        assert_eq!(Stop::never().within(Duration::MAX).check(), Ok(()));
    }
}
