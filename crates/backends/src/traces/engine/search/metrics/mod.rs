//! Spans as time series: the metrics of TraceQL.
//!
//! * [`grid`]: the intervals
//! * [`cells`], [`buckets`]: what is computed of the spans of an interval
//! * [`series`]: spans sorted into series
//! * [`compare`]: the attributes of selected spans beside those of the others
//! * [`exemplars`]: traces that stand for the points
//! * [`ranked`]: `topk` and `bottomk`
//! * [`order`]: the order of series in an answer
//!
//! Tempo computes these in three layers (blocks, queriers, frontend) and combines their results. What is
//! here gives the same numbers in one.

mod buckets;
mod cells;
mod compare;
mod exemplars;
mod grid;
mod order;
mod ranked;
mod series;

use std::ops::ControlFlow;

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};

use super::SearchError;
use super::walk::walk;
use crate::traces::engine::{Patterns, Plan, Required, ShownFields, Subject, Work};
use crate::traces::lang::{Field, Intrinsic, Metrics, MetricsFunction, Query};
use crate::traces::store::{Dictionary, Store};
use crate::wire::Stop;

use compare::Comparison;
pub use exemplars::Exemplar;
use exemplars::Exemplars;
pub(crate) use grid::Grid;
use series::Grouped;

/// Samples that one answer may have: 2,000 series of 250 points.
const MAX_SAMPLES: usize = 500_000;

/// Labels of a series, in the order of the query.
type Labels = Vec<(String, AnyValue)>;

/// Numbers over time that belong together.
#[derive(Clone, Debug)]
pub(crate) struct TimeSeries {
    /// Labels that its spans share.
    pub labels: Vec<(String, AnyValue)>,
    /// A value for each interval of the grid; no number where there is none.
    pub values: Vec<f64>,
    /// Traces that are part of it.
    pub exemplars: Vec<Exemplar>,
}

/// Bounds of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Most {
    /// Series; as soon as there are so many, no more spans are looked at.
    pub series: usize,
    /// Exemplars.
    pub exemplars: usize,
}

/// The series of a query.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub series: Vec<TimeSeries>,
    /// There are more series than were wanted.
    pub partial: bool,
}

/// Sorts the spans that a query selects into series, by the interval in which they started.
///
/// Without `by (…)` a rate is one series, with zeros where nothing was found. Traces are named as exemplars,
/// spread over the time.
///
/// # Errors
///
/// [`SearchError`] if it takes too long or would make too many samples.
pub(crate) fn time_series(
    store: &Store,
    query: &Query,
    metrics: &Metrics,
    grid: &Grid,
    most: Most,
    stop: &Stop,
) -> Result<Answer, SearchError> {
    let work = &Work::new(stop, store.limits().max_query_bytes);
    let (mut all, partial) = match &metrics.function {
        MetricsFunction::Compare(compare) => {
            let mut comparison = Comparison::new(compare, grid);
            let partial = observe(store, query, grid, most, work, &mut comparison)?;
            (comparison.finished()?, partial)
        }
        _ => {
            let mut grouped = Grouped::new(metrics, grid);
            let partial = observe(store, query, grid, most, work, &mut grouped)?;
            (grouped.finished(), partial)
        }
    };
    if let Some(ranked) = metrics.ranked {
        ranked::rank(&mut all, ranked, grid.intervals());
    }
    all.retain(|series| series.values.iter().any(|value| !value.is_nan()));
    order::sort(&mut all);
    if partial {
        all.truncate(most.series);
    }
    for series in &mut all {
        exemplars::complete(series, grid);
    }
    Ok(Answer {
        series: all,
        partial,
    })
}

/// Something that spans are added to.
trait Observer {
    /// Forgets what holds only for one portion of the store, and prepares for the next.
    fn prepare(&mut self, dictionary: &Dictionary, patterns: &mut Patterns);

    /// Adds a span.
    fn observe(&mut self, subject: &Subject<'_>, at: usize, interval: usize);

    /// Adds a span as an exemplar. Its value is not known yet where that is the value of its series.
    fn exemplar(&mut self, subject: &Subject<'_>, at: usize, exemplar: Exemplar);

    /// Number of series so far.
    fn series(&self) -> usize;

    /// Number of samples that are kept so far.
    fn samples(&self) -> usize;
}

/// Shows an observer all spans that a query selects, and says whether it has as many series as are wanted.
fn observe<O: Observer>(
    store: &Store,
    query: &Query,
    grid: &Grid,
    most: Most,
    work: &Work<'_>,
    observer: &mut O,
) -> Result<bool, SearchError> {
    if asks_for_the_unknown(query) {
        return Ok(false);
    }
    let required = Required::new(query);
    let shown = ShownFields::new(query);
    let mut patterns = Patterns::new();
    let mut exemplars = Exemplars::new(grid, most.exemplars);
    let mut too_many = false;
    let mut selected = Vec::new();
    let only = required.candidates();
    walk(
        store,
        &only,
        grid.window(),
        0,
        work,
        |index, (_, traces)| {
            let plan = Plan::new(query, &index.dictionary, &mut patterns);
            let show = shown.plan(&index.dictionary, &mut patterns);
            observer.prepare(&index.dictionary, &mut patterns);
            for trace in traces {
                let subject = Subject::new(&index.dictionary, trace, work);
                selected.clear();
                plan.each_span(&subject, |at| {
                    if let Some(interval) = grid.interval(trace.spans[at].start) {
                        observer.observe(&subject, at, interval);
                        selected.push(at);
                    }
                });
                if let Some(at) = exemplars.choose(trace, &selected) {
                    let labels = show.attributes(&subject, at);
                    let exemplar = exemplars.take(trace, at, labels);
                    observer.exemplar(&subject, at, exemplar);
                }
                if observer.samples() > MAX_SAMPLES {
                    too_many = true;
                    return ControlFlow::Break(());
                }
                if observer.series() >= most.series {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        },
    )?;
    if too_many {
        return Err(SearchError::TooManySamples(MAX_SAMPLES));
    }
    Ok(observer.series() >= most.series)
}

/// True if a query needs what Tempo does not store, and so finds nothing.
fn asks_for_the_unknown(query: &Query) -> bool {
    let of = |metrics: &Metrics| {
        let mut fields = metrics.by.iter().chain(metrics.function.of());
        fields.any(|field| *field == Field::Intrinsic(Intrinsic::ChildCount))
    };
    query.metrics.as_ref().is_some_and(of)
}

fn text(text: impl Into<String>) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(text.into())),
    }
}

fn number(number: f64) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::DoubleValue(number)),
    }
}
