//! `compare`: how often do the values of each attribute occur among the selected spans, how often among the
//! others.
//!
//! Any attribute is counted, also one with another value in every span. So counts are kept sparsely, and an
//! attribute that has very many values counts no new ones; those that occur often have been seen by then.

use std::cmp::Reverse;
use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::AnyValue;

use super::exemplars::Exemplar;
use super::grid::Grid;
use super::{Labels, MAX_SAMPLES, Observer, TimeSeries, text};
use crate::traces::engine::search::SearchError;
use crate::traces::engine::{Compared, Computed, Key, Named, Patterns, Subject};
use crate::traces::lang::Compare;
use crate::traces::store::Dictionary;

/// Values that are counted of one attribute.
const MAX_VALUES: usize = 4_000;

/// Counts that are kept of all attributes together.
const MAX_COUNTS: usize = 2_000_000;

/// Names of the two sides, and of their totals.
const SIDES: [(&str, &str); 2] = [
    ("baseline", "baseline_total"),
    ("selection", "selection_total"),
];

/// Counts under way.
pub(super) struct Comparison<'m> {
    compare: &'m Compare,
    grid: Grid,
    compared: Option<Compared<'m>>,
    names: HashMap<String, usize>,
    attributes: Vec<Attribute>,
    /// Attributes by what names them in one portion of the store.
    known: HashMap<Named, usize>,
    /// Values by what they are in one portion of the store.
    known_values: HashMap<(usize, usize, Key), Option<usize>>,
    exemplars: [Vec<Exemplar>; 2],
    kept: usize,
}

/// One attribute: the others' side, and that of the selection.
struct Attribute {
    name: String,
    sides: [Side; 2],
}

#[derive(Default)]
struct Side {
    total: Counts,
    by_value: HashMap<String, usize>,
    values: Vec<Value>,
}

struct Value {
    value: AnyValue,
    counts: Counts,
}

/// Counts of intervals that have any, most of them in the order of time.
#[derive(Default)]
struct Counts {
    all: Vec<(u32, u32)>,
    sum: u64,
}

impl Counts {
    /// Counts once more. True if that took room.
    fn add(&mut self, interval: u32) -> bool {
        self.sum += 1;
        // Spans of one time come one after the other.
        let near = self.all.iter_mut().rev().take(4);
        if let Some((_, count)) = near.into_iter().find(|(known, _)| *known == interval) {
            *count += 1;
            return false;
        }
        self.all.push((interval, 1));
        if self.all.len().is_power_of_two() && self.all.len() > 64 {
            self.tidy();
        }
        true
    }

    /// Joins the counts of the same interval.
    fn tidy(&mut self) {
        self.all.sort_unstable();
        self.all.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                first.1 += later.1;
            }
            same
        });
    }

    fn values(&self, intervals: usize) -> Vec<f64> {
        let mut values = vec![0.0; intervals];
        for (interval, count) in &self.all {
            values[*interval as usize] += f64::from(*count);
        }
        values
    }
}

impl<'m> Comparison<'m> {
    pub(super) fn new(compare: &'m Compare, grid: &Grid) -> Self {
        Self {
            compare,
            grid: *grid,
            compared: None,
            names: HashMap::new(),
            attributes: Vec::new(),
            known: HashMap::new(),
            known_values: HashMap::new(),
            exemplars: [Vec::new(), Vec::new()],
            kept: 0,
        }
    }

    fn top(&self) -> usize {
        usize::try_from(self.compare.top).unwrap_or(usize::MAX)
    }

