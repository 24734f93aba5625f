//! The protobuf format: `io.prometheus.client.MetricFamily`, each with its length before it. It is the only one that
//! has native histograms.

mod wire;

use std::borrow::Cow;
use std::ops::ControlFlow;

use prost::Message as _;

use super::{Entry, Pairs, ParsedExemplar, ParsedHistogram, ParsedSample, bounds, tidy};
use crate::metrics::histogram::{Count, Counts, Hint, Invalid, Parts, Span};
use crate::wire::measure;
use wire::{Exemplar, Histogram, Kind, LabelPair, Metric, MetricFamily};

/// Memory that one family may take when it is decoded.
const MAX_FAMILY_BYTES: usize = 64 << 20;

/// Which form of a histogram is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Histograms {
    /// The native form, where there is one.
    pub(crate) native: bool,
    /// The classic form also where there is a native one that is read.
    pub(crate) always_classic: bool,
}

/// Reads a body family by family, as [`parse`](super::parse) does with text.
///
/// # Errors
/// The problem with the first family that is not valid.
pub(crate) fn parse(
    mut body: &[u8],
    histograms: Histograms,
    each: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
) -> Result<(), String> {
    while !body.is_empty() {
        let length = prost::decode_length_delimiter(&mut body).map_err(|it| it.to_string())?;
        let Some((family, rest)) = body.split_at_checked(length) else {
            return Err("unexpected end of the body".to_owned());
        };
        body = rest;
        let size = measure::protobuf(family, &wire::METRIC_FAMILY, MAX_FAMILY_BYTES);
        size.map_err(|it| it.to_string())?;
        let family = MetricFamily::decode(family).map_err(|it| it.to_string())?;
        let mut reader = Reader {
            family: &family,
            histograms,
            each: &mut *each,
        };
        if reader.family()?.is_break() {
            return Ok(());
        }
    }
    Ok(())
}

struct Reader<'f, 'e> {
    family: &'f MetricFamily,
    histograms: Histograms,
    each: &'e mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
}

/// What becomes of an entry: the reading goes on or ends, or the body is not valid.
type Outcome = Result<ControlFlow<()>, String>;

