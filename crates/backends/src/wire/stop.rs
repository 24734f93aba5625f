//! Cancellation of computations: on timeout, or when the client has hung up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Tells a computation to end early.
///
/// A computation takes a `&Stop` and calls [`check`](Self::check) by the amount of work, not by the
/// number of results: a line that costs a second needs as many checks as ten thousand cheap lines. A
/// check costs about 30 ns, as much as comparing a short string. One check for each few hundred bytes
/// or each sample is a good rate.
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
    /// The deadline, and the timeout that it came from.
    deadline: Option<(Instant, Duration)>,
}

/// A computation that has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stopped {
    /// The timeout has passed.
    #[error("it took longer than {}, which is the most", Seconds(*.0))]
    Late(Duration),
    /// The client has hung up.
    #[error("who asked has hung up")]
    Gone,
}

/// Shows a duration in seconds.
struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

impl Stop {
    /// Stops `time` from now.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self {
            gone: Arc::default(),
            // A deadline beyond the range of the clock is no deadline.
            deadline: Instant::now().checked_add(time).map(|end| (end, time)),
        }
    }

    /// Never stops.
    #[must_use]
    pub fn never() -> Self {
        Self {
            gone: Arc::default(),
            deadline: None,
        }
    }

    /// Stops `time` from now if that is earlier, for requests that ask for a shorter timeout than
    /// the server's.
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

    /// Succeeds while the computation should go on.
    ///
    /// # Errors
    /// [`Stopped`]: the computation must end; it reports an error of its own query language.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(Stopped::Gone);
        }
        match self.deadline {
            Some((end, time)) if Instant::now() >= end => Err(Stopped::Late(time)),
            _ => Ok(()),
        }
    }

    /// Marks the client as gone.
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
