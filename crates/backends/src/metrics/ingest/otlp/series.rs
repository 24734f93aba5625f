//! Data points as samples of series, as Prometheus' OTLP receiver makes them with default settings.

use std::collections::HashSet;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar as WireExemplar, ExponentialHistogramDataPoint,
    HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};

use super::exponential::native;
use super::labels::{Base, Target, exemplar, milliseconds};
use super::names::{self, Kind};
use super::report::{Reason, Report};
use crate::metrics::histogram::Histogram;
use crate::metrics::labels::Labels;
use crate::metrics::sample::stale_nan;
use crate::metrics::store::Exemplar;

/// The bit of a data point that says that there is no value: its series ends.
const NO_RECORDED_VALUE: u32 = 1;

/// Interval of the samples of `target_info` between the first and the last data point: half of the time for which
/// a query looks back.
const INFO_INTERVAL_MS: i64 = 150_000;

/// Samples of `target_info` that one request may bring beyond the last one of each resource.
const MAX_INFO_SAMPLES: usize = 10_000;

/// Where samples go.
pub(super) trait Sink {
    /// Takes a sample of the series with these sorted labels.
    ///
    /// # Errors
    /// It is not taken.
    fn sample(
        &mut self,
        labels: &[(&str, &str)],
        time: i64,
        value: f64,
        exemplars: &[Exemplar],
    ) -> Result<(), (Reason, String)>;

    /// As [`Self::sample`], with a histogram.
    ///
    /// # Errors
    /// It is not taken.
    fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        time: i64,
        histogram: Histogram,
        exemplars: &[Exemplar],
    ) -> Result<(), (Reason, String)>;

    /// The oldest time that is taken, in milliseconds.
    fn oldest(&self) -> i64;

    /// True if it matters that `target_info` is out of order. It is when two programs tell the same of themselves.
    fn minds_order_of_info(&self) -> bool;
}

/// Gives all samples of a request to a sink and reports what is not taken. One data point that is refused does not
/// keep the others out.
pub(super) fn translate(request: &ExportMetricsServiceRequest, sink: &mut dyn Sink) -> Report {
    let mut translation = Translation {
        sink,
        report: Report::default(),
        told: HashSet::new(),
    };
    for resource_metrics in &request.resource_metrics {
        let attributes = resource_metrics.resource.as_ref().map(|it| &*it.attributes);
        let target = Target::new(attributes.unwrap_or_default());
        let mut times: Option<(i64, i64)> = None;
        for metric in resource_metrics
            .scope_metrics
            .iter()
            .flat_map(|it| &it.metrics)
        {
            translation.metric(&target, metric);
            for time in times_of(metric) {
                let (first, last) = times.unwrap_or((time, time));
                times = Some((first.min(time), last.max(time)));
            }
        }
        if let Some((first, last)) = times {
            translation.target_info(&target, first, last);
        }
    }
    translation.report
}

fn times_of(metric: &Metric) -> Vec<i64> {
    let times: Vec<u64> = match &metric.data {
        None => Vec::new(),
        Some(Data::Gauge(it)) => it.data_points.iter().map(|it| it.time_unix_nano).collect(),
        Some(Data::Sum(it)) => it.data_points.iter().map(|it| it.time_unix_nano).collect(),
        Some(Data::Histogram(it)) => it.data_points.iter().map(|it| it.time_unix_nano).collect(),
        Some(Data::ExponentialHistogram(it)) => {
            it.data_points.iter().map(|it| it.time_unix_nano).collect()
        }
        Some(Data::Summary(it)) => it.data_points.iter().map(|it| it.time_unix_nano).collect(),
    };
    times.into_iter().map(milliseconds).collect()
}

/// Number of data points of a metric.
pub(super) fn points_of(metric: &Metric) -> usize {
    match &metric.data {
        None => 0,
        Some(Data::Gauge(it)) => it.data_points.len(),
        Some(Data::Sum(it)) => it.data_points.len(),
        Some(Data::Histogram(it)) => it.data_points.len(),
        Some(Data::ExponentialHistogram(it)) => it.data_points.len(),
        Some(Data::Summary(it)) => it.data_points.len(),
    }
}

