//! W3C Trace Context and Baggage across requests: what is well-formed is carried on, anything
//! else starts afresh and never fails a request.

use http::{HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::SpanContext;
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// The header that carries trace and parent.
const TRACEPARENT: &str = "traceparent";

/// The header of a response that names the trace and the server's span, from the drafts of [Trace
/// Context Level 2].
///
/// [Trace Context Level 2]: https://www.w3.org/TR/trace-context-2/
pub const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// The value of [`TRACERESPONSE`] for a request that was answered in `span`.
pub(super) fn traceresponse(span: &SpanContext) -> Option<HeaderValue> {
    let flags = u8::from(span.is_sampled());
    let text = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
    span.is_valid()
        .then(|| HeaderValue::try_from(text).ok())
        .flatten()
}

/// Trace Context that takes a `traceparent` only as the specification writes it.
///
/// The SDK's propagator reads the parts as numbers and so accepts ids of the wrong length or
/// with a sign, which would put unrelated requests into one trace.
#[derive(Debug, Default)]
pub struct StrictTraceContext(TraceContextPropagator);

impl TextMapPropagator for StrictTraceContext {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.0.inject_context(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        match extractor.get(TRACEPARENT) {
            Some(header) if is_traceparent(header.trim()) => {
                self.0.extract_with_context(context, extractor)
            }
            _ => context.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

/// Whether `header` has the form of [Trace Context], section 3.2: `version-trace-parent-flags` of
/// 2, 32, 16 and 2 lower-case hex digits; only a version after 00 may have more behind a dash.
///
/// [Trace Context]: https://www.w3.org/TR/trace-context/#traceparent-header
fn is_traceparent(header: &str) -> bool {
    const LENGTH: usize = 55;
    let bytes = header.as_bytes();
    let Some((head, rest)) = bytes.split_at_checked(LENGTH) else {
        return false;
    };
    let well_formed = head.iter().enumerate().all(|(at, byte)| match at {
        2 | 35 | 52 => *byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    });
    let version = &head[..2];
    well_formed && version != b"ff" && (rest.is_empty() || (version != b"00" && rest[0] == b'-'))
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn only_the_form_of_the_specification_is_a_traceparent() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(good));
        assert!(is_traceparent(&good.replacen("00", "cc", 1)));
        assert!(is_traceparent(&format!(
            "{}-more",
            good.replacen("00", "cc", 1)
        )));
        for bad in [
            String::new(),
            "00-1-1-01".to_owned(),
            good.to_uppercase(),
            good.replacen("00", "ff", 1),
            format!("{good}-more"),
            format!("{good}0"),
            good.replacen("0af7", "+af7", 1),
            good.replace('-', "_"),
            good[..54].to_owned(),
            "é".repeat(55),
        ] {
            assert!(!is_traceparent(&bad), "{bad}");
        }
    }
}
