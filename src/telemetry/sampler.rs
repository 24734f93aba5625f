//! Samplers by the names that the OpenTelemetry specification gives them.

use opentelemetry_sdk::trace::Sampler;

/// Names that [`parse`] takes.
pub(crate) const ALLOWED: &str = "always_on, always_off, traceidratio, parentbased_always_on, \
    parentbased_always_off, parentbased_traceidratio";

/// The sampler `name` of `OTEL_TRACES_SAMPLER`; `ratio` is the share of traces that the two
/// ratio samplers keep, from 0 to 1.
#[must_use]
pub(crate) fn parse(name: &str, ratio: f64) -> Option<Sampler> {
    let root = match name.strip_prefix("parentbased_").unwrap_or(name) {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(ratio),
        _ => return None,
    };
    Some(if name.starts_with("parentbased_") {
        Sampler::ParentBased(Box::new(root))
    } else {
        root
    })
}
