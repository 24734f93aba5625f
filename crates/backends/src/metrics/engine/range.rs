//! Range vectors: for each step the samples of each series in a window, open on the left.

use std::cell::Cell;
use std::sync::Arc;

use parking_lot::Mutex;

use super::annotations::{Annotations, Note};
use super::eval::{Evaluator, Value};
use super::grid::{Column, Grid, Sample, is_absent};
use super::selector::Shift;
use super::{Points, QueryError};
use crate::metrics::histogram::{Hint, Histogram};
use crate::metrics::labels::Labels;
use crate::metrics::lang::ast::Expr;
use crate::metrics::lang::token::Place;
use crate::metrics::sample::is_stale;
use crate::metrics::store::Series;
use crate::wire::parts::in_parts;

/// Step of a subquery that names none: Prometheus' default `global.evaluation_interval`.
const DEFAULT_SUBQUERY_STEP_MS: i64 = 60_000;

/// What it takes to read a series, in steps of the grid.
const STEPS_TO_START: usize = 32;

/// Work that pays for a thread, in steps of the grid: about half a millisecond.
const STEPS_OF_A_THREAD: usize = 50_000;

/// Most spacings that a thread remembers.
const SPACINGS: usize = 512;

/// The numbers of one series at one step. Empty only beside histograms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    pub(super) times: &'a [i64],
    pub(super) values: &'a [f64],
    /// True if a value is lower than the one before it.
    pub(super) falls: bool,
    /// The window spans `start < time <= end`, milliseconds.
    pub(super) start: i64,
    pub(super) end: i64,
    /// The time of the step, which `offset` and `@` do not move.
    pub(super) time: i64,
    /// Number of the step.
    pub(super) step: usize,
    spacing: &'a Cell<Spacing>,
}

/// Where the samples of a window lie, for [`rate`](super::rate). The series of one target are scraped at the same
/// times, so that their windows at one step mostly have the same.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spacing {
    /// Milliseconds from the start to the first sample, from there to the last, from there to the end.
    pub(super) distances: [i64; 3],
    pub(super) samples: usize,
    /// Seconds between the first and the last sample.
    pub(super) sampled: f64,
    /// Seconds before the first and after the last sample that a rate is extrapolated to.
    pub(super) to_start: f64,
    pub(super) to_end: f64,
    /// What the change between the samples is multiplied with for the whole window, and for a second of it.
    pub(super) factor: f64,
    pub(super) per_second: f64,
}

impl Window<'_> {
    /// Computes a spacing, unless the last window at this step had the same.
    pub(super) fn spacing(&self, compute: impl FnOnce([f64; 3]) -> Spacing) -> Spacing {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else {
            return Spacing::default();
        };
        let distances = [first - self.start, last - first, self.end - last];
        let known = self.spacing.get();
        if known.distances == distances && known.samples == self.times.len() {
            return known;
        }
        let spacing = Spacing {
            distances,
            samples: self.times.len(),
            ..compute(distances.map(|distance| distance as f64 / 1000.0))
        };
        self.spacing.set(spacing);
        spacing
    }

    /// Its length in seconds.
    pub(super) fn seconds(&self) -> f64 {
        (self.end - self.start) as f64 / 1000.0
    }
}

/// The samples of one series at one step, with at least one histogram among them.
pub(super) struct Mixed<'a> {
    pub(super) numbers: Window<'a>,
    pub(super) histograms: &'a [(i64, Arc<Histogram>)],
    /// The name of the metric, `""` when it was dropped.
    pub(super) name: &'a str,
    place: Place,
    annotations: &'a Mutex<Annotations>,
}

impl Mixed<'_> {
    /// Adds a note at the place of the range.
    pub(super) fn note(&self, note: Note) {
        self.annotations.lock().add(note, self.place);
    }

    /// True if there are numbers as well, which is noted.
    pub(super) fn is_mixed(&self) -> bool {
        let mixed = !self.numbers.values.is_empty();
        if mixed {
            self.note(Note::mixed_range(self.name));
        }
        mixed
    }

    /// What a function of numbers gives, which takes no notice of the histograms.
    pub(super) fn numbers_alone(
        &self,
        compute: impl FnOnce(&Window<'_>) -> Option<f64>,
    ) -> Option<Sample> {
        self.numbers_alone_at(self.place, compute)
    }

    /// As [`Self::numbers_alone`], with the note at another place.
    pub(super) fn numbers_alone_at(
        &self,
        place: Place,
        compute: impl FnOnce(&Window<'_>) -> Option<f64>,
    ) -> Option<Sample> {
        if self.numbers.values.is_empty() {
            return None;
        }
        let note = Note::ignored_in_range(self.name);
        self.annotations.lock().add(note, place);
        compute(&self.numbers).map(Sample::Number)
    }
}

/// The length and place of the windows of one range expression.
#[derive(Debug, Clone, Copy)]
struct Frame {
    shift: Shift,
    range: i64,
}

impl Frame {
    fn bounds(&self, time: i64) -> (i64, i64) {
        let end = self.shift.apply(time);
        (end.saturating_sub(self.range), end)
    }
}

/// One series of a range expression, with all samples that any step's window may hold.
struct Samples<'a> {
    labels: &'a Labels,
    times: &'a [i64],
    values: &'a [f64],
    histograms: &'a [(i64, Arc<Histogram>)],
    frame: Frame,
    spacings: &'a [Cell<Spacing>],
}

