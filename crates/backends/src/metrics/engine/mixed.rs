//! Functions over ranges that have histograms among their samples, as Prometheus 3 computes them.

use super::annotations::Note;
use super::grid::Sample;
use super::range::Mixed;
use super::{over_time, rate, regression};
use crate::metrics::histogram::{Hint, Histogram, Incompatible, Joined, Sum};

impl Mixed<'_> {
    fn note_incompatible(&self) {
        self.note(Note::mixed_schemas(self.name));
    }

    fn note_bounds(&self, joined: Joined, operation: &str) {
        if joined.bounds_differ {
            self.note(Note::bounds_differ(operation));
        }
    }

    /// Numbers and histograms in the order of their times.
    fn samples(&self) -> Vec<Sample> {
        let numbers = self.numbers.times.iter().zip(self.numbers.values);
        let mut samples: Vec<(i64, Sample)> = numbers
            .map(|(time, value)| (*time, Sample::Number(*value)))
            .collect();
        let histograms = self.histograms.iter();
        samples.extend(histograms.map(|(time, it)| (*time, Sample::Histogram(it.clone()))));
        samples.sort_by_key(|it| it.0);
        samples.into_iter().map(|it| it.1).collect()
    }
}

/// `count_over_time`
pub(super) fn count(mixed: &Mixed<'_>) -> Option<Sample> {
    let count = mixed.numbers.values.len() + mixed.histograms.len();
    Some(Sample::Number(count as f64))
}

/// `present_over_time` and `absent_over_time`
pub(super) fn present(_: &Mixed<'_>) -> Option<Sample> {
    Some(Sample::Number(1.0))
}

/// `first_over_time`
pub(super) fn first(mixed: &Mixed<'_>) -> Option<Sample> {
    let number = mixed
        .numbers
        .times
        .first()
        .zip(mixed.numbers.values.first());
    match (number, mixed.histograms.first()) {
        (Some((time, _)), Some((other, it))) if other < time => Some(Sample::Histogram(it.clone())),
        (Some((_, value)), _) => Some(Sample::Number(*value)),
        (None, histogram) => histogram.map(|(_, it)| Sample::Histogram(it.clone())),
    }
}

/// `last_over_time`
pub(super) fn last(mixed: &Mixed<'_>) -> Option<Sample> {
    let number = mixed.numbers.times.last().zip(mixed.numbers.values.last());
    match (number, mixed.histograms.last()) {
        (Some((time, value)), Some((other, _))) if other < time => Some(Sample::Number(*value)),
        (_, Some((_, it))) => Some(Sample::Histogram(it.clone())),
        (number, None) => number.map(|(_, value)| Sample::Number(*value)),
    }
}

/// `changes`
pub(super) fn changes(mixed: &Mixed<'_>) -> Option<Sample> {
    Some(count_pairs(mixed, |before, after| match (before, after) {
        (Sample::Number(before), Sample::Number(after)) => {
            after != before && !(after.is_nan() && before.is_nan())
        }
        (Sample::Histogram(before), Sample::Histogram(after)) => !after.equals(before),
        _ => true,
    }))
}

/// `resets`
pub(super) fn resets(mixed: &Mixed<'_>) -> Option<Sample> {
    Some(count_pairs(mixed, |before, after| match (before, after) {
        (Sample::Number(before), Sample::Number(after)) => after < before,
        (Sample::Histogram(before), Sample::Histogram(after)) => after.is_reset_since(before),
        _ => true,
    }))
}

fn count_pairs(mixed: &Mixed<'_>, counts: impl Fn(&Sample, &Sample) -> bool) -> Sample {
    let samples = mixed.samples();
    let pairs = samples.windows(2).filter(|pair| counts(&pair[0], &pair[1]));
    Sample::Number(pairs.count() as f64)
}

/// `min_over_time`
pub(super) fn min(mixed: &Mixed<'_>) -> Option<Sample> {
    mixed.numbers_alone(over_time::min)
}

/// `max_over_time`
pub(super) fn max(mixed: &Mixed<'_>) -> Option<Sample> {
    mixed.numbers_alone(over_time::max)
}

