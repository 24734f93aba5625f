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

/// Text from a server or a dashboard as one line that a terminal only shows: without control characters, and without
/// those that turn the direction of writing.
#[must_use]
pub(super) fn visible(text: &str) -> String {
    let visible = |character| match character {
        '\n' | '\t' => ' ',
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        other if other.is_control() => '?',
        other => other,
    };
    text.chars().map(visible).collect()
}

/// Text from a server, cut to what fits a report.
#[must_use]
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 300;
    let text = text.trim();
    let cut: String = text.chars().take(LONGEST).collect();
    let shown = visible(&cut);
    if text.chars().nth(LONGEST).is_some() {
        format!("{shown}…")
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_cannot_control_the_terminal_and_stays_short() {
        assert_eq!(excerpt(" a\x1b[2Jb\nc "), "a?[2Jb c");
        assert_eq!(excerpt(&"é".repeat(301)).chars().count(), 301);
    }
}
