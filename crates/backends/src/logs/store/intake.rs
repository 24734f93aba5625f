//! The way in: entries are checked against the limits, counted against the ingest rate, and stored.

use super::entry::{Entry, StreamEntries};
use super::error::{PushError, Refusal, go_time, rfc3339};
use super::labels::LabelSet;
use super::level::{self, LEVEL_LABEL};
use super::limits::{SERVICE_NAME, UNKNOWN_SERVICE, nanos};
use super::stream::Outcome;
use super::{Store, metadata_names, validate};
use crate::wire::Denied;

/// Entries that an out-of-order error lists (`max_returned_stream_errors`).
const LISTED_ERRORS: usize = 10;

impl Store {
    /// Counts entries that came without names that could be their labels.
    pub(crate) fn count_unusable(&self, entries: usize) {
        self.counters.refused_labels.add(entries);
    }

    /// Stores entries. Valid entries are kept even when an error is returned, except with
    /// [`PushError::RateLimited`].
    ///
    /// # Errors
    /// The first limit that was exceeded, in Loki's words.
    pub fn push(&self, streams: Vec<StreamEntries>) -> Result<(), PushError> {
        let now = self.now();
        let (valid, refusals) = self.valid(streams, now);
        let entries = || valid.iter().flat_map(|stream| &stream.entries);
        self.charge(entries().count(), entries().map(Entry::bytes).sum())?;
        let taken = self.store_all(valid, refusals, now);
        taken.problem.map_or(Ok(()), Err)
    }

    /// As [`push`](Self::push), for entries that the ingest rate has counted; says also how many are refused.
    pub(crate) fn take_charged(&self, streams: Vec<StreamEntries>) -> Taken {
        let now = self.now();
        let (valid, refusals) = self.valid(streams, now);
        self.store_all(valid, refusals, now)
    }

    /// Counts lines against the ingest rate.
    ///
    /// # Errors
    /// [`PushError::RateLimited`]: they must not be stored.
    pub(crate) fn charge(&self, lines: usize, bytes: usize) -> Result<(), PushError> {
        let Err(denied) = self.rate.lock().take(bytes, self.now()) else {
            return Ok(());
        };
        self.counters.refused_rate.add(lines);
        Err(PushError::RateLimited {
            limit: self.limits.ingest_bytes_per_second,
            lines,
            bytes,
            retry_after: match denied {
                Denied::RetryAfter(wait) => Some(wait),
                Denied::Never => None,
            },
        })
    }

    /// Leaves out, and counts, what breaks a limit whatever the store holds.
    fn valid(&self, streams: Vec<StreamEntries>, now: i64) -> (Vec<StreamEntries>, Refusals) {
        let mut refusals = Refusals::default();
        let mut valid = Vec::with_capacity(streams.len());
        for mut stream in streams {
            // As in Loki the labels of a stream without entries do not matter.
            if stream.entries.is_empty() {
                continue;
            }
            self.name_service(&mut stream.labels);
            if let Err(refusal) = validate::check_labels(&stream.labels, &self.limits) {
                validate::count(&refusal, stream.entries.len(), &self.counters);
                refusals.add(refusal, stream.entries.len());
                continue;
            }
            stream.entries.retain(|entry| {
                let checked = validate::check_entry(&stream.labels, entry, &self.limits, now);
                if let Err(refusal) = checked {
                    validate::count(&refusal, 1, &self.counters);
                    refusals.add(refusal, 1);
                    return false;
                }
                true
            });
            if !stream.entries.is_empty() {
                valid.push(stream);
            }
        }
        (valid, refusals)
    }

    /// Adds `service_name` to a stream without it, so that one without any label has one.
    fn name_service(&self, labels: &mut LabelSet) {
        let names = self.limits.discover_service_name;
        if names.is_empty() || labels.get(SERVICE_NAME).is_some() {
            return;
        }
        let found = names.iter().find_map(|name| labels.get(name));
        *labels = labels.with(SERVICE_NAME, found.unwrap_or(UNKNOWN_SERVICE));
    }

    fn store_all(&self, valid: Vec<StreamEntries>, refusals: Refusals, now: i64) -> Taken {
        let mut refused = refusals.entries;
        let mut stored = Ok(());
        for stream in valid {
            let (behind, outcome) = self.store(stream, now);
            refused += behind;
            stored = stored.and(outcome);
        }
        Taken {
            refused,
            problem: stored.and_then(|()| refusals.into_result()).err(),
        }
    }

