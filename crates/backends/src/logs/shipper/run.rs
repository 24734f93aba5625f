//! A pipeline reads one output of a process to its end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use regex::Regex;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::framer::Framer;
use super::multiline::{Block, Multiline, MultilineState};
use super::sink::Sink;
use super::stats::{PipelineCounters, PipelineStats, add};
use crate::logs::store::{Clock, Entry, LabelSet};

/// Expression of the regex stage for the lab's text format.
const LINE: &str = r"^(?P<time>\d{4}-\d{2}-\d{2} \d{1,2}:\d{2}:\d{2},\d{3}) (?P<message>(?s:.*))$";

/// Size of the read buffer.
const READ: usize = 64 << 10;

/// Longest line in bytes, Loki's `max_line_size`.
const MAX_LINE: usize = 256 << 10;

/// Stands for "no deadline": longer than any pipeline runs.
const FAR: Duration = Duration::from_secs(30 * 24 * 3600);

/// The stages of a pipeline.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    /// Joins lines to entries.
    pub multiline: Option<Multiline>,
    /// Extracts named groups. As in Promtail the groups alone change neither the line nor its time,
    /// and the lab has no stage that uses them.
    pub regex: Option<Regex>,
}

impl Stages {
    /// The stages for the text format of `app-*`.
    ///
    /// # Panics
    /// Never: the expression is a literal.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a literal")]
    pub fn text() -> Self {
        Self {
            multiline: Some(Multiline::contract()),
            regex: Some(Regex::new(LINE).expect("a literal")),
        }
    }

    /// One line is one entry: for `LOG_FORMAT=json`, and for all servers other than `app-*`.
    #[must_use]
    pub fn lines() -> Self {
        Self::default()
    }

    /// The groups that the regex stage extracts from an entry.
    pub fn extract<'e>(&'e self, entry: &'e str) -> Option<Vec<(&'e str, &'e str)>> {
        let regex = self.regex.as_ref()?;
        let captures = regex.captures(entry)?;
        let names = regex.capture_names().flatten();
        let group = |name| captures.name(name).map(|group| (name, group.as_str()));
        Some(names.filter_map(group).collect())
    }
}

/// A pipeline of one source.
pub struct Pipeline {
    labels: LabelSet,
    stages: Stages,
    sink: Arc<dyn Sink>,
    clock: Clock,
    counters: Arc<PipelineCounters>,
}

impl Pipeline {
    /// A pipeline that gives its entries `labels` (see [`super::contract_labels`]).
    #[must_use]
    pub fn new(labels: LabelSet, stages: Stages, sink: Arc<dyn Sink>, clock: Clock) -> Self {
        Self {
            labels,
            stages,
            sink,
            clock,
            counters: Arc::default(),
        }
    }

    /// Returns a function that reads the counters while the pipeline runs.
    pub fn stats(&self) -> impl Fn() -> PipelineStats + Send + Sync + use<> {
        let counters = Arc::clone(&self.counters);
        move || counters.read()
    }

    /// Reads the source to its end. Entries that wait for further lines are sent after `max_wait`,
    /// and at the end.
    ///
    /// # Errors
    /// The source could not be read. Entries read before are sent.
    pub async fn run(self, mut source: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut work = Work {
            framer: Framer::new(MAX_LINE),
            state: MultilineState::default(),
            last: i64::MIN,
            ready: Vec::new(),
        };
        let max_wait = self.stages.multiline.as_ref().map(|stage| stage.max_wait);
        let mut deadline = Instant::now() + FAR;
        let mut buffer = vec![0; READ];
        let ended = loop {
            match timeout_at(deadline, read(&mut source, &mut buffer)).await {
                Err(_) => {
                    let block = work.state.flush();
                    self.collect(&mut work, block);
                }
                Ok(Ok(0)) => break Ok(()),
                Ok(Ok(len)) => self.feed(&mut work, buffer.get(..len).unwrap_or_default()),
                Ok(Err(error)) => break Err(error),
            }
            let wait = max_wait.filter(|_| work.state.is_waiting());
            deadline = Instant::now() + wait.unwrap_or(FAR);
            self.hand_on(&mut work).await;
        };
        if let Some(line) = work.framer.finish(&self.counters) {
            self.line(&mut work, line);
        }
        let block = work.state.flush();
        self.collect(&mut work, block);
        self.hand_on(&mut work).await;
        ended
    }

    fn feed(&self, work: &mut Work, bytes: &[u8]) {
        let mut lines = Vec::new();
        work.framer
            .feed(bytes, &self.counters, |line| lines.push(line));
        for line in lines {
            self.line(work, line);
        }
    }

    fn line(&self, work: &mut Work, line: String) {
        // Equal lines need different times: the store would drop the second as a duplicate.
        work.last = self.clock.now().max(work.last.saturating_add(1));
        let ts = work.last;
        let Some(stage) = &self.stages.multiline else {
            work.ready.push(Entry::new(ts, line));
            return;
        };
        let mut done = Vec::new();
        work.state.feed(stage, ts, line, |block| done.push(block));
        self.collect(work, done);
    }

    fn collect(&self, work: &mut Work, blocks: impl IntoIterator<Item = Block>) {
        for block in blocks {
            add(&self.counters.truncated, usize::from(block.truncated));
            work.ready.push(Entry::new(block.ts, block.text));
        }
    }

    async fn hand_on(&self, work: &mut Work) {
        if work.ready.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut work.ready);
        add(&self.counters.entries, entries.len());
        self.sink.send(&self.labels, entries).await;
    }
}

/// State of a running pipeline.
struct Work {
    framer: Framer,
    state: MultilineState,
    /// Time of the last line.
    last: i64,
    ready: Vec<Entry>,
}

async fn read(source: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> io::Result<usize> {
    let mut buffer = ReadBuf::new(buffer);
    poll_fn(|context| Pin::new(&mut *source).poll_read(context, &mut buffer)).await?;
    Ok(buffer.filled().len())
}
