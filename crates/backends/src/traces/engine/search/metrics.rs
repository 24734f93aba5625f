//! Spans counted over time: the part of TraceQL's metrics that is supported.

use std::collections::HashMap;
use std::ops::ControlFlow;

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};

use super::SearchError;
use super::exemplars::{Exemplar, Exemplars};
use super::grid::Grid;
use super::walk::walk;
use crate::traces::engine::{
    Computed, Grouping, Key, Patterns, Plan, Required, ShownFields, Subject, Work,
};
use crate::traces::lang::{Field, Metrics, MetricsFunction, Query};
use crate::traces::store::Store;
use crate::wire::Stop;

/// Samples that one answer may have: 2,000 series of 250 points.
const MAX_SAMPLES: usize = 500_000;

/// Numbers over time that belong together.
#[derive(Clone, Debug)]
pub(crate) struct TimeSeries {
    /// Labels that its spans share.
    pub labels: Vec<(String, AnyValue)>,
    /// A value for each interval of the grid.
    pub values: Vec<f64>,
    /// Traces that are part of it.
    pub exemplars: Vec<Exemplar>,
}

/// Counts the spans that a query selects, by the interval in which they started.
///
/// Without `by (…)` there is one series, with zeros where nothing was found. At most
/// `max_exemplars` traces are named, spread over the time.
///
/// # Errors
///
/// [`SearchError`] if it takes too long or would make too many samples.
pub(crate) fn time_series(
    store: &Store,
    query: &Query,
    metrics: &Metrics,
    grid: &Grid,
    max_exemplars: usize,
    stop: &Stop,
) -> Result<Vec<TimeSeries>, SearchError> {
    let work = &Work::new(stop, store.limits().max_query_bytes);
    let required = Required::new(query);
    let only = required.candidates();
    let shown = ShownFields::new(query);
    let mut patterns = Patterns::new();
    let mut counted = Counted::new(metrics, grid);
    let mut exemplars = Exemplars::new(grid, max_exemplars);
    let mut too_many = false;
    walk(
        store,
        &only,
        grid.window(),
        0,
        work,
        |index, (_, traces)| {
            let plan = Plan::new(query, &index.dictionary, &mut patterns);
            let show = shown.plan(&index.dictionary, &mut patterns);
            let by = Grouping::new(&counted.fields, &index.dictionary);
            // Numbers of texts hold only here, and so do the keys made of them.
            let mut known: HashMap<Vec<Key>, usize> = HashMap::new();
            for trace in traces {
                let subject = Subject::new(&index.dictionary, trace, work);
                let spans = plan.run(&subject).into_iter().flat_map(|set| set.spans);
                let mut candidates = Vec::new();
                for at in spans {
                    let Some(interval) = grid.interval(trace.spans[at].start) else {
                        continue;
                    };
                    let values = by.values(&subject, at);
                    let key = values.iter().map(Computed::key).collect();
                    let series = *known
                        .entry(key)
                        .or_insert_with(|| counted.series(metrics, &values, &subject));
                    counted.all[series].values[interval] += 1.0;
                    candidates.push((at, series));
                }
                if let Some((at, series)) = exemplars.choose(trace, &candidates) {
                    let labels = show.attributes(&subject, at);
                    let exemplar = exemplars.take(trace, at, labels);
                    counted.all[series].exemplars.push(exemplar);
                }
                if counted.samples() > MAX_SAMPLES {
                    too_many = true;
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        },
    )?;
    if too_many {
        return Err(SearchError::TooManySamples(MAX_SAMPLES));
    }
    Ok(counted.finished(metrics.function))
}

/// Series so far, their values being counts.
struct Counted {
    grid: Grid,
    fields: Vec<Field>,
    names: Vec<String>,
    by_labels: HashMap<String, usize>,
    all: Vec<TimeSeries>,
}

impl Counted {
    fn new(metrics: &Metrics, grid: &Grid) -> Self {
        let mut counted = Self {
            grid: *grid,
            fields: metrics.by.clone(),
            names: metrics.by.iter().map(ToString::to_string).collect(),
            by_labels: HashMap::new(),
            all: Vec::new(),
        };
        if metrics.by.is_empty() {
            let name = metrics.function.text().to_owned();
            counted.add(vec![("__name__".to_owned(), text(name))]);
        }
        counted
    }

    fn add(&mut self, labels: Vec<(String, AnyValue)>) -> usize {
        let known = format!("{labels:?}");
        let (all, intervals) = (&mut self.all, self.grid.intervals());
        *self.by_labels.entry(known).or_insert_with(|| {
            all.push(TimeSeries {
                labels,
                values: vec![0.0; intervals],
                exemplars: Vec::new(),
            });
            all.len() - 1
        })
    }

    /// The series of spans that have these values.
    fn series(
        &mut self,
        metrics: &Metrics,
        values: &[Computed<'_>],
        subject: &Subject<'_>,
    ) -> usize {
        if metrics.by.is_empty() {
            return 0;
        }
        let there = self.names.iter().zip(values);
        let there = there.filter(|(_, value)| **value != Computed::Nil);
        let mut labels: Vec<_> = there
            .map(|(name, value)| (name.clone(), value.wire(subject.dictionary)))
            .collect();
        if labels.is_empty() {
            // A series must have a label.
            labels.push((self.names[0].clone(), text("nil".to_owned())));
        }
        self.add(labels)
    }

    fn samples(&self) -> usize {
        self.all.len().saturating_mul(self.grid.intervals())
    }

    fn finished(mut self, function: MetricsFunction) -> Vec<TimeSeries> {
        let per_span = match function {
            MetricsFunction::CountOverTime => 1.0,
            MetricsFunction::Rate => 1.0 / self.grid.step().as_secs_f64(),
        };
        for series in &mut self.all {
            series
                .values
                .iter_mut()
                .for_each(|value| *value *= per_span);
            let grid = &self.grid;
            for exemplar in &mut series.exemplars {
                let value = grid
                    .interval(exemplar.time)
                    .and_then(|at| series.values.get(at));
                exemplar.value = value.copied().unwrap_or_default();
            }
            series.exemplars.sort_by_key(|exemplar| exemplar.time);
        }
        self.all
            .sort_by_cached_key(|series| (series.labels.len(), format!("{:?}", series.labels)));
        self.all
    }
}

fn text(text: String) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(text)),
    }
}