    pub(super) fn finished(self) -> Result<Vec<TimeSeries>, SearchError> {
        let (top, intervals) = (self.top(), self.grid.intervals());
        let mut series = Vec::new();
        for mut attribute in self.attributes {
            for (side, (of, total)) in attribute.sides.iter_mut().zip(SIDES) {
                if side.values.is_empty() && side.total.sum == 0 {
                    continue;
                }
                let labels = |of: &str, value| -> Labels {
                    vec![
                        ("__meta_type".to_owned(), text(of)),
                        (attribute.name.clone(), value),
                    ]
                };
                // Of values that occur equally often the first by name stay, so that an answer is the same each
                // time.
                side.values.sort_by_cached_key(|value| {
                    (Reverse(value.counts.sum), format!("{:?}", value.value))
                });
                side.values.truncate(top);
                if (series.len() + side.values.len()).saturating_mul(intervals) > MAX_SAMPLES {
                    return Err(SearchError::TooManySamples(MAX_SAMPLES));
                }
                for value in &side.values {
                    series.push(TimeSeries {
                        labels: labels(of, value.value.clone()),
                        values: value.counts.values(intervals),
                        exemplars: Vec::new(),
                    });
                }
                series.push(TimeSeries {
                    labels: labels(total, text("nil")),
                    values: side.total.values(intervals),
                    exemplars: Vec::new(),
                });
            }
        }
        // An exemplar has all attributes; as in Tempo it is told once, with one of them.
        for ((_, total), exemplars) in SIDES.into_iter().zip(self.exemplars) {
            let first = series
                .iter_mut()
                .find(|one| one.labels[0].1 == text(total) && one.labels[1].0 == "name");
            if let Some(first) = first {
                first.exemplars = exemplars;
            }
        }
        Ok(series)
    }
}

impl Observer for Comparison<'_> {
    fn prepare(&mut self, dictionary: &Dictionary, patterns: &mut Patterns) {
        self.compared = Some(Compared::new(self.compare, dictionary, patterns));
        self.known.clear();
        self.known_values.clear();
    }

    fn observe(&mut self, subject: &Subject<'_>, at: usize, interval: usize) {
        let Some(compared) = &self.compared else {
            return;
        };
        let interval = u32::try_from(interval).unwrap_or(u32::MAX);
        let selected = usize::from(compared.selects(subject, at));
        let dictionary = subject.dictionary;
        compared.each(subject, at, |name, value| {
            let place = *self.known.entry(name).or_insert_with(|| {
                let name = name.text(dictionary);
                *self.names.entry(name.clone()).or_insert_with(|| {
                    self.attributes.push(Attribute {
                        name,
                        sides: Default::default(),
                    });
                    self.attributes.len() - 1
                })
            });
            let side = &mut self.attributes[place].sides[selected];
            self.kept += usize::from(side.total.add(interval));
            let key = (place, selected, value.key());
            let nth = *self.known_values.entry(key).or_insert_with(|| {
                let value = match value {
                    // Tempo's frontend does not read these from its queriers.
                    Computed::Array(_) | Computed::Nil => text("nil"),
                    value => value.wire(dictionary),
                };
                let known = format!("{value:?}");
                if let Some(nth) = side.by_value.get(&known) {
                    return Some(*nth);
                }
                if side.values.len() >= MAX_VALUES {
                    return None;
                }
                subject.work.keeps(3 * known.len() + 256);
                side.by_value.insert(known, side.values.len());
                side.values.push(Value {
                    value,
                    counts: Counts::default(),
                });
                Some(side.values.len() - 1)
            });
            if let Some(nth) = nth {
                self.kept += usize::from(side.values[nth].counts.add(interval));
            }
        });
    }

    fn exemplar(&mut self, subject: &Subject<'_>, at: usize, mut exemplar: Exemplar) {
        let Some(compared) = &self.compared else {
            return;
        };
        let selected = usize::from(compared.selects(subject, at));
        compared.each(subject, at, |name, value| {
            let name = name.text(subject.dictionary);
            if exemplar.labels.iter().all(|(known, _)| *known != name) {
                let value = match value {
                    Computed::Array(_) | Computed::Nil => text("nil"),
                    value => value.wire(subject.dictionary),
                };
                exemplar.labels.push((name, value));
            }
        });
        self.exemplars[selected].push(exemplar);
    }

    fn series(&self) -> usize {
        let sides = self
            .attributes
            .iter()
            .flat_map(|attribute| &attribute.sides);
        // Tempo counts an attribute and its total.
        2 * sides.filter(|side| side.total.sum > 0).count()
    }

    fn samples(&self) -> usize {
        match self.kept > MAX_COUNTS {
            true => usize::MAX,
            false => 0,
        }
    }
}
