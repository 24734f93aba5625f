//! From an exposition to samples in the store: all of a scrape or nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::config::Job;
use super::target::Metadata;
use crate::metrics::ingest::exposition::protobuf::{self, Histograms};
use crate::metrics::ingest::exposition::{
    Entry, Format, Pairs, ParseError, ParsedExemplar, ParsedHistogram, ParsedSample, parse,
};
use crate::metrics::labels::Labels;
use crate::metrics::sample::stale_nan;
use crate::metrics::store::{Appended, Exemplar, Series, SeriesLimit, Store};

/// Reasons to refuse a whole scrape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IngestError {
    /// Another content type, or none.
    #[error("{0}")]
    ContentType(String),
    /// Not UTF-8.
    #[error("invalid UTF-8 in the exposition at byte {0}")]
    Encoding(usize),
    /// Not valid in its format.
    #[error("invalid exposition: {0}")]
    Syntax(#[from] ParseError),
    /// Not valid as protobuf.
    #[error("invalid exposition: {0}")]
    Protobuf(String),
    /// More samples than the job allows.
    #[error("sample limit exceeded: more than {0} samples in one scrape")]
    SampleLimit(usize),
    /// More series than the store allows.
    #[error(transparent)]
    SeriesLimit(#[from] SeriesLimit),
}

/// Series that a scrape of a target saw, by id: those without a timestamp of their own, which end with
/// a staleness marker when the next scrape does not see them.
pub(super) type Seen = HashMap<u64, Arc<Series>>;

/// Counts of one scrape.
#[derive(Debug, Default)]
pub(super) struct Ingested {
    pub(super) samples: usize,
    pub(super) series_added: usize,
    pub(super) seen: Seen,
    pub(super) metadata: BTreeMap<String, Metadata>,
}

/// Where a scrape goes and how it is labelled.
pub(super) struct Batch<'a> {
    pub(super) store: &'a Store,
    pub(super) job: &'a Job,
    pub(super) target_labels: &'a Labels,
    /// Milliseconds.
    pub(super) time: i64,
}