/// What a thread works in, one series after the other.
pub(super) struct Scratch {
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
    pub(super) histograms: Vec<(i64, Arc<Histogram>)>,
    /// One a step; of many steps some share one.
    spacings: Vec<Cell<Spacing>>,
}

impl Scratch {
    fn samples<'a>(&'a mut self, labels: &'a Labels, frame: Frame) -> Samples<'a> {
        drop_stale(&mut self.times, &mut self.values);
        Samples {
            labels,
            times: &self.times,
            values: &self.values,
            histograms: &self.histograms,
            frame,
            spacings: &self.spacings,
        }
    }
}

impl Evaluator<'_> {
    /// Hands over each series of a range expression, on several threads when there are many. The results have the
    /// order of the series; where `each` gives `None`, there is none.
    fn each_series<T: Send>(
        &self,
        expr: &Expr,
        grid: &Grid,
        each: impl Fn(Samples<'_>) -> Result<Option<T>, QueryError> + Sync,
    ) -> Result<Vec<T>, QueryError> {
        match expr.bare() {
            Expr::Matrix(matrix) => {
                let frame = Frame {
                    shift: Shift::new(&matrix.vector.moved, self),
                    range: matrix.range,
                };
                let (after, until) = (frame.bounds(grid.start()).0, frame.bounds(grid.end()).1);
                let selector = &matrix.vector.selector;
                let selected = self.store.select(selector, self.budget.stop())?;
                self.on_all_processors(&selected, grid, |series, scratch| {
                    let (times, values) = (&mut scratch.times, &mut scratch.values);
                    let histograms = &mut scratch.histograms;
                    let range = (after, until);
                    let paid = self.read(series, range, times, values, histograms, |_| true)?;
                    if self.without_buckets.contains(&matrix.vector.place) {
                        strip_buckets(histograms);
                    }
                    let result = each(scratch.samples(series.labels(), frame));
                    self.budget.release(paid);
                    result
                })
            }
            Expr::Subquery(subquery) => {
                let frame = Frame {
                    shift: Shift::new(&subquery.moved, self),
                    range: subquery.range,
                };
                let step = subquery.step.unwrap_or(DEFAULT_SUBQUERY_STEP_MS).max(1);
                let (after, until) = (frame.bounds(grid.start()).0, frame.bounds(grid.end()).1);
                // Steps lie on multiples of the step since the epoch, whatever the query's times are.
                let first = (after.div_euclid(step) + 1).saturating_mul(step);
                let inner = Grid::new(first, until, step);
                self.budget.make(inner.len())?;
                let columns = match self.eval(&subquery.expr, &inner)? {
                    Value::Vector(columns) => columns,
                    Value::Scalar(values) => vec![Column::new(Labels::empty(), values)],
                    Value::Text(_) => Vec::new(),
                };
                self.on_all_processors(&columns, grid, |column, scratch| {
                    let times = (0..inner.len()).map(|index| inner.time(index));
                    scratch.times.extend(times);
                    scratch.values.extend_from_slice(&column.values);
                    let histograms = column.histograms.iter().enumerate();
                    let histograms = histograms.filter_map(|(index, histogram)| {
                        Some((inner.time(index), without_hint(histogram.as_ref()?)))
                    });
                    scratch.histograms.extend(histograms);
                    let samples = scratch.samples(&column.labels, frame);
                    self.budget.read(samples.times.len())?;
                    each(samples)
                })
            }
            other => Err(QueryError::BadData(format!(
                "expected type range vector, got {}",
                other.kind().name()
            ))),
        }
    }

    /// Applies a function to each window, and another one to those with histograms. Where it gives `None`, the result
    /// has no value.
    pub(super) fn over_windows(
        &self,
        expr: &Expr,
        grid: &Grid,
        function: impl Fn(&Window<'_>) -> Option<f64> + Sync,
        mixed: impl Fn(&Mixed<'_>) -> Option<Sample> + Sync,
    ) -> Result<Vec<Column>, QueryError> {
        self.each_series(expr, grid, |samples| {
            if !samples.histograms.is_empty() {
                return self.over_mixed_windows(expr, grid, &samples, &function, &mixed);
            }
            let (times, values) = (samples.times, samples.values);
            if times.is_empty() {
                return Ok(None);
            }
            self.budget.make(grid.len())?;
            let mut column = Column::void(samples.labels.clone(), grid.len());
            let (mut from, mut to, mut looked_at) = (0, 0, 0);
            let mut last_fall = 0;
            let spacings = samples.spacings.iter().cycle();
            for ((step, slot), spacing) in column.values.iter_mut().enumerate().zip(spacings) {
                let time = grid.time(step);
                let (start, end) = samples.frame.bounds(time);
                while to < times.len() && times[to] <= end {
                    if to > 0 && values[to] < values[to - 1] {
                        last_fall = to;
                    }
                    to += 1;
                }
                while from < to && times[from] <= start {
                    from += 1;
                }
                if from == to {
                    continue;
                }
                looked_at += to - from;
                let window = Window {
                    times: &times[from..to],
                    values: &values[from..to],
                    falls: last_fall > from,
                    start,
                    end,
                    time,
                    step,
                    spacing,
                };
                if let Some(value) = function(&window) {
                    *slot = value;
                }
            }
            // Long windows with short steps look at the same samples again and again.
            self.budget.read(looked_at / 8)?;
            Ok((!column.is_void()).then_some(column))
        })
    }

    /// As [`Self::over_windows`], of one series that has histograms.
    fn over_mixed_windows(
        &self,
        expr: &Expr,
        grid: &Grid,
        samples: &Samples<'_>,
        function: &impl Fn(&Window<'_>) -> Option<f64>,
        mixed: &impl Fn(&Mixed<'_>) -> Option<Sample>,
    ) -> Result<Option<Column>, QueryError> {
        self.budget.make(grid.len())?;
        let mut column = Column::void(samples.labels.clone(), grid.len());
        let (times, values) = (samples.times, samples.values);
        let mut looked_at = 0;
        for (step, spacing) in (0..grid.len()).zip(samples.spacings.iter().cycle()) {
            let time = grid.time(step);
            let (start, end) = samples.frame.bounds(time);
            let from = times.partition_point(|time| *time <= start);
            let to = times.partition_point(|time| *time <= end).max(from);
            let values = &values[from..to];
            let numbers = Window {
                times: &times[from..to],
                values,
                falls: values.windows(2).any(|pair| pair[1] < pair[0]),
                start,
                end,
                time,
                step,
                spacing,
            };
            let from = samples.histograms.partition_point(|it| it.0 <= start);
            let to = samples
                .histograms
                .partition_point(|it| it.0 <= end)
                .max(from);
            let histograms = &samples.histograms[from..to];
            looked_at += values.len();
            looked_at += histograms.iter().map(|it| it.1.len() + 1).sum::<usize>();
            let sample = match (histograms.is_empty(), values.is_empty()) {
                (true, true) => None,
                (true, false) => function(&numbers).map(Sample::Number),
                _ => mixed(&Mixed {
                    numbers,
                    histograms,
                    name: samples.labels.metric_name(),
                    place: place_of_range(expr),
                    annotations: self.shared_annotations(),
                }),
            };
            if let Some(Sample::Histogram(histogram)) = &sample {
                self.budget.make(histogram.bytes() / size_of::<f64>())?;
            }
            if sample.is_some() {
                column.set(step, sample);
            }
            self.budget.read(std::mem::take(&mut looked_at))?;
        }
        Ok((!column.is_void()).then_some(column))
    }

    /// Reads the samples of a series after a time and until another. Returns what was paid for its histograms, which
    /// take more memory than in the store. `needs_last` is asked for the time of each whether the one before it is
    /// needed.
    pub(super) fn read(
        &self,
        series: &Series,
        (after, until): (i64, i64),
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
        histograms: &mut Vec<(i64, Arc<Histogram>)>,
        mut needs_last: impl FnMut(i64) -> bool,
    ) -> Result<usize, QueryError> {
        let mut paid = 0;
        series.read_all(after, until, times, values, |time, histogram| {
            if !needs_last(time)
                && let Some((_, gone)) = histograms.pop()
            {
                let points = points_of(std::iter::once(&*gone));
                self.budget.release(points);
                paid -= points;
            }
            let points = points_of(std::iter::once(histogram));
            self.budget.read(histogram.len() + 1)?;
            self.budget.make(points)?;
            paid += points;
            histograms.push((time, Arc::new(histogram.clone())));
            Ok::<_, QueryError>(())
        })?;
        self.budget.read(times.len())?;
        Ok(paid)
    }

    /// The samples themselves, for an instant query that is a range vector.
    pub(super) fn raw_ranges(&self, expr: &Expr, grid: &Grid) -> Result<super::Matrix, QueryError> {
        self.each_series(expr, grid, |samples| {
            let (start, end) = samples.frame.bounds(grid.start());
            let inside = |time: i64| time > start && time <= end;
            let numbers = samples
                .times
                .iter()
                .copied()
                .zip(samples.values.iter().copied());
            let histograms = samples.histograms.iter().cloned();
            let points = Points {
                numbers: numbers.filter(|it| inside(it.0)).collect(),
                histograms: histograms.filter(|it| inside(it.0)).collect(),
            };
            if points.is_empty() {
                return Ok(None);
            }
            let of_histograms = points_of(points.histograms.iter().map(|it| &*it.1));
            self.budget.make(points.numbers.len() + of_histograms)?;
            Ok(Some((samples.labels.clone(), points)))
        })
    }

    /// Calls `each` for every item with an empty scratch to work in, on several threads when there are many items.
    /// The results have the order of the items.
    pub(super) fn on_all_processors<I: Sync, T: Send>(
        &self,
        items: &[I],
        grid: &Grid,
        each: impl Fn(&I, &mut Scratch) -> Result<Option<T>, QueryError> + Sync,
    ) -> Result<Vec<T>, QueryError> {
        let weight = grid.len() + STEPS_TO_START;
        let parts = in_parts(
            items,
            |_| weight,
            STEPS_OF_A_THREAD,
            |part| {
                let mut scratch = Scratch {
                    times: Vec::new(),
                    values: Vec::new(),
                    histograms: Vec::new(),
                    spacings: vec![Cell::default(); grid.len().clamp(1, SPACINGS)],
                };
                let mut found = Vec::with_capacity(part.len());
                for item in part {
                    scratch.times.clear();
                    scratch.values.clear();
                    scratch.histograms.clear();
                    found.extend(each(item, &mut scratch)?);
                }
                Ok::<_, QueryError>(found)
            },
        );
        let mut all = Vec::with_capacity(items.len());
        for part in parts {
            all.extend(part?);
        }
        Ok(all)
    }
}

fn drop_stale(times: &mut Vec<i64>, values: &mut Vec<f64>) {
    if !values.iter().any(|value| is_stale(*value)) {
        return;
    }
    let mut kept = values.iter();
    times.retain(|_| kept.next().is_some_and(|value| !is_absent(*value)));
    values.retain(|value| !is_stale(*value));
}

/// Values that take as much memory as histograms.
pub(super) fn points_of<'h>(histograms: impl Iterator<Item = &'h Histogram>) -> usize {
    let bytes: usize = histograms.map(Histogram::bytes).sum();
    bytes.div_ceil(size_of::<f64>())
}

/// The place that Prometheus tells for a range: inside of parentheses, and it no longer knows where a subquery stood.
pub(super) fn place_of_range(expr: &Expr) -> Place {
    match expr.bare() {
        Expr::Subquery(_) => Place(0),
        bare => bare.place(),
    }
}

/// A histogram of a subquery: between its steps there may be more.
fn without_hint(histogram: &Arc<Histogram>) -> Arc<Histogram> {
    if matches!(histogram.hint, Hint::Unknown | Hint::Gauge) {
        return histogram.clone();
    }
    Arc::new(Histogram {
        hint: Hint::Unknown,
        ..Histogram::clone(histogram)
    })
}

/// Takes away the buckets. Whether a counter was reset, which only they tell, becomes a hint.
pub(super) fn strip_buckets(histograms: &mut [(i64, Arc<Histogram>)]) {
    let mut last: Option<Arc<Histogram>> = None;
    for (_, histogram) in histograms {
        let hint = match (&last, histogram.hint) {
            (Some(last), Hint::Unknown) => match histogram.counts_less_than(last) {
                true => Hint::Reset,
                false => Hint::NotReset,
            },
            (_, hint) => hint,
        };
        let stripped = Arc::new(histogram.without_buckets(hint));
        last = Some(std::mem::replace(histogram, stripped));
    }
}
