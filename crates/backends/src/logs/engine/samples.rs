//! Turns lines into samples: each line that passes the pipeline is a sample of the series that its
//! labels name.

use std::collections::HashMap;

use super::budget::Budget;
use super::error::QueryError;
use super::fields::{Fields, PRESERVE_ERROR};
use super::filters::Condition;
use super::outcomes::Outcomes;
use super::pipeline::Pipeline;
use super::value::Labels;
use crate::logs::lang::units::parse_bytes;
use crate::logs::lang::{Grouping, LogRange, Unwrap, UnwrapConversion, parse_float};
use crate::logs::lines::pattern::Pattern;
use crate::logs::store::{Chunk, EntryRef, Quoted, Store, StreamView};
use crate::wire::duration::go;
use crate::wire::parts::in_parts;

/// `__error__` of a line whose unwrapped label is not a number.
const EXTRACTION: &str = "SampleExtractionErr";

/// Lines for which a thread of its own pays.
const LINES_FOR_A_THREAD: usize = 10_000;

/// Series that may be counted before they are aggregated.
const MAX_SERIES: usize = 100_000;

/// One sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Unix nanoseconds.
    pub(crate) ts: i64,
    /// Bytes of the line.
    pub(crate) bytes: usize,
    /// The unwrapped value, 1 without `unwrap`.
    pub(crate) value: f64,
}

/// Reads samples from the store.
pub(crate) struct Extractor<'q> {
    pipeline: Pipeline,
    range: &'q LogRange,
    /// The grouping that names the series; all labels when absent.
    grouping: Option<&'q Grouping>,
    filters: Vec<Condition>,
    /// The patterns whose captures decide what becomes of a line, if nothing else of it does.
    deciding: Option<Vec<Pattern>>,
}

/// The series found so far, by their encoded labels.
#[derive(Default)]
struct Known {
    index: HashMap<Vec<u8>, usize>,
    labels: Vec<Labels>,
    /// The labels that were looked up last, and their series.
    last: Vec<u8>,
    last_series: usize,
    /// The labels that are looked up now.
    key: Vec<u8>,
}

/// What a thread knows while it goes from line to line.
#[derive(Default)]
struct Reader<'v> {
    known: Known,
    fields: Fields<'v>,
    /// What became of lines of this chunk, where a few texts decide it.
    outcomes: Outcomes,
    /// The series of lines of this chunk whose labels no stage changed, by their metadata.
    unchanged: Vec<Option<usize>>,
}

/// Entries of a chunk that a query reads.
struct Run<'v> {
    view: &'v StreamView,
    chunk: &'v Chunk,
    from: usize,
    to: usize,
}

/// What one thread found.
pub(crate) struct Found<C> {
    /// For each of its series the index in [`Samples::labels`].
    pub(crate) series: Vec<usize>,
    pub(crate) collected: C,
}

/// What all threads found.
pub(crate) struct Samples<C> {
    /// The labels of all series.
    pub(crate) labels: Vec<Labels>,
    /// In the order of streams and chunks.
    pub(crate) parts: Vec<Found<C>>,
}

impl<'q> Extractor<'q> {
    pub(crate) fn new(
        range: &'q LogRange,
        grouping: Option<&'q Grouping>,
    ) -> Result<Self, QueryError> {
        let filters: Vec<Condition> = range
            .unwrap
            .iter()
            .flat_map(|unwrap| &unwrap.filters)
            .map(Condition::new)
            .collect::<Result<_, _>>()?;
        let mut pipeline = Pipeline::new(&range.log.stages)?;
        // Without a grouping, and with `without`, every label may identify the series.
        let groups = grouping.filter(|grouping| !grouping.without);
        let groups = groups.map(|grouping| grouping.labels.as_slice());
        let value = range.unwrap.as_ref().map(|unwrap| &*unwrap.label);
        pipeline.look_only_for(groups, &filters, value);
        Ok(Self {
            deciding: pipeline.deciding(),
            pipeline,
            range,
            grouping,
            filters,
        })
    }

