//! Spans sorted into series by the values of their attributes.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::AnyValue;

use super::buckets::{bucket, quantile, value};
use super::cells::{Cells, Extreme};
use super::exemplars::Exemplar;
use super::grid::Grid;
use super::{Labels, MAX_SAMPLES, Observer, TimeSeries, number, text};
use crate::traces::engine::{Computed, Grouping, Key, Patterns, Subject};
use crate::traces::lang::{Field, Metrics, MetricsFunction};
use crate::traces::store::Dictionary;

/// Label of a bucket's upper bound.
const BUCKET: &str = "__bucket";

/// Label of a quantile.
const QUANTILE: &str = "p";

/// Series under way.
pub(super) struct Grouped<'m> {
    metrics: &'m Metrics,
    grid: Grid,
    names: Vec<String>,
    /// Each series goes with a bucket.
    buckets: bool,
    /// Reads what is computed with.
    of: Grouping,
    by: Grouping,
    /// The series by its values. Numbers of texts hold only in one portion of the store, and so do the keys
    /// made of them.
    known: HashMap<Vec<Key>, usize>,
    /// The values of the last span, and its series.
    last: (Vec<Key>, usize),
    key: Vec<Key>,
    by_labels: HashMap<String, usize>,
    all: Vec<Member>,
    /// Different labels, buckets aside.
    groups: usize,
    /// There are more samples than an answer may have.
    too_many: bool,
}

struct Member {
    labels: Labels,
    /// Upper bound of its bucket.
    bucket: Option<f64>,
    cells: Cells,
    exemplars: Vec<Exemplar>,
}

impl<'m> Grouped<'m> {
    pub(super) fn new(metrics: &'m Metrics, grid: &Grid) -> Self {
        use MetricsFunction::{AvgOverTime, HistogramOverTime, QuantileOverTime};
        let function = &metrics.function;
        let mut grouped = Self {
            metrics,
            grid: *grid,
            names: metrics.by.iter().map(ToString::to_string).collect(),
            buckets: matches!(function, QuantileOverTime(..) | HistogramOverTime(_)),
            of: Grouping::default(),
            by: Grouping::default(),
            known: HashMap::new(),
            last: (Vec::new(), 0),
            key: Vec::new(),
            by_labels: HashMap::new(),
            all: Vec::new(),
            groups: 0,
            too_many: false,
        };
        // One series that is there without any span.
        if metrics.by.is_empty() && !grouped.buckets && !matches!(function, AvgOverTime(_)) {
            grouped.add(vec![name_of(function)], None);
        }
        grouped
    }

    /// The series of these labels, unless there is no room for another one.
    fn add(&mut self, labels: Labels, bucket: Option<f64>) -> Option<usize> {
        use MetricsFunction::{AvgOverTime, MaxOverTime, MinOverTime, SumOverTime};
        let group = format!("{labels:?}");
        let with_bucket = format!("{bucket:?}{group}");
        if let Some(known) = self.by_labels.get(&with_bucket) {
            return Some(*known);
        }
        let intervals = self.grid.intervals();
        if (self.all.len() + 1).saturating_mul(intervals) > MAX_SAMPLES {
            self.too_many = true;
            return None;
        }
        if bucket.is_none() || !self.by_labels.contains_key(&group) {
            self.groups += 1;
        }
        self.all.push(Member {
            labels,
            bucket,
            cells: match self.metrics.function {
                MinOverTime(_) => Cells::extremes(intervals, Extreme::Least),
                MaxOverTime(_) => Cells::extremes(intervals, Extreme::Greatest),
                SumOverTime(_) => Cells::sums(intervals),
                AvgOverTime(_) => Cells::averages(intervals),
                _ => Cells::counts(intervals),
            },
            exemplars: Vec::new(),
        });
        let place = self.all.len() - 1;
        self.by_labels.insert(group, place);
        self.by_labels.insert(with_bucket, place);
        Some(place)
    }

