//! Findings: the request, the response and the advice for a promise that is not kept.

/// Reason why a promise is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The request, as a person could repeat it, or the expected thing.
    pub asked: String,
    /// The observation in the place of the expected one.
    pub came: String,
    /// Advice; `None` leaves it to the promise's own.
    pub check: Option<String>,
    /// True if waiting longer cannot help.
    pub settled: bool,
}

impl Finding {
    /// A finding that may go away with time.
    #[must_use]
    pub fn new(asked: impl Into<String>, came: impl Into<String>) -> Self {
        Self {
            asked: asked.into(),
            came: came.into(),
            check: None,
            settled: false,
        }
    }

    /// With advice of its own.
    #[must_use]
    pub fn check(mut self, advice: impl Into<String>) -> Self {
        self.check = Some(advice.into());
        self
    }

    /// As one that waiting cannot cure.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.settled = true;
        self
    }
}
