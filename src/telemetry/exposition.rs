//! `/metrics`: a registry as the body of a response, in the format that the request prefers.

use openmetrics_exemplars::{Exemplars, Exposition, OpenMetricsEncoder};
use prometheus::proto::MetricFamily;
use prometheus::{Encoder, Registry, TextEncoder};
use salvo::Response;
use salvo::http::header::{ACCEPT, CONTENT_TYPE, VARY};
use salvo::http::{HeaderMap, HeaderValue};

/// Capacity of a page before it has to grow.
const PAGE_BYTES: usize = 16 * 1024;

/// The format that the `Accept` headers of a request prefer.
#[must_use]
pub(crate) fn preferred(headers: &HeaderMap) -> Exposition {
    let accept: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    Exposition::negotiate(&accept.join(","))
}

/// Metrics in a format. Only OpenMetrics can hold the exemplars.
///
/// # Errors
/// Errors of the encoder.
pub(crate) fn encode(
    families: &[MetricFamily],
    exemplars: &Exemplars,
    format: Exposition,
) -> prometheus::Result<Vec<u8>> {
    let mut page = Vec::with_capacity(PAGE_BYTES);
    match format {
        Exposition::OpenMetrics => {
            OpenMetricsEncoder::new(exemplars.clone()).encode(families, &mut page)?;
        }
        Exposition::Text => TextEncoder::new().encode(families, &mut page)?,
    }
    Ok(page)
}

/// Makes a page the response.
pub(crate) fn write(res: &mut Response, format: Exposition, page: Vec<u8>) {
    let headers = res.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    headers.insert(VARY, HeaderValue::from_static("accept"));
    res.body(page);
}

/// Registers the `process_*` metrics. Only Linux has them.
///
/// # Errors
/// Errors of the registry.
pub(crate) fn register_process(registry: &Registry) -> prometheus::Result<()> {
    #[cfg(target_os = "linux")]
    registry.register(Box::new(
        prometheus::process_collector::ProcessCollector::for_self(),
    ))?;
    #[cfg(not(target_os = "linux"))]
    let _ = registry;
    Ok(())
}