    /// The series of a span.
    fn place(&mut self, subject: &Subject<'_>, at: usize, bucket: Option<f64>) -> Option<usize> {
        if self.metrics.by.is_empty() && !self.buckets {
            return match self.all.is_empty() {
                true => self.add(vec![name_of(&self.metrics.function)], None),
                false => Some(0),
            };
        }
        self.key.clear();
        for nth in 0..self.metrics.by.len() {
            self.key.push(self.by.value(subject, at, nth).key());
        }
        self.key
            .extend(bucket.map(|bound| Key::Float(bound.to_bits())));
        if self.last.0 == self.key {
            return Some(self.last.1);
        }
        let place = match self.known.get(self.key.as_slice()) {
            Some(place) => *place,
            None => {
                let place = self.add(self.labels(subject, at), bucket)?;
                self.known.insert(self.key.clone(), place);
                place
            }
        };
        self.last.0.clone_from(&self.key);
        self.last.1 = place;
        Some(place)
    }

    /// Labels of a span, without its bucket.
    fn labels(&self, subject: &Subject<'_>, at: usize) -> Labels {
        let mut labels = Vec::with_capacity(self.names.len() + 1);
        for (nth, name) in self.names.iter().enumerate() {
            let value = match self.by.value(subject, at, nth) {
                Computed::Nil => continue,
                // Tempo's frontend does not read these from its queriers.
                Computed::Array(_) => text("nil"),
                value => value.wire(subject.dictionary),
            };
            labels.push((name.clone(), value));
        }
        // A series must have a label.
        if let (true, false, Some(first)) = (labels.is_empty(), self.buckets, self.names.first()) {
            labels.push((first.clone(), text("nil")));
        }
        labels
    }

    /// What the function computes with, if there is such a number.
    fn value(&self, subject: &Subject<'_>, at: usize) -> Option<f64> {
        value(self.metrics.function.of()?, &self.of.value(subject, at, 0))
    }

    /// The series of a span, unless it belongs to none.
    fn place_of(&mut self, subject: &Subject<'_>, at: usize) -> Option<usize> {
        if !self.buckets {
            return self.place(subject, at, None);
        }
        let bound = bucket(&self.of.value(subject, at, 0))?;
        self.place(subject, at, Some(bound))
    }

    pub(super) fn finished(self) -> Vec<TimeSeries> {
        let per_span = match &self.metrics.function {
            MetricsFunction::Rate => 1.0 / self.grid.step().as_secs_f64(),
            MetricsFunction::QuantileOverTime(_, quantiles) => {
                return quantiles_of(self.all, quantiles, self.grid.intervals());
            }
            _ => 1.0,
        };
        let all = self.all.into_iter().map(|member| {
            let mut labels = member.labels;
            labels.extend(
                member
                    .bucket
                    .map(|bound| (BUCKET.to_owned(), number(bound))),
            );
            TimeSeries {
                labels,
                values: member.cells.finished(per_span),
                exemplars: member.exemplars,
            }
        });
        all.collect()
    }
}