/// `stdvar_over_time`
pub(super) fn variance(mixed: &Mixed<'_>) -> Option<Sample> {
    mixed.numbers_alone(|window| Some(over_time::variance(window)))
}

/// `stddev_over_time`
pub(super) fn deviation(mixed: &Mixed<'_>) -> Option<Sample> {
    mixed.numbers_alone(|window| Some(over_time::variance(window).sqrt()))
}

/// `deriv`
pub(super) fn deriv(mixed: &Mixed<'_>) -> Option<Sample> {
    mixed.numbers_alone(regression::deriv)
}

/// `sum_over_time`
pub(super) fn sum(mixed: &Mixed<'_>) -> Option<Sample> {
    aggregate(mixed, false)
}

/// `avg_over_time`
pub(super) fn average(mixed: &Mixed<'_>) -> Option<Sample> {
    aggregate(mixed, true)
}

fn aggregate(mixed: &Mixed<'_>, average: bool) -> Option<Sample> {
    if mixed.is_mixed() {
        return None;
    }
    let ((_, first), rest) = mixed.histograms.split_first()?;
    let mut total = Total::new(first, average);
    for (_, histogram) in rest {
        if total.add(histogram).is_err() {
            mixed.note_incompatible();
            return None;
        }
    }
    if total.resets_collide() {
        mixed.note(Note::resets_collide("aggregation"));
    }
    if total.bounds_differ {
        mixed.note(Note::bounds_differ("aggregation"));
    }
    Some(total.value().into())
}

/// A sum or an average of histograms.
pub(super) struct Total {
    sum: Sum,
    count: f64,
    average: bool,
    /// An average that is no longer computed from the sum, which would be infinite.
    incremental: bool,
    saw_reset: bool,
    saw_no_reset: bool,
    pub(super) bounds_differ: bool,
}

impl Total {
    pub(super) fn new(first: &Histogram, average: bool) -> Self {
        let mut total = Self {
            sum: Sum::of(first),
            count: 1.0,
            average,
            incremental: false,
            saw_reset: false,
            saw_no_reset: false,
            bounds_differ: false,
        };
        total.see(first);
        total
    }

    fn see(&mut self, histogram: &Histogram) {
        self.saw_reset |= histogram.hint == Hint::Reset;
        self.saw_no_reset |= histogram.hint == Hint::NotReset;
    }

    /// Adds one more.
    ///
    /// # Errors
    /// When one has exponential buckets and the other custom ones.
    pub(super) fn add(&mut self, histogram: &Histogram) -> Result<(), Incompatible> {
        self.see(histogram);
        self.count += 1.0;
        if !self.average {
            self.bounds_differ |= self.sum.add(histogram)?.bounds_differ;
            return Ok(());
        }
        if !self.incremental {
            let mut next = self.sum.clone();
            self.bounds_differ |= next.add(histogram)?.bounds_differ;
            if !next.overflows() {
                self.sum = next;
                return Ok(());
            }
            self.incremental = true;
            self.sum.divide(self.count - 1.0);
        }
        self.sum.multiply((self.count - 1.0) / self.count);
        let mut share = histogram.clone();
        share.divide(self.count);
        self.bounds_differ |= self.sum.add(&share)?.bounds_differ;
        Ok(())
    }

    /// True if some came after a counter reset and others did not.
    pub(super) fn resets_collide(&self) -> bool {
        self.saw_reset && self.saw_no_reset
    }

    pub(super) fn value(mut self) -> Histogram {
        if self.average && !self.incremental {
            self.sum.divide(self.count);
        }
        self.sum.total()
    }
}

/// `rate`, `increase` and `delta`
pub(super) fn extrapolated(
    mixed: &Mixed<'_>,
    is_counter: bool,
    per_second: bool,
) -> Option<Sample> {
    if mixed.is_mixed() || mixed.histograms.len() < 2 {
        return None;
    }
    let mut change = change(mixed, is_counter)?;
    let (_, first) = mixed.histograms.first()?;
    let mut window = mixed.numbers;
    let times: Vec<i64> = mixed.histograms.iter().map(|it| it.0).collect();
    window.times = &times;
    let share = (is_counter && change.count > 0.0 && first.count >= 0.0)
        .then(|| first.count / change.count);
    change.multiply(rate::factor(&window, share, per_second));
    Some(change.into())
}

