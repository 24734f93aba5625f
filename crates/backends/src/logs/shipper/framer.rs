//! Splits bytes into lines: at newlines, cut at a limit, and made valid UTF-8.

use super::stats::{PipelineCounters, add};

/// Collects bytes until a line is whole.
#[derive(Debug)]
pub(crate) struct Framer {
    line: Vec<u8>,
    /// The line has reached its limit; the rest of it is discarded.
    cut: bool,
    max_bytes: usize,
}

impl Framer {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            line: Vec::new(),
            cut: false,
            max_bytes,
        }
    }

    /// Takes bytes and reports each line that they complete.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        counters: &PipelineCounters,
        mut found: impl FnMut(String),
    ) {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = self.max_bytes.saturating_sub(self.line.len());
            self.cut |= part.len() > room;
            self.line.extend(part.iter().take(room));
            if parts.peek().is_some() {
                found(self.take(counters));
            }
        }
    }

    /// The last line, if it did not end with a newline.
    pub(crate) fn finish(&mut self, counters: &PipelineCounters) -> Option<String> {
        (!self.line.is_empty()).then(|| self.take(counters))
    }

    fn take(&mut self, counters: &PipelineCounters) -> String {
        add(&counters.lines, 1);
        if std::mem::take(&mut self.cut) {
            add(&counters.truncated, 1);
        }
        let mut bytes = std::mem::take(&mut self.line);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let mut line = String::from_utf8(bytes).unwrap_or_else(|error| {
            add(&counters.invalid_utf8, 1);
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        // U+FFFD takes three bytes, so replacement may have made the line longer than the limit.
        shorten(&mut line, self.max_bytes);
        line
    }
}

/// Cuts a text to at most `max_bytes`, at a character boundary. Returns true if it was longer.
pub(crate) fn shorten(text: &mut String, max_bytes: usize) -> bool {
    if text.len() <= max_bytes {
        return false;
    }
    text.truncate(text.floor_char_boundary(max_bytes));
    true
}