struct Translation<'s> {
    sink: &'s mut dyn Sink,
    report: Report,
    /// Samples of `target_info` that were taken; several resources may have the same.
    told: HashSet<(Labels, i64)>,
}

/// What the data points of one metric have in common.
struct Family<'t> {
    target: &'t Target<'t>,
    name: String,
}

impl Translation<'_> {
    fn metric(&mut self, target: &Target<'_>, metric: &Metric) {
        let points = points_of(metric);
        let family = match family(target, metric) {
            Ok(family) => family,
            Err((reason, message)) => {
                self.report.add(reason, points, message);
                return;
            }
        };
        match &metric.data {
            Some(Data::Gauge(gauge)) => {
                for point in &gauge.data_points {
                    // Prometheus keeps no exemplars of gauges.
                    let outcome = self.number(&family, point, &[]);
                    self.report.note(outcome);
                }
            }
            Some(Data::Sum(sum)) => {
                for point in &sum.data_points {
                    let outcome = self.number(&family, point, &point.exemplars);
                    self.report.note(outcome);
                }
            }
            Some(Data::Histogram(histogram)) => {
                for point in &histogram.data_points {
                    let outcome = self.histogram(&family, point);
                    self.report.note(outcome);
                }
            }
            Some(Data::Summary(summary)) => {
                for point in &summary.data_points {
                    let outcome = self.summary(&family, point);
                    self.report.note(outcome);
                }
            }
            Some(Data::ExponentialHistogram(exponential)) => {
                for point in &exponential.data_points {
                    let outcome = self.exponential(&family, point);
                    self.report.note(outcome);
                }
            }
            // It is no family.
            None => {}
        }
    }

    fn number(
        &mut self,
        family: &Family<'_>,
        point: &NumberDataPoint,
        exemplars: &[WireExemplar],
    ) -> Result<(), (Reason, String)> {
        let base = family.base(&point.attributes)?;
        let time = milliseconds(point.time_unix_nano);
        let exemplars = exemplars_of(exemplars, time)?;
        let value = match point.value {
            Some(Value::AsDouble(number)) => number,
            Some(Value::AsInt(number)) => number as f64,
            None => 0.0,
        };
        let value = recorded(point.flags, value);
        let labels = base.with(&family.name, None);
        self.sink.sample(&labels, time, value, &exemplars)
    }

    fn histogram(
        &mut self,
        family: &Family<'_>,
        point: &HistogramDataPoint,
    ) -> Result<(), (Reason, String)> {
        let base = family.base(&point.attributes)?;
        let time = milliseconds(point.time_unix_nano);
        let exemplars = exemplars_of(&point.exemplars, time)?;
        if let Some(sum) = point.sum {
            let name = format!("{}_sum", family.name);
            let value = recorded(point.flags, sum);
            self.sink
                .sample(&base.with(&name, None), time, value, &[])?;
        }
        let count = recorded(point.flags, point.count as f64);
        let name = format!("{}_count", family.name);
        self.sink
            .sample(&base.with(&name, None), time, count, &[])?;

        let name = format!("{}_bucket", family.name);
        let mut rest = exemplars.as_slice();
        let mut sum: u64 = 0;
        for (bound, own) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
            sum = sum.wrapping_add(*own);
            let higher = rest.iter().position(|it| it.value > *bound);
            let (inside, above) = rest.split_at(higher.unwrap_or(rest.len()));
            rest = above;
            let bound = fixed(*bound);
            let labels = base.with(&name, Some(("le", &bound)));
            let value = recorded(point.flags, sum as f64);
            self.sink.sample(&labels, time, value, inside)?;
        }
        let labels = base.with(&name, Some(("le", "+Inf")));
        self.sink.sample(&labels, time, count, rest)
    }

    fn exponential(
        &mut self,
        family: &Family<'_>,
        point: &ExponentialHistogramDataPoint,
    ) -> Result<(), (Reason, String)> {
        let histogram = native(point).map_err(|message| (Reason::Untranslatable, message))?;
        let base = family.base(&point.attributes)?;
        let time = milliseconds(point.time_unix_nano);
        let exemplars = exemplars_of(&point.exemplars, time)?;
        let labels = base.with(&family.name, None);
        if point.flags & NO_RECORDED_VALUE != 0 {
            return self.sink.sample(&labels, time, stale_nan(), &exemplars);
        }
        self.sink.histogram(&labels, time, histogram, &exemplars)
    }

    fn summary(
        &mut self,
        family: &Family<'_>,
        point: &SummaryDataPoint,
    ) -> Result<(), (Reason, String)> {
        let base = family.base(&point.attributes)?;
        let time = milliseconds(point.time_unix_nano);
        for (suffix, value) in [("sum", point.sum), ("count", point.count as f64)] {
            let name = format!("{}_{suffix}", family.name);
            let value = recorded(point.flags, value);
            self.sink
                .sample(&base.with(&name, None), time, value, &[])?;
        }
        for at in &point.quantile_values {
            let quantile = fixed(at.quantile);
            let labels = base.with(&family.name, Some(("quantile", &quantile)));
            let value = recorded(point.flags, at.value);
            self.sink.sample(&labels, time, value, &[])?;
        }
        Ok(())
    }

    /// Tells the attributes of a resource for the whole time of its data points.
    fn target_info(&mut self, target: &Target<'_>, first: i64, last: i64) {
        let base = match target.info() {
            Ok(Some(base)) => base,
            Ok(None) => return,
            Err(message) => return self.report.add(Reason::Untranslatable, 0, message),
        };
        let pairs = base.with("target_info", None);
        let labels = Labels::from_pairs(pairs.iter().copied());
        let mut time = first.max(self.sink.oldest());
        loop {
            if time >= last || self.told.len() >= MAX_INFO_SAMPLES {
                time = last;
            }
            if self.told.insert((labels.clone(), time))
                && let Err((reason, message)) = self.sink.sample(&pairs, time, 1.0, &[])
                && (reason != Reason::Time || self.sink.minds_order_of_info())
            {
                return self.report.add(reason, 0, message);
            }
            if time == last {
                return;
            }
            time += INFO_INTERVAL_MS;
        }
    }
}

