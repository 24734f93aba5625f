//! The server span of a request, by the [HTTP semantic conventions].
//!
//! Salvo has middleware for this, `salvo_otel::Tracing`, and log lines and exemplars inside a request
//! do find its ids. It is not used because it leaves the sender's baggage behind, which then does
//! not reach the next service, and because it builds all attributes, two events and a copy of the
//! headers for every request, sampled or not (docs/decisions/telemetry.md says what that cost).
//!
//! [HTTP semantic conventions]: https://opentelemetry.io/docs/specs/semconv/http/http-spans/

use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SdkTracer;
use salvo::http::{StatusCode, Version};
use salvo::{Request, Response};

use super::metrics::OTHER_METHOD;
use super::propagation::Propagation;

/// Most bytes of an attribute that a client chose.
const MAX_TEXT: usize = 1024;

/// Header with an id that the client chooses. It finds the span of a request also when no response named
/// the trace.
pub const REQUEST_ID: &str = "x-request-id";

/// The attribute for it, as the semantic conventions name those of request headers.
const REQUEST_ID_ATTRIBUTE: &str = "http.request.header.x-request-id";

/// Makes a server span per request, child of the sender's span if the headers name one.
pub struct ServerSpan {
    tracer: SdkTracer,
    propagation: Propagation,
}

impl ServerSpan {
    /// Server spans of `tracer`.
    #[must_use]
    pub fn new(tracer: SdkTracer, propagation: Propagation) -> Self {
        Self {
            tracer,
            propagation,
        }
    }

    /// Starts the span of a request with this method, by its label, on this route. The context holds it and the
    /// sender's baggage, and is to be current while the request is answered.
    pub(super) fn start(
        &self,
        req: &Request,
        method: &'static str,
        route: Option<&str>,
    ) -> Context {
        let parent = self.propagation.extract(req.headers());
        let named = if method == OTHER_METHOD {
            "HTTP"
        } else {
            method
        };
        let builder = match route {
            Some(route) => self.tracer.span_builder([named, " ", route].concat()),
            None => self.tracer.span_builder(named),
        };
        let mut span = builder
            .with_kind(SpanKind::Server)
            .start_with_context(&self.tracer, &parent);
        // With a low sampling ratio most requests end here.
        if span.is_recording() {
            span.set_attribute(KeyValue::new("http.request.method", method));
            if method == OTHER_METHOD {
                let original = cut(req.method().as_str());
                span.set_attribute(KeyValue::new("http.request.method_original", original));
            }
            if let Some(route) = route {
                span.set_attribute(KeyValue::new("http.route", route.to_owned()));
            }
            // Without the query, which may hold a secret.
            span.set_attribute(KeyValue::new("url.path", cut(req.uri().path())));
            span.set_attribute(KeyValue::new("url.scheme", "http"));
            if let Some(version) = protocol_version(req.version()) {
                span.set_attribute(KeyValue::new("network.protocol.version", version));
            }
            let request_id = req.headers().get(REQUEST_ID);
            if let Some(id) = request_id.and_then(|id| id.to_str().ok()) {
                let values = vec![StringValue::from(cut(id))];
                let value = Value::Array(Array::String(values));
                span.set_attribute(KeyValue::new(REQUEST_ID_ATTRIBUTE, value));
            }
        }
        parent.with_span(span)
    }

    /// Ends the span with what the response tells, and names the trace in the response.
    pub(super) fn end(&self, context: &Context, res: &mut Response) {
        let span = context.span();
        self.propagation.respond(context, res.headers_mut());
        if span.is_recording() {
            let status = res.status_code.unwrap_or(StatusCode::OK);
            let code = i64::from(status.as_u16());
            span.set_attribute(KeyValue::new("http.response.status_code", code));
            // A client's error is not an error of the server span.
            if status.is_server_error() {
                span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
                span.set_status(Status::error(""));
            }
        }
        span.end();
    }
}

/// The template of the route that a request matched, as far as the middleware's caller knows it.
/// Salvo gives the path of `/` and of a request without a route alike as empty, but only the latter
/// has its status set before any middleware runs.
pub(super) fn route_template(req: &Request, res: &Response) -> Option<String> {
    if res.status_code.is_some() {
        return None;
    }
    let matched = req.matched_path();
    let mut template = String::with_capacity(matched.len() + 1);
    template.push('/');
    template.push_str(matched);
    Some(template)
}

/// The beginning of a text that a client chose the length of: spans of one batch share one message
/// to the collector, which must not grow beyond what that takes.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT)].to_owned()
}

fn protocol_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        _ => None,
    }
}
