//! Finding series: by their exact labels when ingesting, by postings of label name and value when querying.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::selector::Selector;
use super::series::Series;
use crate::metrics::labels::Labels;
use crate::wire::{Stop, Stopped};

/// Bytes of a series besides its samples and label strings: the struct, its maps' entries.
const SERIES_BYTES: usize = 400;
/// Bytes of one label of a series: the pair of shared strings and a posting.
const LABEL_BYTES: usize = 48;
/// Bytes of a distinct label value besides its text: counters, tree entry, list header.
const VALUE_BYTES: usize = 120;

/// All series with their postings. Ids only grow, so each posting list is sorted by construction.
#[derive(Debug, Default)]
pub(crate) struct Index {
    next_id: u64,
    hasher: RandomState,
    by_hash: HashMap<u64, Vec<Arc<Series>>>,
    by_id: HashMap<u64, Arc<Series>>,
    postings: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<u64>>>,
    bytes: usize,
}

impl Index {
    /// Series held.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Estimated bytes of series and postings, without samples.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The ids of the series by label and value.
    pub(crate) fn postings(&self) -> &BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<u64>>> {
        &self.postings
    }

    /// Each series, in no order.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Series>> {
        self.by_id.values()
    }

    fn hash<'a>(&self, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
        self.hasher
            .hash_one(PairHash(std::cell::RefCell::new(pairs)))
    }

    /// The series with exactly these sorted labels.
    pub(crate) fn find<N: AsRef<str>, V: AsRef<str>>(
        &self,
        pairs: &[(N, V)],
    ) -> Option<&Arc<Series>> {
        let hash = self.hash(
            pairs
                .iter()
                .map(|(name, value)| (name.as_ref(), value.as_ref())),
        );
        self.by_hash.get(&hash)?.iter().find(|series| {
            series.labels.len() == pairs.len()
                && series
                    .labels
                    .iter()
                    .zip(pairs)
                    .all(|((name, value), (n, v))| name == n.as_ref() && value == v.as_ref())
        })
    }

    /// Adds a series whose labels are sorted and not there yet.
    pub(crate) fn insert<N: AsRef<str>, V: AsRef<str>>(&mut self, pairs: &[(N, V)]) -> Arc<Series> {
        let id = self.next_id;
        self.next_id += 1;
        let mut shared = Vec::with_capacity(pairs.len());
        for (name, value) in pairs {
            shared.push(self.post(name.as_ref(), value.as_ref(), id));
        }
        self.bytes += SERIES_BYTES + shared.len() * LABEL_BYTES;
        let series = Arc::new(Series::new(id, Labels::from_sorted(shared)));
        let hash = self.hash(series.labels.iter());
        self.by_hash.entry(hash).or_default().push(series.clone());
        self.by_id.insert(id, series.clone());
        series
    }

    fn post(&mut self, name: &str, value: &str, id: u64) -> (Arc<str>, Arc<str>) {
        let name = match self.postings.get_key_value(name) {
            Some((known, _)) => known.clone(),
            None => {
                self.bytes += name.len() + VALUE_BYTES;
                Arc::from(name)
            }
        };
        let values = self.postings.entry(name.clone()).or_default();
        let value = match values.get_key_value(value) {
            Some((known, _)) => known.clone(),
            None => {
                self.bytes += value.len() + VALUE_BYTES;
                Arc::from(value)
            }
        };
        values.entry(value.clone()).or_default().push(id);
        (name, value)
    }

    /// Takes series out. Their samples are the caller's to account for.
    pub(crate) fn remove(&mut self, gone: &[Arc<Series>]) {
        let mut touched: HashMap<Arc<str>, HashSet<Arc<str>>> = HashMap::new();
        let mut ids = HashSet::with_capacity(gone.len());
        for series in gone {
            if self.by_id.remove(&series.id).is_none() {
                continue;
            }
            ids.insert(series.id);
            self.bytes -= SERIES_BYTES + series.labels.len() * LABEL_BYTES;
            let hash = self.hash(series.labels.iter());
            if let Some(bucket) = self.by_hash.get_mut(&hash) {
                bucket.retain(|other| other.id != series.id);
                if bucket.is_empty() {
                    self.by_hash.remove(&hash);
                }
            }
            for (name, value) in series.labels.pairs() {
                touched
                    .entry(name.clone())
                    .or_default()
                    .insert(value.clone());
            }
        }
        for (name, values) in touched {
            self.unpost(&name, &values, &ids);
        }
        if self.by_id.len() * 4 < self.by_id.capacity() {
            self.by_id.shrink_to_fit();
            self.by_hash.shrink_to_fit();
        }
    }

    fn unpost(&mut self, name: &Arc<str>, values: &HashSet<Arc<str>>, ids: &HashSet<u64>) {
        let Some(known) = self.postings.get_mut(name) else {
            return;
        };
        for value in values {
            if let Some(list) = known.get_mut(value) {
                list.retain(|id| !ids.contains(id));
                if list.is_empty() {
                    known.remove(value);
                    self.bytes -= value.len() + VALUE_BYTES;
                }
            }
        }
        if known.is_empty() {
            self.postings.remove(name);
            self.bytes -= name.len() + VALUE_BYTES;
        }
    }

    /// The series that all matchers accept, sorted by id.
    pub(crate) fn select(
        &self,
        selector: &Selector,
        stop: &Stop,
    ) -> Result<Vec<Arc<Series>>, Stopped> {
        let mut found = Vec::new();
        let mut look = |series: &Arc<Series>| {
            stop.check()?;
            if selector.accepts(&series.labels) {
                found.push(series.clone());
            }
            Ok(())
        };
        match self.candidates(selector, stop)? {
            Some(ids) => ids
                .iter()
                .filter_map(|id| self.by_id.get(id))
                .try_for_each(look)?,
            None => {
                self.by_id.values().try_for_each(&mut look)?;
                found.sort_unstable_by_key(|series| series.id);
            }
        }
        Ok(found)
    }

    /// The shortest list of ids that one matcher leaves; `None` when every matcher accepts absence.
    fn candidates(&self, selector: &Selector, stop: &Stop) -> Result<Option<Vec<u64>>, Stopped> {
        let mut best: Option<Vec<&Vec<u64>>> = None;
        let size = |lists: &[&Vec<u64>]| lists.iter().map(|list| list.len()).sum::<usize>();
        for matcher in selector.requiring() {
            let mut lists: Vec<&Vec<u64>> = Vec::new();
            match (self.postings.get(matcher.name()), matcher.exact()) {
                (None, _) => {}
                (Some(values), Some(value)) => lists.extend(values.get(value)),
                (Some(values), None) => {
                    for (value, list) in values {
                        stop.check()?;
                        if matcher.accepts(value) {
                            lists.push(list);
                        }
                    }
                }
            }
            if best.as_ref().is_none_or(|known| size(&lists) < size(known)) {
                best = Some(lists);
            }
        }
        let Some(best) = best else {
            return Ok(None);
        };
        let mut ids: Vec<u64> = best.into_iter().flatten().copied().collect();
        ids.sort_unstable();
        Ok(Some(ids))
    }

    /// Names of all labels, sorted.
    pub(crate) fn label_names(&self) -> Vec<String> {
        self.postings.keys().map(|name| name.to_string()).collect()
    }

    /// Values of one label, sorted.
    pub(crate) fn label_values(&self, name: &str) -> Vec<String> {
        self.postings
            .get(name)
            .map(|values| values.keys().map(|value| value.to_string()).collect())
            .unwrap_or_default()
    }
}

/// Hashes label pairs straight from an iterator, so that a lookup allocates nothing.
struct PairHash<I>(std::cell::RefCell<I>);

impl<'a, I: Iterator<Item = (&'a str, &'a str)>> std::hash::Hash for PairHash<I> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        for (name, value) in self.0.borrow_mut().by_ref() {
            name.hash(state);
            value.hash(state);
        }
    }
}
