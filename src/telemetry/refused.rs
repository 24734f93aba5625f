//! Tells of spans that the collector refused in exports that succeeded, without flooding the log.

use std::time::{Duration, Instant};

use tracing::warn;

use super::otlp::Answer;

/// Time between two log lines about spans that the collector has refused. It may refuse some of
/// every request, for as long as both run.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Most bytes of a collector's message that are logged.
const MAX_MESSAGE: usize = 1024;

/// Refusals and warnings of a collector in successful exports.
#[derive(Default)]
pub(super) struct Refused {
    /// Spans that no log line has reported yet.
    spans: u64,
    /// Its newest message; `None` when it is logged already.
    message: Option<String>,
    told: Option<Instant>,
}

impl Refused {
    /// Takes note of an answer, `rejected` spans of which were refused.
    pub(super) fn add(&mut self, rejected: u64, answer: Answer) {
        if rejected == 0 && answer.message.is_empty() {
            return;
        }
        self.spans += rejected;
        let mut message = answer.message;
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        self.message = Some(message);
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.tell();
        }
    }

    /// Logs the refusals that no line has reported yet.
    pub(super) fn tell(&mut self) {
        let Some(message) = self.message.take() else {
            return;
        };
        match std::mem::take(&mut self.spans) {
            0 => warn!(message_of_collector = message, "the collector warns"),
            spans => warn!(
                spans,
                message_of_collector = message,
                "the collector has refused spans; they count as failed"
            ),
        }
        self.told = Some(Instant::now());
    }
}
