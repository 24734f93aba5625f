//! W3C Trace Context and Baggage across requests. A malformed header is ignored, as if it were absent; it
//! never fails a request.
//!
//! OpenTelemetry's propagators are not used: they read one header where the specifications allow
//! several, refuse keys of `tracestate` that Trace Context Level 2 allows, drop its random flag,
//! and cut values of `baggage` at an equals sign.
//!
//! The test suite of the specification (`test/test.py` of w3c/trace-context, levels 1 and 2, strict)
//! passes whole through `/chain`: 41 of 41. Where the specification leaves a choice: of two equal keys in
//! `tracestate` the first is kept; two `traceparent` headers count if they are the same.
//!
//! * [`traceparent`]: the ids
//! * [`tracestate`]: members of tracing systems
//! * [`baggage`]: members of applications

mod baggage;
mod traceparent;
mod tracestate;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceId, TraceState};

/// The header that carries trace and parent.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The header of tracing systems' own members.
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The header of applications' own members.
const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// The header of a response that names the trace and the server's span, from the drafts of
/// [Trace Context Level 2].
///
/// [Trace Context Level 2]: https://www.w3.org/TR/trace-context-2/
pub const TRACERESPONSE: HeaderName = HeaderName::from_static("traceresponse");

/// Level 2: the trace id is random.
const RANDOM: TraceFlags = TraceFlags::new(0b10);

/// The formats that carry the context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagation {
    /// `traceparent`, `tracestate` and `traceresponse`.
    pub trace_context: bool,
    /// `baggage`.
    pub baggage: bool,
}

impl Default for Propagation {
    /// The default of `OTEL_PROPAGATORS`.
    fn default() -> Self {
        Self {
            trace_context: true,
            baggage: true,
        }
    }
}

/// Trace state and baggage of a parent. Kept beside the span's own context, because the SDK's
/// `TraceState` refuses keys that are allowed, and its sampler forgets the random flag.
struct Remote {
    trace_id: TraceId,
    is_random: bool,
    trace_state: Option<Arc<str>>,
}

/// A checked `baggage` header.
struct Baggage(HeaderValue);

impl Propagation {
    /// The context of a request with these headers.
    #[must_use]
    pub fn extract(self, headers: &HeaderMap) -> Context {
        let mut context = Context::new();
        if self.trace_context
            && let Some(parent) = traceparent::of(headers)
        {
            let ids = SpanContext::new(
                parent.trace_id,
                parent.span_id,
                parent.flags & (TraceFlags::SAMPLED | RANDOM),
                true,
                TraceState::NONE,
            );
            let remote = Remote {
                trace_id: parent.trace_id,
                is_random: parent.flags & RANDOM == RANDOM,
                trace_state: tracestate::of(headers),
            };
            context = context.with_remote_span_context(ids).with_value(remote);
        }
        if self.baggage
            && let Some(members) = baggage::of(headers)
        {
            context = context.with_value(Baggage(members));
        }
        context
    }

    /// Adds the headers that make a request part of what `context` belongs to.
    pub fn inject(self, context: &Context, headers: &mut HeaderMap) {
        if self.trace_context {
            let span = context.span();
            let ids = span.span_context();
            if ids.is_valid() {
                headers.insert(
                    TRACEPARENT,
                    traceparent::value(ids, is_random(context, ids)),
                );
                if let Some(members) = trace_state(context, ids) {
                    headers.insert(TRACESTATE, tracestate::value(members));
                }
            }
        }
        if self.baggage
            && let Some(Baggage(members)) = context.get()
        {
            headers.insert(BAGGAGE, members.clone());
        }
    }

    /// Adds the response header that names the trace of the request and the server's span.
    pub fn respond(self, context: &Context, headers: &mut HeaderMap) {
        let span = context.span();
        let ids = span.span_context();
        if self.trace_context && ids.is_valid() {
            headers.insert(
                TRACERESPONSE,
                traceparent::value(ids, is_random(context, ids)),
            );
        }
    }
}

/// Trace state of the trace of `ids`. A context can hold what came with another trace: that of a
/// request in which someone begins a trace of their own.
fn remote<'a>(context: &'a Context, ids: &SpanContext) -> Option<&'a Remote> {
    let remote = context.get::<Remote>();
    remote.filter(|remote| remote.trace_id == ids.trace_id())
}

/// True if the trace id is random: as the sender said, or because it was made here.
fn is_random(context: &Context, ids: &SpanContext) -> bool {
    remote(context, ids).is_none_or(|remote| remote.is_random)
}

/// The `tracestate` of the trace of `ids`, which is that of `context`.
pub(super) fn trace_state<'a>(context: &'a Context, ids: &SpanContext) -> Option<&'a Arc<str>> {
    remote(context, ids).and_then(|remote| remote.trace_state.as_ref())
}

/// Trace that a response names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// 32 hex digits.
    pub trace_id: String,
    /// True if its spans were recorded.
    pub is_sampled: bool,
}

impl Told {
    /// Reads the headers of a response; `None` when there is no well-formed [`TRACERESPONSE`].
    #[must_use]
    pub fn by(headers: &HeaderMap) -> Option<Self> {
        let ids = traceparent::single(headers, &TRACERESPONSE)?;
        Some(Self {
            trace_id: ids.trace_id.to_string(),
            is_sampled: ids.flags.is_sampled(),
        })
    }
}