impl Batch<'_> {
    /// Reads the body twice: first to see that all of it is valid and within the limits, then to store it.
    pub(super) fn ingest(
        &self,
        body: &[u8],
        content_type: Option<&str>,
        previous: &Seen,
    ) -> Result<Ingested, IngestError> {
        let format = Format::of_content_type(content_type).map_err(IngestError::ContentType)?;
        self.check(body, format)?;
        let mut result = Ingested::default();
        let mut problem = None;
        self.read(body, format, &mut |entry| {
            let stored = match entry {
                Entry::Sample(sample) => self.store_sample(sample, previous, &mut result),
                Entry::Histogram(one) => self.store_histogram(one, previous, &mut result),
                described => {
                    describe(&mut result, described);
                    Ok(())
                }
            };
            match stored {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    problem = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        match problem {
            // Another scrape took the last room between the two readings.
            Some(error) => {
                self.end(result.seen.values());
                Err(error.into())
            }
            None => Ok(result),
        }
    }

    /// Hands over each entry of a body.
    fn read(
        &self,
        body: &[u8],
        format: Format,
        each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
    ) -> Result<(), IngestError> {
        if format == Format::Protobuf {
            let histograms = Histograms {
                native: self.job.scrape_native_histograms,
                always_classic: self.job.always_scrape_classic_histograms,
            };
            return protobuf::parse(body, histograms, each).map_err(IngestError::Protobuf);
        }
        let text = std::str::from_utf8(body)
            .map_err(|error| IngestError::Encoding(error.valid_up_to()))?;
        Ok(parse(text, format, each)?)
    }

    fn check(&self, body: &[u8], format: Format) -> Result<(), IngestError> {
        let general = self.store.limits().max_scrape_samples;
        let limit = self
            .job
            .sample_limit
            .map_or(general, |own| own.min(general));
        let (mut samples, mut new) = (0, 0);
        self.read(body, format, &mut |entry| {
            let labels = match entry {
                Entry::Sample(sample) => sample.labels,
                Entry::Histogram(histogram) => histogram.labels,
                Entry::Type(..) | Entry::Help(..) | Entry::Unit(..) => {
                    return ControlFlow::Continue(());
                }
            };
            samples += 1;
            if samples > limit {
                return ControlFlow::Break(());
            }
            new += usize::from(!self.store.knows(&self.label(labels)));
            ControlFlow::Continue(())
        })?;
        if samples > limit {
            return Err(IngestError::SampleLimit(limit));
        }
        self.store.room_for(new)?;
        Ok(())
    }

    fn store_sample(
        &self,
        sample: ParsedSample<'_>,
        previous: &Seen,
        result: &mut Ingested,
    ) -> Result<(), SeriesLimit> {
        let ParsedSample {
            labels,
            value,
            timestamp,
            exemplar,
        } = sample;
        let append = |series: &Arc<Series>, time| {
            let store = self.store;
            store.append_to(series, time, value, self.time)
        };
        self.store(labels, timestamp, exemplar, append, previous, result)
    }

    fn store_histogram(
        &self,
        parsed: ParsedHistogram<'_>,
        previous: &Seen,
        result: &mut Ingested,
    ) -> Result<(), SeriesLimit> {
        let ParsedHistogram {
            labels,
            histogram,
            timestamp,
            exemplars,
        } = parsed;
        let append = |series: &Arc<Series>, time| {
            let store = self.store;
            store.append_histogram_to(series, time, histogram, self.time)
        };
        self.store(labels, timestamp, exemplars, append, previous, result)
    }

    /// Stores a sample of either kind, by `append` at its time, and its exemplars.
    fn store<'p>(
        &self,
        labels: Pairs<'_>,
        timestamp: Option<i64>,
        exemplars: impl IntoIterator<Item = ParsedExemplar<'p>>,
        append: impl FnOnce(&Arc<Series>, i64) -> Result<(Appended, Arc<Series>), SeriesLimit>,
        previous: &Seen,
        result: &mut Ingested,
    ) -> Result<(), SeriesLimit> {
        result.samples += 1;
        let own_time = timestamp.filter(|_| self.job.honor_timestamps);
        let time = own_time.unwrap_or(self.time);
        if self.store.refuses_time(time, self.time) {
            return Ok(());
        }
        let (series, _) = self.store.series_by_pairs(&self.label(labels))?;
        let (outcome, series) = append(&series, time)?;
        for exemplar in exemplars {
            self.store_exemplar(&series, exemplar, own_time);
        }
        // Notes a series without a time of its own.
        if own_time.is_none() && matches!(outcome, Appended::Stored | Appended::Repeated) {
            result.series_added += usize::from(!previous.contains_key(&series.id));
            result.seen.insert(series.id, series);
        }
        Ok(())
    }

    fn store_exemplar(
        &self,
        series: &Series,
        parsed: ParsedExemplar<'_>,
        sample_time: Option<i64>,
    ) {
        let exemplar = Exemplar {
            labels: Labels::from_pairs(
                parsed
                    .labels
                    .iter()
                    .map(|(name, value)| (name.as_ref(), value.as_ref())),
            ),
            value: parsed.value,
            timestamp: parsed.timestamp.or(sample_time).unwrap_or(self.time),
            has_timestamp: parsed.timestamp.is_some(),
        };
        self.store
            .add_exemplar(series.labels(), exemplar, self.time);
    }

    /// Adds the target's labels. Where both have one of the same name, the job says who wins; the
    /// scraped one then becomes `exported_…`.
    fn label<'a>(&'a self, mut scraped: Pairs<'a>) -> Pairs<'a> {
        for (name, value) in self.target_labels.iter() {
            if let Some(place) = scraped.iter().position(|(known, _)| known == name) {
                if self.job.honor_labels {
                    continue;
                }
                let mut moved = format!("exported_{name}");
                while scraped.iter().any(|(known, _)| *known == moved) {
                    moved.insert_str(0, "exported_");
                }
                scraped[place].0 = Cow::Owned(moved);
            }
            scraped.push((Cow::Borrowed(name), Cow::Borrowed(value)));
        }
        scraped.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        scraped
    }

    /// Ends series with a staleness marker.
    pub(super) fn end<'s>(&self, series: impl Iterator<Item = &'s Arc<Series>>) {
        for one in series {
            // A series that was evicted in between is brought back for a marker only when there is room.
            let _full = self.store.append_to(one, self.time, stale_nan(), self.time);
        }
    }

    /// Stores one of the samples that tell about the scrape itself.
    pub(super) fn report(&self, name: &str, value: f64) {
        let labels = self
            .target_labels
            .with(crate::metrics::labels::METRIC_NAME, name);
        let _full = self.store.append(&labels, self.time, value, self.time);
    }
}

/// Families of one target whose metadata is kept.
const MAX_FAMILIES: usize = 5_000;
/// Characters of a help text that are kept.
const MAX_HELP_CHARS: usize = 1_000;

/// Keeps what an entry tells about its family.
fn describe(result: &mut Ingested, entry: Entry<'_>) {
    let (Entry::Type(family, _) | Entry::Help(family, _) | Entry::Unit(family, _)) = &entry else {
        return;
    };
    let known = &mut result.metadata;
    if !known.contains_key(&**family) && known.len() < MAX_FAMILIES {
        known.insert(family.clone().into_owned(), Metadata::default());
    }
    let Some(known) = known.get_mut(&**family) else {
        return;
    };
    match entry {
        Entry::Type(_, kind) => known.kind = kind.to_owned(),
        Entry::Help(_, help) => known.help = help.chars().take(MAX_HELP_CHARS).collect(),
        Entry::Unit(_, unit) => known.unit = unit.to_owned(),
        Entry::Sample(_) | Entry::Histogram(_) => {}
    }
}
