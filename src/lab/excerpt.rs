//! Text from outside, as it is shown.

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