impl Observer for Grouped<'_> {
    fn prepare(&mut self, dictionary: &Dictionary, _patterns: &mut Patterns) {
        let of: Vec<Field> = self.metrics.function.of().cloned().into_iter().collect();
        self.of = Grouping::new(&of, dictionary);
        self.by = Grouping::new(&self.metrics.by, dictionary);
        self.known.clear();
        // No span has this key.
        self.last = (vec![Key::Nil; self.names.len() + 2], 0);
    }

    fn observe(&mut self, subject: &Subject<'_>, at: usize, interval: usize) {
        let value = match self.metrics.function {
            MetricsFunction::MinOverTime(_)
            | MetricsFunction::MaxOverTime(_)
            | MetricsFunction::SumOverTime(_)
            | MetricsFunction::AvgOverTime(_) => match self.value(subject, at) {
                Some(value) => value,
                None => return,
            },
            _ => 0.0,
        };
        if let Some(place) = self.place_of(subject, at) {
            self.all[place].cells.add(interval, value);
        }
    }

    fn exemplar(&mut self, subject: &Subject<'_>, at: usize, mut exemplar: Exemplar) {
        use MetricsFunction::{CountOverTime, HistogramOverTime, Rate};
        if !matches!(
            self.metrics.function,
            Rate | CountOverTime | HistogramOverTime(_)
        ) {
            // Of a span that is not part of the series Tempo shows none.
            match self.value(subject, at) {
                Some(value) => exemplar.value = value,
                None => return,
            }
        }
        if let Some(place) = self.place_of(subject, at) {
            self.all[place].exemplars.push(exemplar);
        }
    }

    fn series(&self) -> usize {
        match &self.metrics.function {
            MetricsFunction::QuantileOverTime(_, quantiles) => self.groups * quantiles.len(),
            _ => self.all.len(),
        }
    }

    fn samples(&self) -> usize {
        if self.too_many {
            return usize::MAX;
        }
        let series = self.all.len().max(self.series());
        series.saturating_mul(self.grid.intervals())
    }
}

/// The label of a series that has no other.
fn name_of(function: &MetricsFunction) -> (String, AnyValue) {
    ("__name__".to_owned(), text(function.name()))
}

/// Series of quantiles, from series of buckets. Exemplars go to the quantile that is nearest.
fn quantiles_of(all: Vec<Member>, quantiles: &[f64], intervals: usize) -> Vec<TimeSeries> {
    // By labels, in order of appearance.
    let mut groups: Vec<(Labels, Vec<Member>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut overall: Vec<(f64, u64)> = Vec::new();
    let counts = |member: &Member| match &member.cells {
        Cells::Counts(counts) => counts.clone(),
        _ => Vec::new(),
    };
    for member in all {
        let bound = member.bucket.unwrap_or_default();
        let count = counts(&member).iter().sum::<f64>() as u64;
        match overall.iter_mut().find(|(other, _)| *other == bound) {
            Some((_, total)) => *total += count,
            None => overall.push((bound, count)),
        }
        let place = *places
            .entry(format!("{:?}", member.labels))
            .or_insert_with(|| {
                groups.push((member.labels.clone(), Vec::new()));
                groups.len() - 1
            });
        groups[place].1.push(member);
    }
    overall.sort_by(|a, b| a.0.total_cmp(&b.0));
    let typical: Vec<f64> = quantiles.iter().map(|q| quantile(*q, &overall)).collect();
    let nearest = |value: f64| {
        let distance = |at: &usize| (value - typical[*at]).abs();
        let all = 0..typical.len();
        all.min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    let mut series = Vec::new();
    for (labels, mut members) in groups {
        let bound = |member: &Member| member.bucket.unwrap_or_default();
        members.sort_by(|a, b| bound(a).total_cmp(&bound(b)));
        let members: Vec<(f64, Vec<f64>, Vec<Exemplar>)> = members
            .into_iter()
            .map(|member| (bound(&member), counts(&member), member.exemplars))
            .collect();
        for (nth, q) in quantiles.iter().enumerate() {
            // The same quantile twice is one series.
            if quantiles[..nth].contains(q) {
                continue;
            }
            let mut labels = labels.clone();
            labels.push((QUANTILE.to_owned(), number(*q)));
            let value = |interval: usize| {
                let filled = members
                    .iter()
                    .filter(|(_, counts, _)| counts[interval] > 0.0);
                let filled = filled.map(|(bound, counts, _)| (*bound, counts[interval] as u64));
                quantile(*q, &filled.collect::<Vec<_>>())
            };
            let of_this = members.iter().flat_map(|(_, _, exemplars)| exemplars);
            let of_this = of_this.filter(|exemplar| nearest(exemplar.value) == Some(nth));
            series.push(TimeSeries {
                labels,
                values: (0..intervals).map(value).collect(),
                exemplars: of_this.cloned().collect(),
            });
        }
    }
    series
}
