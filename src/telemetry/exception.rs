//! Exceptions: errors and panics of a request, for span, log and counter.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::error::Error;
use std::fmt::Write as _;
use std::panic;
use std::sync::Arc;

use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use tracing::error;

/// `exception.type` of a panic.
const PANIC: &str = "panic";

/// An error that ended a request, in the terms of OpenTelemetry's exception conventions.
///
/// A handler leaves it in the response's extensions; [`super::observe`] records it.
#[derive(Clone, Debug)]
pub(crate) struct Exception {
    /// `exception.type`: a fixed name, since it becomes a metric label.
    pub kind: &'static str,
    /// `exception.message`: the outermost error.
    pub message: String,
    /// `exception.stacktrace`: the cause chain, a line each, then the backtrace if there is one.
    pub stacktrace: String,
    cause: Cause,
}

#[derive(Clone, Debug)]
enum Cause {
    Error(Arc<dyn Error + Send + Sync>),
    Panic,
}

impl Exception {
    /// Type, message and causes of an error.
    #[must_use]
    pub(crate) fn new<E: Error + Send + Sync + 'static>(error: E) -> Self {
        let message = error.to_string();
        let mut stacktrace = format!("{}: {message}", std::any::type_name::<E>());
        let mut cause = error.source();
        while let Some(error) = cause {
            let _ = write!(stacktrace, "\n  caused by: {error}");
            cause = error.source();
        }
        Self {
            kind: std::any::type_name::<E>(),
            message,
            stacktrace,
            cause: Cause::Error(Arc::new(error)),
        }
    }

    /// Message and place of a panic that was caught on this thread.
    #[must_use]
    pub(crate) fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let message = payload_text(payload).to_owned();
        let place = LAST_PANIC.take();
        let mut stacktrace = format!("{PANIC}: {message}");
        if let Some(place) = place {
            stacktrace.push_str(&place);
        }
        Self {
            kind: PANIC,
            message,
            stacktrace,
            cause: Cause::Panic,
        }
    }

    /// Writes the exception to the current span and to the log.
    pub(crate) fn record(&self, method: &str, path: &str) {
        Context::map_current(|context| {
            let span = context.span();
            span.set_status(Status::error(self.message.clone()));
            span.add_event(
                "exception",
                vec![
                    KeyValue::new("exception.type", self.kind),
                    KeyValue::new("exception.message", self.message.clone()),
                    KeyValue::new("exception.stacktrace", self.stacktrace.clone()),
                ],
            );
        });
        match &self.cause {
            Cause::Error(cause) => {
                let cause: &(dyn Error + 'static) = cause.as_ref();
                error!(error = cause, "{method} {path} failed");
            }
            Cause::Panic => error!(
                exception.stacktrace = self.stacktrace,
                "{method} {path} panicked: {}", self.message
            ),
        }
    }
}

fn payload_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

thread_local! {
    /// Place and backtrace of the newest panic of this thread, until it is reported.
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the place and the backtrace of a panic for [`Exception::from_panic`], and logs at once
/// a panic outside a request, which nobody catches. A backtrace is taken when `RUST_BACKTRACE`
/// asks for it.
pub(crate) fn keep_panics() {
    panic::set_hook(Box::new(|info| {
        let mut place = String::new();
        if let Some(location) = info.location() {
            let _ = write!(place, "\n  at {location}");
        }
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            let _ = write!(place, "\n{backtrace}");
        }
        let in_request = Context::map_current(Context::has_active_span);
        if !in_request {
            let text = payload_text(info.payload());
            error!(exception.stacktrace = place, "panicked: {text}");
        }
        LAST_PANIC.set(Some(place));
    }));
}
