//! What of a request was not taken, and why.

/// Reasons to refuse a data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It has no form in Prometheus.
    Untranslatable,
    /// Its time is out of order or out of bounds.
    Time,
    /// The store has as many series as it may have.
    Full,
}

/// Messages of one request that are kept; the number of all others is told.
const MAX_MESSAGES: usize = 10;

/// Refused data points of a request.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Number of data points.
    pub(super) points: u64,
    messages: Vec<String>,
    more: usize,
    reasons: Vec<Reason>,
}

impl Report {
    /// Adds refused data points; none for what no data point brought.
    pub(super) fn add(&mut self, reason: Reason, points: usize, message: String) {
        self.points += points as u64;
        if !self.has(reason) {
            self.reasons.push(reason);
        }
        if self.messages.contains(&message) {
            return;
        }
        match self.messages.len() < MAX_MESSAGES {
            true => self.messages.push(message),
            false => self.more += 1,
        }
    }

    /// Adds one data point if it was refused.
    pub(super) fn note(&mut self, outcome: Result<(), (Reason, String)>) {
        if let Err((reason, message)) = outcome {
            self.add(reason, 1, message);
        }
    }

    /// True if something was refused for this reason.
    pub(super) fn has(&self, reason: Reason) -> bool {
        self.reasons.contains(&reason)
    }

    /// The messages, as Go joins errors: one a line.
    pub(super) fn text(&self) -> String {
        let mut text = self.messages.join("\n");
        if self.more > 0 {
            text.push_str(&format!("\nand {} more", self.more));
        }
        text
    }
}