    /// Calls `found` for each sample in `[start, end)` with the index of its series. Several threads share the
    /// lines; each collects into a `C` of its own and counts its series from 0.
    pub(crate) fn read<C: Default + Send>(
        &self,
        store: &Store,
        (start, end): (i64, i64),
        budget: &mut Budget,
        found: impl Fn(&mut C, usize, Sample, &mut Budget) -> Result<(), QueryError> + Sync,
    ) -> Result<Samples<C>, QueryError> {
        let matchers: Vec<_> = self
            .range
            .log
            .matchers
            .iter()
            .map(|matcher| matcher.compile())
            .collect::<Result<_, _>>()?;
        let start = start.max(store.oldest_visible());
        let views = store.select(&matchers, start, end);
        let chunks = views
            .iter()
            .flat_map(|view| view.chunks.iter().map(move |chunk| (view, chunk)));
        let runs: Vec<Run<'_>> = chunks
            .map(|(view, chunk)| {
                let (from, to) = chunk.range(start, end);
                Run {
                    view,
                    chunk,
                    from,
                    to,
                }
            })
            .collect();
        let shared = &*budget;
        let parts = in_parts(
            &runs,
            |run| run.to - run.from,
            LINES_FOR_A_THREAD,
            |runs| {
                let (mut reader, mut collected) = (Reader::default(), C::default());
                let mut budget = shared.share();
                for run in runs {
                    self.read_run(run, &mut reader, &mut budget, |series, sample, budget| {
                        found(&mut collected, series, sample, budget)
                    })?;
                }
                Ok((reader.known, collected))
            },
        );
        joined(parts)
    }

    fn read_run<'v>(
        &self,
        run: &Run<'v>,
        reader: &mut Reader<'v>,
        budget: &mut Budget,
        mut found: impl FnMut(usize, Sample, &mut Budget) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        if self.pipeline.excludes(run.chunk.text()) {
            return budget.work(run.chunk.text().len());
        }
        reader.outcomes.forget();
        reader.unchanged.clear();
        for entry in (run.from..run.to).filter_map(|at| run.chunk.entry(at)) {
            budget.spend()?;
            if !self.pipeline.passes(entry.line, budget)? {
                continue;
            }
            let Some(patterns) = &self.deciding else {
                if let Some((series, sample)) = self.line(run.view, entry, reader, budget)? {
                    found(series, sample, budget)?;
                }
                continue;
            };
            budget.work(entry.line.len())?;
            let known = reader.outcomes.of(entry.metadata_id, patterns, entry.line);
            let outcome = match known {
                Some(outcome) => outcome,
                None => {
                    let found = self.line(run.view, entry, reader, budget)?;
                    let outcome = found.map(|(series, sample)| (series, sample.value));
                    reader.outcomes.keep(outcome);
                    outcome
                }
            };
            if let Some((series, value)) = outcome {
                let (ts, bytes) = (entry.ts, entry.line.len());
                found(series, Sample { ts, bytes, value }, budget)?;
            }
        }
        Ok(())
    }

    /// The series and the sample of a line that passes the first line filters, or `None` if a later stage dropped it.
    fn line<'v>(
        &self,
        view: &'v StreamView,
        entry: EntryRef<'v>,
        reader: &mut Reader<'v>,
        budget: &mut Budget,
    ) -> Result<Option<(usize, Sample)>, QueryError> {
        let Reader {
            known,
            fields,
            unchanged,
            ..
        } = reader;
        let Some(sample) = self.sample(view, entry, fields, budget)? else {
            return Ok(None);
        };
        // If no stage changes labels, the series depends only on stream and metadata.
        let plain = !fields.is_changed() && self.range.unwrap.is_none();
        let slot = entry.metadata_id as usize;
        let cached = unchanged.get(slot).copied().flatten().filter(|_| plain);
        if let Some(series) = cached {
            return Ok(Some((series, sample)));
        }
        let series = self.series(fields, known, budget)?;
        if plain {
            unchanged.resize(unchanged.len().max(slot + 1), None);
            if let Some(cell) = unchanged.get_mut(slot) {
                *cell = Some(series);
            }
        }
        Ok(Some((series, sample)))
    }

    /// The sample of a line, or `None` if the pipeline dropped it.
    fn sample<'v>(
        &self,
        view: &'v StreamView,
        entry: EntryRef<'v>,
        fields: &mut Fields<'v>,
        budget: &mut Budget,
    ) -> Result<Option<Sample>, QueryError> {
        fields.reset(&view.labels, entry.metadata);
        let Some(line) = self.pipeline.run(entry.ts, entry.line, fields, budget)? else {
            return Ok(None);
        };
        let mut sample = Sample {
            ts: entry.ts,
            bytes: line.len(),
            value: 1.0,
        };
        if let Some(unwrap) = &self.range.unwrap {
            match unwrapped(unwrap, fields) {
                Some(value) => sample.value = value,
                None => return Ok(None),
            }
            let mut passed = true;
            for filter in &self.filters {
                passed &= filter.holds(fields);
            }
            if !passed {
                return Ok(None);
            }
        }
        // An error ends the query unless the query reads error labels.
        if let Some(error) = fields.error().filter(|_| !is_preserved(fields)) {
            let series: Vec<String> = fields
                .all()
                .iter()
                .map(|(name, value, _)| format!("{name}={}", Quoted(value)))
                .collect();
            return Err(QueryError::Pipeline {
                error: error.to_owned(),
                series: format!("{{{}}}", series.join(", ")),
            });
        }
        Ok(Some(sample))
    }

    /// The index of the series of a line.
    fn series(
        &self,
        fields: &Fields<'_>,
        known: &mut Known,
        budget: &mut Budget,
    ) -> Result<usize, QueryError> {
        let key = &mut known.key;
        key.clear();
        let mut push = |text: &str| {
            // Lengths make the encoding unambiguous for any content.
            key.extend_from_slice(&(text.len() as u64).to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        };
        match self.grouping {
            Some(Grouping {
                without: false,
                labels,
            }) if fields.error().is_none() => {
                for name in labels {
                    // A present but empty label differs from an absent one.
                    let value = fields.label(name);
                    push(if value.is_some() { "1" } else { "0" });
                    push(value.unwrap_or_default());
                }
            }
            _ => {
                for (name, value) in self.labels(fields) {
                    push(name);
                    push(value);
                }
            }
        }
        if known.key == known.last && !known.labels.is_empty() {
            return Ok(known.last_series);
        }
        known.last.clone_from(&known.key);
        if let Some(series) = known.index.get(known.key.as_slice()) {
            known.last_series = *series;
            return Ok(*series);
        }
        let series = known.labels.len();
        known.last_series = series;
        if series >= MAX_SERIES {
            return Err(QueryError::TooManySeries(MAX_SERIES));
        }
        budget.hold(2 * known.key.len() + 256)?;
        let labels = self.labels(fields);
        known.labels.push(Labels(
            labels
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        ));
        known.index.insert(known.key.clone(), series);
        Ok(series)
    }

    fn labels<'f>(&self, fields: &'f Fields<'_>) -> Vec<(&'f str, &'f str)> {
        if fields.error().is_some() {
            // A line with an error keeps all of its labels.
            let all = fields.all().into_iter();
            return all.map(|(name, value, _)| (name, value)).collect();
        }
        let unwrapped = self.range.unwrap.as_ref().map(|unwrap| &*unwrap.label);
        fields
            .all()
            .into_iter()
            .map(|(name, value, _)| (name, value))
            .filter(|(name, _)| match self.grouping {
                Some(grouping) => grouping.labels.iter().any(|l| l == name) != grouping.without,
                None => true,
            })
            .filter(|(name, _)| Some(*name) != unwrapped || self.names(name))
            .collect()
    }

    /// Tests whether the query names a label.
    fn names(&self, name: &str) -> bool {
        self.grouping
            .is_some_and(|g| !g.without && g.labels.iter().any(|label| label == name))
    }
}