impl Family<'_> {
    fn base(&self, attributes: &[KeyValue]) -> Result<Base, (Reason, String)> {
        let base = self.target.of_point(attributes);
        base.map_err(|message| (Reason::Untranslatable, message))
    }
}

/// The name of a metric that has a form which is kept.
fn family<'t>(target: &'t Target<'t>, metric: &Metric) -> Result<Family<'t>, (Reason, String)> {
    let untranslatable = |message: String| (Reason::Untranslatable, message);
    let name = &metric.name;
    let (kind, temporality) = match &metric.data {
        None => {
            return Err(untranslatable(format!(
                "could not get aggregation temporality for {name} as it has unsupported metric type Empty"
            )));
        }
        Some(Data::Gauge(_)) => (Kind::Gauge, None),
        Some(Data::Summary(_)) => (Kind::Other, None),
        Some(Data::Sum(sum)) if sum.is_monotonic => {
            (Kind::Counter, Some(sum.aggregation_temporality))
        }
        Some(Data::Sum(sum)) => (Kind::Other, Some(sum.aggregation_temporality)),
        Some(Data::Histogram(it)) => (Kind::Other, Some(it.aggregation_temporality)),
        Some(Data::ExponentialHistogram(it)) => (Kind::Other, Some(it.aggregation_temporality)),
    };
    let cumulative = AggregationTemporality::Cumulative as i32;
    if temporality.is_some_and(|it| it != cumulative) {
        return Err(untranslatable(format!(
            "invalid temporality and type combination for metric {}",
            crate::wire::quote::quoted(name.as_bytes())
        )));
    }
    let name = names::metric(name, &metric.unit, kind).map_err(untranslatable)?;
    Ok(Family { target, name })
}

fn exemplars_of(wire: &[WireExemplar], time: i64) -> Result<Vec<Exemplar>, (Reason, String)> {
    let read: Result<Vec<Exemplar>, String> = wire.iter().map(|it| exemplar(it, time)).collect();
    read.map_err(|message| (Reason::Untranslatable, message))
}

fn recorded(flags: u32, value: f64) -> f64 {
    if flags & NO_RECORDED_VALUE != 0 {
        return stale_nan();
    }
    value
}

/// A number without an exponent, as Go writes it.
fn fixed(number: f64) -> String {
    match number {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        number => number.to_string(),
    }
}