/// The change from the first to the last histogram; resets of a counter do not count.
fn change(mixed: &Mixed<'_>, is_counter: bool) -> Option<Histogram> {
    let [(_, first), rest @ ..] = mixed.histograms else {
        return None;
    };
    let ((_, second), (_, last)) = (rest.first()?, rest.last()?);
    let gauge = |histogram: &Histogram| histogram.hint == Hint::Gauge;
    if is_counter && (gauge(first) || gauge(last)) {
        mixed.note(Note::not_a_counter(mixed.name));
    }
    // What was before a reset does not matter, whatever its buckets are.
    let empty = Histogram {
        schema: second.schema,
        bounds: second.bounds.clone(),
        ..Histogram::default()
    };
    let start: &Histogram = match is_counter && second.is_reset_since(first) {
        true => &empty,
        false => first,
    };
    let custom = start.is_custom();
    if last.is_custom() != custom {
        mixed.note_incompatible();
        return None;
    }
    let mut schema = last.schema.min(start.schema);
    if is_counter {
        for (_, histogram) in rest.split_last()?.1 {
            if gauge(histogram) {
                mixed.note(Note::not_a_counter(mixed.name));
            }
            schema = schema.min(histogram.schema);
            if histogram.is_custom() != custom {
                mixed.note_incompatible();
                return None;
            }
        }
    }
    let mut change = Histogram::clone(last);
    if schema < change.schema {
        change.reduce(schema);
    }
    let joined = change.subtract(start);
    let joined = joined.inspect_err(|_| mixed.note_incompatible()).ok()?;
    mixed.note_bounds(joined, "subtraction");
    if is_counter {
        let mut previous = start;
        for (_, histogram) in rest {
            if histogram.is_reset_since(previous) {
                let joined = change.add(previous);
                let joined = joined.inspect_err(|_| mixed.note_incompatible()).ok()?;
                mixed.note_bounds(joined, "addition");
            }
            previous = histogram;
        }
    } else if !gauge(first) || !gauge(last) {
        mixed.note(Note::not_a_gauge(mixed.name));
    }
    change.hint = Hint::Gauge;
    change.compact();
    Some(change)
}

/// `irate` and `idelta`
pub(super) fn instant(mixed: &Mixed<'_>, is_rate: bool) -> Option<Sample> {
    let (numbers, histograms) = (&mixed.numbers, mixed.histograms);
    let mut newest: Vec<(i64, Sample)> = numbers
        .times
        .iter()
        .zip(numbers.values)
        .rev()
        .take(2)
        .map(|(time, value)| (*time, Sample::Number(*value)))
        .collect();
    let of_histograms = histograms.iter().rev().take(2);
    newest.extend(of_histograms.map(|(time, it)| (*time, Sample::Histogram(it.clone()))));
    newest.sort_by_key(|it| std::cmp::Reverse(it.0));
    let [(last_time, last), (before_time, before), ..] = newest.as_slice() else {
        return None;
    };
    let seconds = (last_time - before_time) as f64 / 1000.0;
    if seconds == 0.0 {
        return None;
    }
    match (before, last) {
        (Sample::Number(_), Sample::Number(_)) => {
            rate::instant(numbers, is_rate).map(Sample::Number)
        }
        (Sample::Histogram(before), Sample::Histogram(last)) => {
            let gauges = [before, last].map(|it| it.hint == Hint::Gauge);
            if is_rate && gauges.contains(&true) {
                mixed.note(Note::not_a_counter(mixed.name));
            }
            if !is_rate && gauges.contains(&false) {
                mixed.note(Note::not_a_gauge(mixed.name));
            }
            let mut change = Histogram::clone(last);
            if !is_rate || !last.is_reset_since(before) {
                let joined = change.subtract(before);
                let joined = joined.inspect_err(|_| mixed.note_incompatible()).ok()?;
                mixed.note_bounds(joined, "subtraction");
            }
            change.hint = Hint::Gauge;
            change.compact();
            if is_rate {
                change.divide(seconds);
            }
            Some(change.into())
        }
        _ => {
            mixed.note(Note::mixed_range(mixed.name));
            None
        }
    }
}