    /// Stores the valid entries of one stream; says also how many of them were refused.
    fn store(&self, mut stream: StreamEntries, now: i64) -> (usize, Result<(), PushError>) {
        for entry in &mut stream.entries {
            self.complete_metadata(&stream.labels, entry);
        }
        if self.limits.increment_duplicate_timestamp {
            move_apart(&mut stream.entries);
        }
        let total = stream.entries.len();
        let window = nanos(self.limits.out_of_order_window);
        let (mut added, mut bytes, mut duplicates) = (0, 0, 0);
        let mut behind = Vec::new();
        let mut accepted = Vec::with_capacity(if self.tails.is_idle() { 0 } else { total });
        {
            let mut streams = self.streams.write();
            streams.drop_older_than(
                now.saturating_sub(nanos(self.limits.max_age)),
                now,
                &self.counters,
            );
            let Some(id) = streams.open(&stream.labels, self.limits.max_streams) else {
                self.counters.refused_streams.add(total);
                return (total, Err(PushError::TooManyStreams(stream.labels)));
            };
            for entry in stream.entries {
                let outcome = streams.change(id, &stream.labels, |stored| {
                    let metadata: Vec<(&str, &str)> = entry
                        .metadata
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str()))
                        .collect();
                    stored.insert(entry.ts, &entry.line, &metadata, window, self.shape)
                });
                match outcome {
                    Outcome::Added => {
                        added += 1;
                        bytes += entry.line.len();
                        streams.drop_beyond(self.limits.max_bytes, &self.counters);
                        if accepted.capacity() > 0 {
                            accepted.push(entry);
                        }
                    }
                    Outcome::Duplicate => duplicates += 1,
                    Outcome::TooFarBehind(oldest) => behind.push((entry.ts, oldest)),
                }
            }
        }
        self.counters.ingested_entries.add(added);
        self.counters.ingested_bytes.add(bytes);
        self.counters.duplicates.add(duplicates);
        self.counters.refused_out_of_order.add(behind.len());
        if !accepted.is_empty() {
            let lost = &self.counters.tail_dropped;
            self.tails.publish(&stream.labels, &accepted.into(), lost);
        }
        let outcome = too_far_behind(&stream.labels, &behind, total);
        (behind.len(), outcome)
    }

    /// Normalises the metadata and adds the detected level; the result is sorted by name.
    fn complete_metadata(&self, labels: &LabelSet, entry: &mut Entry) {
        metadata_names::normalise(entry);
        if !self.limits.discover_log_levels {
            return;
        }
        let mut metadata = entry.metadata.iter_mut();
        if let Some((_, level)) = metadata.find(|(name, _)| name == LEVEL_LABEL) {
            level::normalise(level);
        } else {
            let level = level::detect(labels, &entry.metadata, &entry.line).to_owned();
            let label = (LEVEL_LABEL.to_owned(), level);
            let at = entry.metadata.partition_point(|other| *other < label);
            entry.metadata.insert(at, label);
        }
    }
}

/// Moves entries of one time with different lines apart by a nanosecond each, as Loki's distributor
/// does with `increment_duplicate_timestamp`. Equal lines of one time stay duplicates.
fn move_apart(entries: &mut [Entry]) {
    let Some(first) = entries.first() else {
        return;
    };
    let mut sent = first.ts;
    for at in 1..entries.len() {
        let [before, entry] = &mut entries[at - 1..=at] else {
            continue;
        };
        let collides = entry.ts == sent || entry.ts == before.ts;
        if before.line != entry.line && collides {
            entry.ts = before.ts.saturating_add(1);
        } else {
            sent = entry.ts;
        }
    }
}

/// Outcome of entries that did not break the ingest rate.
pub(crate) struct Taken {
    /// Entries that are not stored.
    pub(crate) refused: usize,
    /// The first limit that was exceeded, in Loki's words.
    pub(crate) problem: Option<PushError>,
}

/// The refusals of one push.
#[derive(Default)]
struct Refusals {
    /// The first one of each kind with the number of refusals of that kind.
    kinds: Vec<(Refusal, usize)>,
    /// Entries that they concern.
    entries: usize,
}

impl Refusals {
    fn add(&mut self, refusal: Refusal, entries: usize) {
        self.entries += entries;
        let kind = std::mem::discriminant(&refusal);
        let known = |(first, _): &&mut (Refusal, usize)| std::mem::discriminant(first) == kind;
        match self.kinds.iter_mut().find(known) {
            Some((_, count)) => *count += 1,
            None => self.kinds.push((refusal, 1)),
        }
    }

    fn into_result(self) -> Result<(), PushError> {
        let text = match self.kinds.as_slice() {
            [] => return Ok(()),
            [(refusal, 1)] => refusal.to_string(),
            several => several
                .iter()
                .map(|(refusal, count)| format!("{count} errors like: {refusal}"))
                .collect::<Vec<_>>()
                .join("; "),
        };
        Err(PushError::Invalid(text))
    }
}

fn too_far_behind(labels: &LabelSet, behind: &[(i64, i64)], total: usize) -> Result<(), PushError> {
    if behind.is_empty() {
        return Ok(());
    }
    let mut text: String = behind
        .iter()
        .take(LISTED_ERRORS)
        .map(|(ts, oldest)| {
            format!(
                "entry with timestamp {} ignored, reason: 'entry too far behind, entry timestamp is: {}, oldest acceptable timestamp is: {}',\n",
                go_time(*ts),
                rfc3339(*ts),
                rfc3339(*oldest)
            )
        })
        .collect();
    text.push_str(&format!(
        "user 'fake', total ignored: {} out of {total} for stream: {labels}",
        behind.len()
    ));
    Err(PushError::OutOfOrder(text))
}
