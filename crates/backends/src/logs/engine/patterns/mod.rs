//! Patterns of lines, as Loki's pattern ingester finds them: lines of one stream and level that differ only in
//! some places, which the pattern shows as `<_>`.
//!
//! * [`tokens`]: a line cut into pieces, by its format
//! * [`drain`]: similar lines joined, by the Drain algorithm
//!
//! Loki finds them when lines come in. Here they are found when somebody asks, from the lines that are there,
//! so that nothing is spent as long as nobody asks.

mod drain;
mod tokens;

use std::collections::{BTreeMap, HashMap};

use drain::Drain;
use tokens::Format;

use super::{Budget, QueryError};
use crate::logs::store::{EntryRef, LabelMatcher, Store, StreamView};
use crate::wire::Stop;
use crate::wire::parts::in_parts;

/// Nanoseconds between two samples, at least.
pub(crate) const RESOLUTION: i64 = 10_000_000_000;

/// Lines that a pattern has at least.
const LEAST_LINES: u64 = 30;

/// Patterns of one answer.
const MAX_PATTERNS: usize = 300;

/// Lines that are worth a thread.
const LINES_FOR_A_THREAD: usize = 20_000;

/// Label of a line's level.
const LEVEL: &str = "detected_level";

/// Levels that have patterns of their own.
const LEVELS: [&str; 8] = [
    "unknown", "debug", "info", "warn", "error", "fatal", "critical", "trace",
];

/// A pattern over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatternSeries {
    pub(crate) pattern: String,
    pub(crate) level: &'static str,
    /// Nanoseconds since the Unix epoch, and the lines from there on.
    pub(crate) samples: Vec<(i64, u64)>,
}

/// Samples by level and pattern.
type Samples = HashMap<(&'static str, String), BTreeMap<i64, u64>>;

/// The patterns of the streams that pass all matchers, with their lines in `[start, end)`; the most frequent
/// come first.
///
/// # Errors
/// The query takes too long.
pub(crate) fn patterns(
    store: &Store,
    matchers: &[LabelMatcher],
    (start, end): (i64, i64),
    step: i64,
    stop: &Stop,
) -> Result<Vec<PatternSeries>, QueryError> {
    let step = step.max(RESOLUTION);
    // A pattern is about all lines of its stream, whatever is asked for.
    let oldest = store.oldest_visible();
    let views = store.select(matchers, oldest, i64::MAX);
    let budget = Budget::new(stop.clone(), store.limits().max_query_bytes);
    let parts = in_parts(
        &views,
        |view| view.chunks.iter().map(|chunk| chunk.len()).sum(),
        LINES_FOR_A_THREAD,
        |views| {
            let mut samples = Samples::new();
            let mut budget = budget.share();
            for view in views {
                of_stream(view, oldest, (start, end), step, &mut samples, &mut budget)?;
            }
            Ok::<_, QueryError>(samples)
        },
    );
    let mut all = Samples::new();
    for part in parts {
        for (key, samples) in part? {
            let known = all.entry(key).or_default();
            for (time, count) in samples {
                *known.entry(time).or_default() += count;
            }
        }
    }
    let mut series: Vec<(u64, PatternSeries)> = all
        .into_iter()
        .map(|((level, pattern), samples)| {
            let samples: Vec<(i64, u64)> = samples.into_iter().collect();
            let lines = samples.iter().map(|(_, count)| count).sum();
            let series = PatternSeries {
                pattern,
                level,
                samples,
            };
            (lines, series)
        })
        .filter(|(lines, _)| *lines >= LEAST_LINES)
        .collect();
    series.sort_by(|(a, one), (b, other)| {
        let names = |series: &PatternSeries| (series.pattern.clone(), series.level);
        b.cmp(a).then_with(|| names(one).cmp(&names(other)))
    });
    series.truncate(MAX_PATTERNS);
    Ok(series.into_iter().map(|(_, series)| series).collect())
}

fn of_stream(
    view: &StreamView,
    oldest: i64,
    (start, end): (i64, i64),
    step: i64,
    samples: &mut Samples,
    budget: &mut Budget,
) -> Result<(), QueryError> {
    let mut format = None;
    let mut drains: [Option<Drain>; LEVELS.len()] = Default::default();
    for chunk in &view.chunks {
        let (from, to) = chunk.range(oldest, i64::MAX);
        for entry in (from..to).filter_map(|at| chunk.entry(at)) {
            budget.spend()?;
            budget.work(4 * entry.line.len())?;
            let format = *format.get_or_insert_with(|| Format::of(entry.line));
            let drain = drains[level(&entry)].get_or_insert_with(|| Drain::new(format));
            drain.train(entry.line, entry.ts);
        }
    }
    for (drain, level) in drains.into_iter().zip(LEVELS) {
        for (pattern, times) in drain.into_iter().flat_map(Drain::patterns) {
            if pattern.is_empty() {
                continue;
            }
            let known = samples.entry((level, pattern)).or_default();
            let mut last: Option<i64> = None;
            for (time, count) in times {
                if time < start || time >= end {
                    continue;
                }
                let time = time - time.rem_euclid(step);
                // With a larger step than that of the samples, Loki fills gaps.
                if let (Some(last), true) = (last, step > RESOLUTION) {
                    let mut gap = last + step;
                    while gap < time {
                        known.entry(gap).or_default();
                        gap += step;
                    }
                }
                last = Some(time);
                *known.entry(time).or_default() += count;
            }
        }
    }
    Ok(())
}

/// The place of a line's level among the levels.
fn level(entry: &EntryRef<'_>) -> usize {
    let own = entry.metadata.iter().find(|(name, _)| &**name == LEVEL);
    let named = own.and_then(|(_, value)| {
        LEVELS
            .iter()
            .position(|level| value.eq_ignore_ascii_case(level))
    });
    named.unwrap_or(0)
}
