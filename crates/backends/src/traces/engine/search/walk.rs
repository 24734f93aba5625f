//! The way through the store: newest traces first, in portions short enough that ingest does not
//! wait, and not for ever.

use std::ops::ControlFlow;

use super::SearchError;
use crate::traces::engine::Work;
use crate::traces::store::{Candidates, Index, Store, Trace};

/// Spans that are looked at before others get their turn at the store.
const PORTION: usize = 10_000;

/// Where in its segment a trace stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Among the first by trace id, which come in that order.
    Head,
    /// Behind those, in order of arrival, which is how they lie in memory.
    Tail,
    /// All traces of the segment have been seen.
    End,
}

/// A portion: its place and its traces.
pub(super) type Portion<'p, 'i> = (Part, &'p mut dyn Iterator<Item = &'i Trace>);

/// Looks at the traces of a window (nanoseconds since the Unix epoch) by segments, the newest
/// segment first; in each the first `head` by trace id come before the others.
///
/// Numbers of texts hold only as long as one portion.
pub(super) fn walk(
    store: &Store,
    only: &Candidates<'_>,
    (start, end): (u64, u64),
    head: usize,
    work: &Work<'_>,
    mut look: impl FnMut(&Index, Portion<'_, '_>) -> ControlFlow<()>,
) -> Result<(), SearchError> {
    for numbers in store.candidates(only, (start, end)) {
        let (first, others) = store.read(|index| index.split_by_id(numbers, head));
        let parts = [
            (Part::Head, first),
            (Part::Tail, others),
            (Part::End, Vec::new()),
        ];
        for (part, numbers) in parts {
            let mut left = numbers.as_slice();
            while !left.is_empty() || part == Part::End {
                work.check()?;
                let flow = store.read(|index| {
                    let mut seen = 0;
                    let mut traces = std::iter::from_fn(|| {
                        while let Some((number, rest)) = left.split_first()
                            && seen < PORTION
                            && work.check().is_ok()
                        {
                            left = rest;
                            seen += 1;
                            let trace = index.trace(*number);
                            if let Some(trace) = trace.filter(|t| t.start <= end && t.end >= start)
                            {
                                seen += trace.spans.len();
                                return Some(trace);
                            }
                        }
                        None
                    });
                    look(index, (part, &mut traces))
                });
                // The result of the last trace may be incomplete.
                work.check()?;
                if flow.is_break() {
                    return Ok(());
                }
                if part == Part::End {
                    break;
                }
            }
        }
    }
    Ok(())
}