/// Gives equal series of all threads one index. The error is that of the earliest line.
fn joined<C>(parts: Vec<Result<(Known, C), QueryError>>) -> Result<Samples<C>, QueryError> {
    let mut index: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut samples = Samples {
        labels: Vec::new(),
        parts: Vec::new(),
    };
    for part in parts {
        let (known, collected) = part?;
        let mut series = vec![0; known.labels.len()];
        let mut labels: Vec<Option<Labels>> = known.labels.into_iter().map(Some).collect();
        for (key, own) in known.index {
            let next = samples.labels.len();
            let at = *index.entry(key).or_insert(next);
            if at == next {
                samples
                    .labels
                    .extend(labels.get_mut(own).and_then(Option::take));
            }
            if let Some(cell) = series.get_mut(own) {
                *cell = at;
            }
        }
        if samples.labels.len() > MAX_SERIES {
            return Err(QueryError::TooManySeries(MAX_SERIES));
        }
        samples.parts.push(Found { series, collected });
    }
    Ok(samples)
}

/// The value of the unwrapped label; `None` if it is absent.
fn unwrapped(unwrap: &Unwrap, fields: &mut Fields<'_>) -> Option<f64> {
    let text = fields
        .label(&unwrap.label)
        .filter(|text| !text.is_empty())?;
    let value = match unwrap.conversion {
        UnwrapConversion::None => parse_float(text),
        UnwrapConversion::Bytes => parse_bytes(text).map(|bytes| bytes as f64),
        UnwrapConversion::Duration | UnwrapConversion::DurationSeconds => {
            go::parse(text).map(|nanos| nanos as f64 / 1e9)
        }
    };
    Some(value.unwrap_or_else(|details| {
        fields.fail(EXTRACTION, &details);
        0.0
    }))
}

/// Tests whether the query reads error labels.
fn is_preserved(fields: &Fields<'_>) -> bool {
    fields.label(PRESERVE_ERROR) == Some("true")
}
