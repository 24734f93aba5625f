//! The multiline stage: a line that does not match `firstline` is appended to the entry before it.

use std::time::Duration;

use regex::Regex;

use super::framer::shorten;

/// Beginning of a line in the lab's text format.
const FIRST_LINE: &str = r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2}:\d{2}";

/// Settings of the stage, as in Promtail's configuration.
#[derive(Clone, Debug)]
pub struct Multiline {
    /// `firstline`: what the first line of an entry matches.
    pub firstline: Regex,
    /// `max_wait_time`: how long an entry waits for further lines.
    pub max_wait: Duration,
    /// `max_lines` of an entry.
    pub max_lines: usize,
    /// Bytes of an entry; what is beyond is cut.
    pub max_bytes: usize,
}

impl Multiline {
    /// The lab's settings: entries begin with a date, wait 3 s and have at most 128 lines.
    ///
    /// # Panics
    /// Never: the expression is a literal.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a literal")]
    pub fn contract() -> Self {
        Self {
            firstline: Regex::new(FIRST_LINE).expect("a literal"),
            max_wait: Duration::from_secs(3),
            max_lines: 128,
            max_bytes: 256 << 10,
        }
    }
}

/// An entry that is being put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Time of its first line, Unix nanoseconds.
    pub ts: i64,
    /// Its lines with newlines between them.
    pub text: String,
    /// Lines were cut to keep within `max_bytes`.
    pub truncated: bool,
    lines: usize,
}

impl Block {
    fn new(ts: i64, text: String) -> Self {
        Self {
            ts,
            text,
            truncated: false,
            lines: 1,
        }
    }
}

/// State of the stage for one stream.
#[derive(Debug, Default)]
pub(crate) struct MultilineState {
    block: Option<Block>,
    /// A first line was seen. Lines before it are passed on unchanged, each as an entry.
    started: bool,
}

impl MultilineState {
    /// Takes a line; reports every entry that it completes.
    pub(crate) fn feed(
        &mut self,
        stage: &Multiline,
        ts: i64,
        line: String,
        mut done: impl FnMut(Block),
    ) {
        if stage.firstline.is_match(&line) {
            self.started = true;
            self.block.take().into_iter().for_each(&mut done);
            self.block = Some(Block::new(ts, line));
        } else if !self.started {
            done(Block::new(ts, line));
            return;
        } else {
            match &mut self.block {
                Some(block) => {
                    block.text.push('\n');
                    block.text.push_str(&line);
                    block.lines += 1;
                    block.truncated |= shorten(&mut block.text, stage.max_bytes);
                }
                None => self.block = Some(Block::new(ts, line)),
            }
        }
        if self
            .block
            .as_ref()
            .is_some_and(|block| block.lines >= stage.max_lines)
        {
            self.block.take().into_iter().for_each(done);
        }
    }

    /// Takes the entry that waits for further lines. Called after `max_wait` and at the end.
    pub(crate) fn flush(&mut self) -> Option<Block> {
        self.block.take()
    }

    /// True while an entry waits for further lines.
    #[must_use]
    pub(crate) fn is_waiting(&self) -> bool {
        self.block.is_some()
    }
}
