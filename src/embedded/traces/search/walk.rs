//! The way through the store: newest traces first, in portions short enough that ingest does not
//! wait, and not for ever.

use std::ops::ControlFlow;
use std::time::Instant;

use super::SearchError;
use crate::embedded::traces::store::{Inner, Only, Store, Trace};

/// Spans that are looked at before others get their turn at the store.
const PORTION: usize = 10_000;

/// Looks at the traces of a window (nanoseconds since the Unix epoch), by segments, newest first.
/// For each portion `begin` makes what `visit` works with,
/// since numbers of texts hold only as long as the portion.
pub(super) fn walk<P>(
    store: &Store,
    only: &Only<'_>,
    (start, end): (u64, u64),
    mut begin: impl FnMut(&Inner) -> P,
    mut visit: impl FnMut(&mut P, &Inner, &Trace) -> ControlFlow<()>,
    mut finish: impl FnMut(P, &Inner) -> ControlFlow<()>,
) -> Result<(), SearchError> {
    let longest = store.limits().max_search_time;
    let deadline = Instant::now() + longest;
    for mut numbers in store.candidates(only, (start, end)) {
        store.read(|inner| inner.sort_by_id(&mut numbers));
        let mut left = numbers.as_slice();
        while !left.is_empty() {
            if Instant::now() > deadline {
                return Err(SearchError::TooLong(longest.as_secs()));
            }
            let flow = store.read(|inner| {
                let mut portion = begin(inner);
                let mut seen = 0;
                while let Some((number, rest)) = left.split_first()
                    && seen < PORTION
                {
                    left = rest;
                    let trace = inner.trace(*number);
                    let Some(trace) = trace.filter(|t| t.start <= end && t.end >= start) else {
                        continue;
                    };
                    seen += 1 + trace.spans.len();
                    if visit(&mut portion, inner, trace).is_break() {
                        // What was found so far still counts.
                        let _ = finish(portion, inner);
                        return ControlFlow::Break(());
                    }
                }
                finish(portion, inner)
            });
            if flow.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}
