//! Log queries: lines of all streams merged by time, up to a limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::budget::Budget;
use super::error::QueryError;
use super::fields::{Fields, Origin};
use super::pipeline::Pipeline;
use crate::logs::lang::LogExpr;
use crate::logs::store::{Chunk, EntryRef, LabelSet, Store, StreamView};
use crate::wire::Stop;

/// The order of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// A label of a returned line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OutputLabel {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its origin: the stream, structured metadata or a parser.
    pub origin: Origin,
}

/// A line that a log query returns.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// Unix nanoseconds.
    pub ts: i64,
    /// The line as the pipeline left it.
    pub line: String,
    /// All labels, sorted by name.
    pub(crate) labels: Vec<OutputLabel>,
}

impl LogLine {
    /// Its memory in bytes, including the JSON around it in the response.
    fn bytes(&self) -> usize {
        let label = |label: &OutputLabel| label.name.len() + label.value.len() + 64;
        self.line.len() + 64 + self.labels.iter().map(label).sum::<usize>()
    }
}

/// A log query with its bounds.
#[derive(Clone, Debug)]
pub struct LogQuery<'q> {
    /// The query.
    pub expr: &'q LogExpr,
    /// Start, Unix nanoseconds.
    pub start: i64,
    /// End (exclusive), Unix nanoseconds.
    pub end: i64,
    /// Largest number of lines.
    pub limit: usize,
    /// Order of the lines.
    pub direction: Direction,
    /// Smallest distance of two returned lines in nanoseconds; 0 returns all.
    pub interval: i64,
    /// Ends the query on timeout or when the client has hung up.
    pub stop: Stop,
}

/// The labels of a line after its pipeline.
#[must_use]
pub(crate) fn output_labels(fields: &Fields<'_>) -> Vec<OutputLabel> {
    fields
        .all()
        .into_iter()
        .map(|(name, value, origin)| OutputLabel {
            name: name.to_owned(),
            value: value.to_owned(),
            origin,
        })
        .collect()
}

type Entries<'v> = Box<dyn Iterator<Item = EntryRef<'v>> + 'v>;

/// A stream whose lines are being read.
struct Cursor<'v> {
    labels: &'v LabelSet,
    entries: Entries<'v>,
    pending: Option<LogLine>,
}

impl LogQuery<'_> {
    /// Runs the query: the lines of all streams, merged in the order of the direction.
    ///
    /// # Errors
    /// A stage is invalid, or the query took too long.
    pub fn run(&self, store: &Store) -> Result<Vec<LogLine>, QueryError> {
        let pipeline = Pipeline::new(&self.expr.stages)?;
        let mut budget = Budget::new(self.stop.clone(), store.limits().max_query_bytes);
        let matchers: Vec<_> = self
            .expr
            .matchers
            .iter()
            .map(|matcher| matcher.compile())
            .collect::<Result<_, _>>()?;
        let start = self.start.max(store.oldest_visible());
        let views = store.select(&matchers, start, self.end);
        let mut fields = Fields::default();
        let mut cursors: Vec<Cursor<'_>> = views
            .iter()
            .map(|view| Cursor {
                labels: &view.labels,
                entries: entries(view, &pipeline, (start, self.end), self.direction),
                pending: None,
            })
            .collect();
        let mut next = BinaryHeap::new();
        for (at, cursor) in cursors.iter_mut().enumerate() {
            self.advance(cursor, &pipeline, &mut fields, &mut budget)?;
            next.extend(self.rank(cursor).map(|rank| (rank, Reverse(at))));
        }
        let mut lines = Vec::new();
        let mut last: Option<i64> = None;
        while lines.len() < self.limit {
            let Some((_, Reverse(at))) = next.pop() else {
                break;
            };
            let Some(cursor) = cursors.get_mut(at) else {
                break;
            };
            if let Some(line) = cursor.pending.take() {
                let apart = last.is_none_or(|last| (line.ts - last).abs() >= self.interval);
                if apart {
                    last = Some(line.ts);
                    lines.push(line);
                } else {
                    budget.release(line.bytes());
                }
            }
            self.advance(cursor, &pipeline, &mut fields, &mut budget)?;
            next.extend(self.rank(cursor).map(|rank| (rank, Reverse(at))));
        }
        Ok(lines)
    }

    fn rank(&self, cursor: &Cursor<'_>) -> Option<i64> {
        let ts = cursor.pending.as_ref()?.ts;
        Some(match self.direction {
            Direction::Forward => ts.saturating_neg(),
            Direction::Backward => ts,
        })
    }

    /// Finds the next line of a stream that passes the pipeline.
    fn advance<'v>(
        &self,
        cursor: &mut Cursor<'v>,
        pipeline: &Pipeline,
        fields: &mut Fields<'v>,
        budget: &mut Budget,
    ) -> Result<(), QueryError> {
        for entry in cursor.entries.by_ref() {
            budget.spend()?;
            if !pipeline.passes(entry.line, budget)? {
                continue;
            }
            fields.reset(cursor.labels, entry.metadata);
            if let Some(line) = pipeline.run(entry.ts, entry.line, fields, budget)? {
                let line = LogLine {
                    ts: entry.ts,
                    line: line.into_owned(),
                    labels: output_labels(fields),
                };
                budget.hold(line.bytes())?;
                cursor.pending = Some(line);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The entries of a stream, except for chunks without a line that passes.
fn entries<'v>(
    view: &'v StreamView,
    pipeline: &'v Pipeline,
    (start, end): (i64, i64),
    direction: Direction,
) -> Entries<'v> {
    let chunks = view.chunks.iter();
    let matters = |chunk: &&Arc<Chunk>| !pipeline.excludes(chunk.text());
    match direction {
        Direction::Forward => Box::new(chunks.filter(matters).flat_map(move |chunk| {
            let (from, to) = chunk.range(start, end);
            (from..to).filter_map(move |at| chunk.entry(at))
        })),
        Direction::Backward => Box::new(chunks.rev().filter(matters).flat_map(move |chunk| {
            let (from, to) = chunk.range(start, end);
            (from..to).rev().filter_map(move |at| chunk.entry(at))
        })),
    }
}
