//! The log line: one event is one line that carries the ids of the span it was written in.
//!
//! Text from outside (a path, a header, an error message) can hold anything, so every control
//! character is escaped; only the cause chain and the stack trace of an error, which the
//! formatter itself lays out, take further lines, and those are indented.

use std::error::Error;
use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Field that holds a stack trace or backtrace; the only string that keeps its line breaks.
pub const STACKTRACE: &str = "exception.stacktrace";

/// Format of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `date time level [logger] [file:line] [ids] - message`, error chains on further lines.
    Text,
    /// One JSON object a line.
    Json,
}

/// Formats events of `tracing` as log lines.
pub struct LogLine {
    format: LogFormat,
    service_name: String,
    time_zone: TimeZone,
}

impl LogLine {
    /// Lines of the service `service_name` with the local time of `time_zone`.
    #[must_use]
    pub fn new(format: LogFormat, service_name: &str, time_zone: TimeZone) -> Self {
        let mut escaped = String::new();
        push_escaped(&mut escaped, service_name);
        Self {
            format,
            service_name: escaped,
            time_zone,
        }
    }

    fn text(&self, out: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let meta = event.metadata();
        let now = self.time_zone.to_datetime(Timestamp::now());
        write!(
            out,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03} {} [{}] [{}:{}] ",
            now.year(),
            now.month(),
            now.day(),
            now.hour(),
            now.minute(),
            now.second(),
            now.millisecond(),
            meta.level(),
            meta.target(),
            file_name(meta),
            meta.line().unwrap_or(0),
        )?;
        match current_ids() {
            Some(ids) => write!(
                out,
                "[trace_id={:032x} span_id={:016x} ",
                ids.trace_id(),
                ids.span_id()
            )?,
            None => out.write_str("[trace_id=0 span_id=0 ")?,
        }
        write!(out, "resource.service.name={}] - ", self.service_name)?;
        let mut fields = TextFields::default();
        event.record(&mut fields);
        out.write_str(&fields.message)?;
        out.write_str(&fields.rest)?;
        out.write_str(&fields.further_lines)?;
        out.write_char('\n')
    }

    fn json(&self, out: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let meta = event.metadata();
        let now = Timestamp::now();
        let offset = self.time_zone.to_offset(now);
        let ids = current_ids();
        let mut line = JsonFields::default();
        line.put(
            "timestamp",
            format!("{:.3}", now.display_with_offset(offset)),
        );
        line.put("level", meta.level().as_str());
        line.put("logger", meta.target());
        line.put(
            "code",
            format!("{}:{}", file_name(meta), meta.line().unwrap_or(0)),
        );
        line.put(
            "trace_id",
            ids.as_ref()
                .map_or_else(|| "0".to_owned(), |ids| ids.trace_id().to_string()),
        );
        line.put(
            "span_id",
            ids.as_ref()
                .map_or_else(|| "0".to_owned(), |ids| ids.span_id().to_string()),
        );
        line.put("resource.service.name", self.service_name.as_str());
        event.record(&mut line);
        // JSON escapes the C0 controls by itself; the rest of them must not reach a terminal.
        let object = serde_json::to_string(&line.0).map_err(|_| fmt::Error)?;
        for character in object.chars() {
            if character.is_control() || is_line_separator(character) {
                write!(out, "\\u{:04x}", u32::from(character))?;
            } else {
                out.write_char(character)?;
            }
        }
        out.write_char('\n')
    }
}

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match self.format {
            LogFormat::Text => self.text(&mut writer, event),
            LogFormat::Json => self.json(&mut writer, event),
        }
    }
}

/// The ids of the span that this thread is in, sampled or not.
fn current_ids() -> Option<SpanContext> {
    Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        ids.is_valid().then(|| ids.clone())
    })
}

fn file_name(meta: &Metadata<'static>) -> &'static str {
    let path = meta.file().unwrap_or("?");
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn is_line_separator(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}')
}

/// Appends `text` with control characters and Unicode line separators as escapes.
fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() || is_line_separator(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
}

/// Appends an error's causes, a line each.
fn push_causes(out: &mut String, error: &(dyn Error + 'static)) {
    let mut cause = error.source();
    while let Some(error) = cause {
        out.push_str("\n  caused by: ");
        push_escaped(out, &error.to_string());
        cause = error.source();
    }
}

/// An event's fields as parts of a text line: the message, ` name=value` for the others, then the fields
/// that take further lines.
#[derive(Default)]
struct TextFields {
    message: String,
    rest: String,
    further_lines: String,
}

impl TextFields {
    fn push(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            push_escaped(&mut self.message, value);
        } else {
            self.rest.push(' ');
            self.rest.push_str(field.name());
            self.rest.push('=');
            push_escaped(&mut self.rest, value);
        }
    }
}

impl Visit for TextFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == STACKTRACE {
            for line in value.lines() {
                self.further_lines.push_str("\n    ");
                push_escaped(&mut self.further_lines, line);
            }
        } else {
            self.push(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push(field, &value.to_string());
        push_causes(&mut self.further_lines, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, &format!("{value:?}"));
    }
}

/// An event's fields as JSON members. A field cannot overwrite a member that the line itself sets.
#[derive(Default)]
struct JsonFields(Map<String, Value>);

impl JsonFields {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), value.into());
        }
    }
}

impl Visit for JsonFields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut chain = vec![value.to_string()];
        let mut cause = value.source();
        while let Some(error) = cause {
            chain.push(error.to_string());
            cause = error.source();
        }
        self.put(field.name(), chain);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }
}
