//! The ingest rate: a token bucket in bytes.

/// Lets `per_second` bytes through and `burst` bytes at once.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    last: i64,
}

impl TokenBucket {
    pub(crate) fn new(per_second: usize, burst: usize, now: i64) -> Self {
        Self {
            per_second: per_second as f64,
            burst: burst as f64,
            tokens: burst as f64,
            last: now,
        }
    }

    /// Takes `bytes` at `now` (Unix nanoseconds), all or nothing.
    pub(crate) fn take(&mut self, bytes: usize, now: i64) -> bool {
        let elapsed = now.saturating_sub(self.last).max(0) as f64 / 1e9;
        self.last = self.last.max(now);
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        let wanted = bytes as f64;
        if wanted > self.tokens {
            return false;
        }
        self.tokens -= wanted;
        true
    }
}
