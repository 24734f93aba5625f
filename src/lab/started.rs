//! A trace that a request of the lab's own starts, so that the request can be found again by its id.

/// A trace that a request has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits, the parent of the server's span.
    pub span_id: String,
}

impl Started {
    /// Random ids.
    #[must_use]
    pub fn new() -> Self {
        // Neither may be zero.
        Self {
            trace_id: format!("{:032x}", rand::random::<u128>() | 1),
            span_id: format!("{:016x}", rand::random::<u64>() | 1),
        }
    }

    /// The W3C header that carries them, sampled.
    #[must_use]
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.span_id)
    }
}

impl Default for Started {
    fn default() -> Self {
        Self::new()
    }
}
