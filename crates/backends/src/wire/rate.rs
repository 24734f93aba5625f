//! The ingest rate: a token bucket in bytes.

use std::time::Duration;

/// Refills at `per_second` bytes a second, up to `burst` bytes.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    /// Unix nanoseconds of the last refill; `None` before the first request, when the bucket is full.
    filled_at: Option<i64>,
}

/// The bucket holds fewer bytes than were asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Denied {
    /// The same bytes fit after this time if nobody else takes any.
    RetryAfter(Duration),
    /// The bytes exceed the burst and never fit.
    Never,
}

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub(crate) fn new(per_second: u64, burst: u64) -> Self {
        Self {
            per_second: per_second as f64,
            burst: burst as f64,
            tokens: burst as f64,
            filled_at: None,
        }
    }

    /// Takes `bytes` at `now` (Unix nanoseconds), all or none. A clock that goes back refills nothing.
    ///
    /// # Errors
    /// [`Denied`]; the bucket is as it was.
    pub(crate) fn take(&mut self, bytes: usize, now: i64) -> Result<(), Denied> {
        let last = self.filled_at.unwrap_or(now);
        let elapsed = now.saturating_sub(last).max(0) as f64 / 1e9;
        self.filled_at = Some(last.max(now));
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        let wanted = bytes as f64;
        if wanted <= self.tokens {
            self.tokens -= wanted;
            return Ok(());
        }
        if wanted > self.burst || self.per_second <= 0.0 {
            return Err(Denied::Never);
        }
        let seconds = (wanted - self.tokens) / self.per_second;
        let wait = Duration::from_secs_f64(seconds.min(3600.0));
        Err(Denied::RetryAfter(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_fits_after_the_time_that_was_named() {
        let mut bucket = TokenBucket::new(100, 200);
        assert_eq!(bucket.take(200, 0), Ok(()));
        let wait = Duration::from_millis(500);
        assert_eq!(bucket.take(50, 0), Err(Denied::RetryAfter(wait)));
        assert_eq!(bucket.take(50, 500_000_000), Ok(()));
        assert_eq!(bucket.take(201, 500_000_000), Err(Denied::Never));
        assert_eq!(
            bucket.take(1, 0),
            Err(Denied::RetryAfter(Duration::from_millis(10)))
        );
    }
}
