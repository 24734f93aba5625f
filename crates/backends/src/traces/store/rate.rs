//! A token bucket: how many bytes may come in now, and when to come again.

use std::time::{Duration, SystemTime};

/// Refills at `per_second` up to `burst`.
pub(super) struct TokenBucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    filled_at: Option<SystemTime>,
}

/// Why bytes may not come in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Denied {
    /// There will be room after this time.
    RetryAfter(Duration),
    /// More than the bucket ever holds.
    Never,
}

impl TokenBucket {
    pub(super) fn new(per_second: u64, burst: u64) -> Self {
        Self {
            per_second: per_second as f64,
            burst: burst as f64,
            tokens: burst as f64,
            filled_at: None,
        }
    }

    /// Takes `bytes` out of the bucket, all or nothing.
    pub(super) fn take(&mut self, bytes: usize, now: SystemTime) -> Result<(), Denied> {
        let elapsed = self
            .filled_at
            .and_then(|then| now.duration_since(then).ok())
            .unwrap_or_default();
        self.filled_at = Some(now);
        self.tokens = (self.tokens + elapsed.as_secs_f64() * self.per_second).min(self.burst);
        let wanted = bytes as f64;
        if wanted <= self.tokens {
            self.tokens -= wanted;
            return Ok(());
        }
        if wanted > self.burst || self.per_second <= 0.0 {
            return Err(Denied::Never);
        }
        let seconds = (wanted - self.tokens) / self.per_second;
        Err(Denied::RetryAfter(Duration::from_secs_f64(
            seconds.min(3600.0),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_fits_after_the_time_that_was_named() {
        let start = SystemTime::UNIX_EPOCH;
        let mut bucket = TokenBucket::new(100, 200);
        assert_eq!(bucket.take(200, start), Ok(()));
        let wait = Duration::from_millis(500);
        assert_eq!(bucket.take(50, start), Err(Denied::RetryAfter(wait)));
        assert_eq!(bucket.take(50, start + wait), Ok(()));
        assert_eq!(bucket.take(201, start + wait), Err(Denied::Never));
    }
}
