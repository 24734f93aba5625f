//! The page: metric families written as OpenMetrics 1.0 text.

use std::io::Write;

use prometheus::Encoder;
use prometheus::proto::{Metric, MetricFamily, MetricType};

use crate::exemplar::{Exemplars, FamilyExemplars, Recorded};
use crate::text;

/// The `Content-Type` of a page of [`OpenMetricsEncoder`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Units that a name can end in, from the specification's table of base units.
const UNITS: [&str; 9] = [
    "seconds", "bytes", "ratio", "joules", "grams", "meters", "volts", "amperes", "celsius",
];

/// Bytes of text that are gathered before they go to the writer.
const CHUNK: usize = 64 * 1024;

/// Writes metric families as OpenMetrics 1.0 text.
///
/// Names and types are taken as the registry has them: a counter gets the `_total` suffix that
/// the format demands if its name lacks it, an untyped metric becomes `unknown`.
#[derive(Clone, Debug, Default)]
pub struct OpenMetricsEncoder {
    exemplars: Exemplars,
}

impl OpenMetricsEncoder {
    /// An encoder that writes the exemplars of `exemplars` beside the values. A clone of it shares them.
    #[must_use]
    pub fn new(exemplars: Exemplars) -> Self {
        Self { exemplars }
    }
}

impl Encoder for OpenMetricsEncoder {
    /// Writes one page, with `# EOF` at its end.
    ///
    /// # Errors
    /// [`prometheus::Error::Io`] when `writer` fails.
    fn encode<W: Write>(
        &self,
        families: &[MetricFamily],
        writer: &mut W,
    ) -> prometheus::Result<()> {
        let mut out = String::with_capacity(CHUNK + CHUNK / 4);
        for family in families {
            let exemplars = self.exemplars.family(family.name());
            let mut page = FamilyText::start(&mut out, family, exemplars.as_deref());
            for metric in family.get_metric() {
                page.metric(metric);
                if page.out.len() >= CHUNK {
                    writer.write_all(page.out.as_bytes())?;
                    page.out.clear();
                }
            }
        }
        out.push_str("# EOF\n");
        writer.write_all(out.as_bytes())?;
        Ok(())
    }

    fn format_type(&self) -> &str {
        CONTENT_TYPE
    }
}

/// Writes one family: keeps its name without `_total`, its type and its exemplars.
struct FamilyText<'a> {
    out: &'a mut String,
    name: &'a str,
    kind: MetricType,
    exemplars: Option<&'a FamilyExemplars>,
    /// The metric's own labels as they stand between the braces; reused for every sample.
    labels: String,
}

impl<'a> FamilyText<'a> {
    fn start(
        out: &'a mut String,
        family: &'a MetricFamily,
        exemplars: Option<&'a FamilyExemplars>,
    ) -> Self {
        let kind = family.get_field_type();
        let full = family.name();
        let name = match kind {
            MetricType::COUNTER => full.strip_suffix("_total").unwrap_or(full),
            _ => full,
        };
        let type_name = match kind {
            MetricType::COUNTER => "counter",
            MetricType::GAUGE => "gauge",
            MetricType::HISTOGRAM => "histogram",
            MetricType::SUMMARY => "summary",
            MetricType::UNTYPED => "unknown",
        };
        for part in ["# TYPE ", name, " ", type_name, "\n"] {
            out.push_str(part);
        }
        let unit = name.rsplit_once('_').map(|(_, last)| last);
        if let Some(unit) = unit.filter(|unit| UNITS.contains(unit)) {
            for part in ["# UNIT ", name, " ", unit, "\n"] {
                out.push_str(part);
            }
        }
        if !family.help().is_empty() {
            for part in ["# HELP ", name, " "] {
                out.push_str(part);
            }
            text::push_escaped(out, family.help());
            out.push('\n');
        }
        Self {
            out,
            name,
            kind,
            exemplars,
            labels: String::new(),
        }
    }

    fn metric(&mut self, metric: &Metric) {
        self.labels.clear();
        text::push_labels(&mut self.labels, metric.get_label());
        let at = metric.timestamp_ms();
        let timestamp = (at != 0).then_some(at);
        match self.kind {
            MetricType::COUNTER => {
                let value = metric.get_counter().get_value();
                let exemplar = self
                    .exemplars
                    .and_then(|family| family.newest(&self.labels, 0));
                self.sample("_total", None, value, timestamp, exemplar);
            }
            MetricType::GAUGE => {
                self.sample("", None, metric.get_gauge().get_value(), timestamp, None);
            }
            MetricType::UNTYPED => {
                // The crate keeps this type for its protobuf model and warns of it.
                #[expect(deprecated)]
                let value = metric.get_untyped().get_value();
                self.sample("", None, value, timestamp, None);
            }
            MetricType::SUMMARY => self.summary(metric, timestamp),
            MetricType::HISTOGRAM => self.histogram(metric, timestamp),
        }
    }

    fn summary(&mut self, metric: &Metric, timestamp: Option<i64>) {
        let summary = metric.get_summary();
        for quantile in summary.get_quantile() {
            let label = Some(("quantile", quantile.quantile()));
            self.sample("", label, quantile.value(), timestamp, None);
        }
        self.count_and_sum(summary.sample_count(), summary.sample_sum(), timestamp);
    }

    fn histogram(&mut self, metric: &Metric, timestamp: Option<i64>) {
        let histogram = metric.get_histogram();
        let count = histogram.get_sample_count();
        let finite = histogram
            .get_bucket()
            .iter()
            .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
            .filter(|(bound, _)| bound.is_finite());
        let mut negative = false;
        let slots = self.exemplars.and_then(|family| family.child(&self.labels));
        for (index, (bound, cumulative)) in finite.chain([(f64::INFINITY, count)]).enumerate() {
            negative |= bound < 0.0;
            let exemplar = slots.as_ref().and_then(|slots| slots.newest(index));
            let label = Some(("le", bound));
            self.sample("_bucket", label, cumulative as f64, timestamp, exemplar);
        }
        // With negative bounds the sum can fall, so the format forbids `_sum` beside them.
        if negative {
            self.sample("_count", None, count as f64, timestamp, None);
        } else {
            self.count_and_sum(count, histogram.get_sample_sum(), timestamp);
        }
    }

    fn count_and_sum(&mut self, count: u64, sum: f64, timestamp: Option<i64>) {
        self.sample("_count", None, count as f64, timestamp, None);
        self.sample("_sum", None, sum, timestamp, None);
    }

    fn sample(
        &mut self,
        suffix: &str,
        extra: Option<(&str, f64)>,
        value: f64,
        timestamp_ms: Option<i64>,
        exemplar: Option<Recorded>,
    ) {
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        if extra.is_some() || !self.labels.is_empty() {
            self.out.push('{');
            self.out.push_str(&self.labels);
            if let Some((label, number)) = extra {
                if !self.labels.is_empty() {
                    self.out.push(',');
                }
                self.out.push_str(label);
                self.out.push_str("=\"");
                text::push_canonical(self.out, number);
                self.out.push('"');
            }
            self.out.push('}');
        }
        self.out.push(' ');
        text::push_number(self.out, value);
        if let Some(at) = timestamp_ms {
            self.out.push(' ');
            text::push_seconds(self.out, at);
        }
        if let Some(recorded) = exemplar {
            recorded.push_to(self.out);
        }
        self.out.push('\n');
    }
}