impl Reader<'_, '_> {
    fn family(&mut self) -> Outcome {
        let family = self.family;
        // Prometheus skips a family without metrics, whatever else is wrong with it.
        if family.metrics.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if family.name.is_empty() {
            return Err("invalid metric name: ".to_owned());
        }
        let Ok(kind) = Kind::try_from(family.kind) else {
            return Err(format!(
                "unknown metric type for metric {:?}: {}",
                family.name, family.kind
            ));
        };
        let name = || Cow::Borrowed(family.name.as_str());
        let mut entries = vec![
            Entry::Help(name(), Cow::Borrowed(&family.help)),
            Entry::Type(name(), type_name(kind)),
        ];
        if !family.unit.is_empty() {
            entries.push(Entry::Unit(name(), &family.unit));
        }
        for entry in entries {
            if (self.each)(entry).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        for metric in &family.metrics {
            if self.metric(kind, metric)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn metric(&mut self, kind: Kind, metric: &Metric) -> Outcome {
        match kind {
            Kind::Counter => {
                let counter = metric.counter.as_ref();
                let exemplar = counter.and_then(|it| it.exemplar.as_ref()).map(exemplar);
                let value = counter.map_or(0.0, |it| it.value);
                self.sample(metric, "", None, value, exemplar)
            }
            Kind::Gauge => {
                let value = metric.gauge.map_or(0.0, |it| it.value);
                self.sample(metric, "", None, value, None)
            }
            Kind::Untyped => {
                let value = metric.untyped.map_or(0.0, |it| it.value);
                self.sample(metric, "", None, value, None)
            }
            Kind::Summary => self.summary(metric),
            Kind::Histogram | Kind::GaugeHistogram => {
                let empty = Histogram::default();
                let histogram = metric.histogram.as_deref().unwrap_or(&empty);
                let native = self.histograms.native && is_native(histogram);
                if native {
                    let outcome = self.native(metric, histogram, kind == Kind::GaugeHistogram)?;
                    let classic = self.histograms.always_classic && !histogram.buckets.is_empty();
                    if outcome.is_break() || !classic {
                        return Ok(outcome);
                    }
                }
                self.classic(metric, histogram)
            }
        }
    }

    fn summary(&mut self, metric: &Metric) -> Outcome {
        let empty = wire::Summary::default();
        let summary = metric.summary.as_ref().unwrap_or(&empty);
        let mut samples = vec![
            ("_count", None, summary.sample_count as f64),
            ("_sum", None, summary.sample_sum),
        ];
        samples.extend(summary.quantiles.iter().map(|it| {
            let quantile = bounds::open_metrics(it.quantile);
            ("", Some(("quantile", quantile)), it.value)
        }));
        for (suffix, label, value) in samples {
            if self.sample(metric, suffix, label, value, None)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn classic(&mut self, metric: &Metric, histogram: &Histogram) -> Outcome {
        let either = |real: f64, whole: u64| if real == 0.0 { whole as f64 } else { real };
        let count = either(histogram.sample_count_float, histogram.sample_count);
        let mut samples = vec![
            ("_count", None, count, None),
            ("_sum", None, histogram.sample_sum, None),
        ];
        let mut ends = false;
        for bucket in &histogram.buckets {
            let bound = bounds::open_metrics(bucket.upper_bound);
            let value = either(bucket.cumulative_count_float, bucket.cumulative_count);
            let exemplar = bucket.exemplar.as_ref().map(exemplar);
            samples.push(("_bucket", Some(("le", bound)), value, exemplar));
            ends = bucket.upper_bound == f64::INFINITY;
            if ends {
                break;
            }
        }
        if !ends {
            samples.push(("_bucket", Some(("le", "+Inf".to_owned())), count, None));
        }
        for (suffix, label, value, exemplar) in samples {
            if self
                .sample(metric, suffix, label, value, exemplar)?
                .is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn sample(
        &mut self,
        metric: &Metric,
        suffix: &str,
        label: Option<(&'static str, String)>,
        value: f64,
        exemplar: Option<ParsedExemplar<'_>>,
    ) -> Outcome {
        let sample = ParsedSample {
            labels: self.labels(metric, suffix, label)?,
            value,
            timestamp: timestamp(metric),
            exemplar,
        };
        Ok((self.each)(Entry::Sample(sample)))
    }

    fn native(&mut self, metric: &Metric, histogram: &Histogram, gauge: bool) -> Outcome {
        let mut read = native(histogram, gauge)
            .map_err(|invalid| format!("histogram {:?}: {invalid}", self.family.name))?;
        read.compact();
        let exemplars: Vec<&Exemplar> = match histogram.exemplars.is_empty() {
            false => histogram.exemplars.iter().collect(),
            true => {
                let buckets = histogram.buckets.iter();
                buckets.filter_map(|it| it.exemplar.as_ref()).collect()
            }
        };
        let timed = exemplars.into_iter().filter(|it| it.timestamp.is_some());
        let parsed = ParsedHistogram {
            labels: self.labels(metric, "", None)?,
            histogram: read,
            timestamp: timestamp(metric),
            exemplars: timed.map(exemplar).collect(),
        };
        Ok((self.each)(Entry::Histogram(parsed)))
    }

    fn labels<'m>(
        &self,
        metric: &'m Metric,
        suffix: &str,
        label: Option<(&'static str, String)>,
    ) -> Result<Pairs<'m>, String> {
        let mut pairs = pairs(&metric.labels);
        if let Some((name, value)) = label {
            pairs.push((Cow::Borrowed(name), Cow::Owned(value)));
        }
        tidy(Cow::Owned(format!("{}{suffix}", self.family.name)), pairs)
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Summary => "summary",
        Kind::Untyped => "unknown",
        Kind::Histogram => "histogram",
        Kind::GaugeHistogram => "gaugehistogram",
    }
}

/// No time of its own is written as zero.
fn timestamp(metric: &Metric) -> Option<i64> {
    Some(metric.timestamp_ms).filter(|time| *time != 0)
}

fn pairs(labels: &[LabelPair]) -> Pairs<'_> {
    let each = labels.iter();
    each.map(|it| (Cow::Borrowed(&*it.name), Cow::Borrowed(&*it.value)))
        .collect()
}

fn exemplar(exemplar: &Exemplar) -> ParsedExemplar<'_> {
    ParsedExemplar {
        labels: pairs(&exemplar.labels),
        value: exemplar.value,
        timestamp: exemplar.timestamp.map(|it| {
            let millis = it.seconds.saturating_mul(1000);
            millis.saturating_add(i64::from(it.nanos / 1_000_000))
        }),
    }
}

/// True if there is a native form. One without observations says so by a span without buckets.
fn is_native(histogram: &Histogram) -> bool {
    !histogram.positive_spans.is_empty()
        || !histogram.negative_spans.is_empty()
        || histogram.zero_threshold > 0.0
        || histogram.zero_count > 0
}

fn native(
    histogram: &Histogram,
    gauge: bool,
) -> Result<crate::metrics::histogram::Histogram, Invalid> {
    let spans = |spans: &[wire::BucketSpan]| -> Vec<Span> {
        let each = spans.iter();
        each.map(|span| Span {
            offset: span.offset,
            length: span.length,
        })
        .collect()
    };
    let positive = spans(&histogram.positive_spans);
    let negative = spans(&histogram.negative_spans);
    let real = histogram.sample_count_float > 0.0 || histogram.zero_count_float > 0.0;
    let (count, zero_count, of_positive, of_negative) = match real {
        true => (
            Count::Real(histogram.sample_count_float),
            Count::Real(histogram.zero_count_float),
            Counts::Absolute(&histogram.positive_counts),
            Counts::Absolute(&histogram.negative_counts),
        ),
        false => (
            Count::Whole(histogram.sample_count),
            Count::Whole(histogram.zero_count),
            Counts::Deltas(&histogram.positive_deltas),
            Counts::Deltas(&histogram.negative_deltas),
        ),
    };
    let parts = Parts {
        hint: if gauge { Hint::Gauge } else { Hint::Unknown },
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count,
        count,
        sum: histogram.sample_sum,
        positive: (&positive, of_positive),
        negative: (&negative, of_negative),
        bounds: &[],
    };
    parts.histogram()
}
