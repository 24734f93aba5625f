//! The bounds of histograms and summaries as numbers, so that `le="1"` and `le="1.0"` are one series.

use std::borrow::Cow;

use super::Pairs;
use crate::metrics::number::general;
use crate::template::parse_float;

/// Writes `le` of a histogram and `quantile` of a summary as OpenMetrics has them, as Prometheus 3 does when it
/// scrapes. `kind` is that of the last `# TYPE`.
pub(super) fn normalize(kind: &str, labels: &mut Pairs<'_>) {
    let wanted = match kind {
        "histogram" => "le",
        "summary" => "quantile",
        _ => return,
    };
    for (_, value) in labels.iter_mut().filter(|(name, _)| name == wanted) {
        let Ok(bound) = parse_float(value) else {
            continue;
        };
        // Go reads no sign before it.
        if bound.is_nan() && value.starts_with(['+', '-']) {
            continue;
        }
        let written = open_metrics(bound);
        if written != *value {
            *value = Cow::Owned(written);
        }
    }
}

/// A number with a point or an exponent.
pub(super) fn open_metrics(number: f64) -> String {
    // Zero has no sign here.
    let mut text = general(number + 0.0, None);
    if number.is_finite() && !text.contains(['e', '.']) {
        text.push_str(".0");
    }
    text
}
