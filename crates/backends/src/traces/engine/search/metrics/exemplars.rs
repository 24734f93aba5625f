//! Traces that stand for the points of a graph.

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};

use super::TimeSeries;
use super::grid::Grid;
use crate::traces::store::Trace;

/// Exemplars that one stretch of time may have, so that they are spread over the graph.
const PER_STRETCH: usize = 2;

/// A span that is part of a series.
#[derive(Clone, Debug)]
pub struct Exemplar {
    /// The trace's id as `trace:id` (without leading zeros, as Tempo writes it here), and what the query mentions.
    pub labels: Vec<(String, AnyValue)>,
    /// Its own value, or that of its series at that time.
    pub value: f64,
    /// When the span started, nanoseconds since the Unix epoch.
    pub time: u64,
}

/// Gives exemplars without a value that of their series, leaves out those where it has none, and sorts them.
pub(super) fn complete(series: &mut TimeSeries, grid: &Grid) {
    let values = &series.values;
    series.exemplars.retain_mut(|exemplar| {
        let at = grid.interval(exemplar.time).and_then(|at| values.get(at));
        let at = at.copied().unwrap_or(f64::NAN);
        if exemplar.value.is_nan() {
            exemplar.value = at;
        }
        !at.is_nan()
    });
    series.exemplars.sort_by_key(|exemplar| exemplar.time);
}

/// Chooses one span of a trace, until there are enough in each stretch of time.
pub(super) struct Exemplars {
    stretches: Vec<usize>,
    start: u64,
    width: u64,
    left: usize,
}

impl Exemplars {
    pub(super) fn new(grid: &Grid, most: usize) -> Self {
        let (start, end) = grid.window();
        let stretches = (most / PER_STRETCH).max(1);
        Self {
            stretches: vec![0; stretches],
            start,
            width: ((end - start) / stretches as u64).max(1),
            left: most,
        }
    }

    /// The span of a trace that becomes an exemplar, if there is room for it. Which one depends on
    /// the trace alone, so that an answer is the same each time.
    pub(super) fn choose(&self, trace: &Trace, spans: &[usize]) -> Option<usize> {
        if spans.is_empty() || self.left == 0 {
            return None;
        }
        let nth = (trace.id % spans.len() as u128) as usize;
        let chosen = spans[nth];
        let stretch = self.stretch(trace.spans[chosen].start);
        (self.stretches[stretch] < PER_STRETCH).then_some(chosen)
    }

    /// Makes an exemplar of a chosen span. Its value is not known yet.
    pub(super) fn take(
        &mut self,
        trace: &Trace,
        at: usize,
        mut labels: Vec<(String, AnyValue)>,
    ) -> Exemplar {
        let time = trace.spans[at].start;
        let stretch = self.stretch(time);
        self.stretches[stretch] += 1;
        self.left -= 1;
        if labels.iter().all(|(name, _)| name != "trace:id") {
            let id = any_value::Value::StringValue(format!("{:x}", trace.id));
            labels.push(("trace:id".to_owned(), AnyValue { value: Some(id) }));
        }
        Exemplar {
            labels,
            value: f64::NAN,
            time,
        }
    }

    fn stretch(&self, time: u64) -> usize {
        let at = time.saturating_sub(self.start) / self.width;
        usize::try_from(at).map_or(self.stretches.len() - 1, |at| {
            at.min(self.stretches.len() - 1)
        })
    }
}
