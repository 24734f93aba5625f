//! The log line: one event is one line that carries the ids of the span it was written in.
//!
//! Text from outside (a path, a header, an error message) can hold anything, so every control
//! character is escaped; only the cause chain and the stack trace of an error, which the
//! formatter itself lays out, take further lines, and those are indented.

use std::error::Error;
use std::fmt::{self, Write as _};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::hex;
use super::live::{self, Causes};

/// Field that holds a stack trace or backtrace; the only string that keeps its line breaks.
pub const STACKTRACE: &str = "exception.stacktrace";

/// Bytes of a line, roughly.
const USUAL_BYTES: usize = 256;

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
        let mut line = String::with_capacity(USUAL_BYTES);
        push_time(&mut line, self.time_zone.to_datetime(now()))?;
        for part in [
            " ",
            meta.level().as_str(),
            " [",
            meta.target(),
            "] [",
            file_name(meta),
        ] {
            line.push_str(part);
        }
        write!(line, ":{}] ", meta.line().unwrap_or(0))?;
        #[cfg(feature = "faults")]
        let head = line.len();
        match current_ids() {
            Some(ids) => {
                line.push_str("[trace_id=");
                hex::push(&mut line, &ids.trace_id().to_bytes());
                line.push_str(" span_id=");
                hex::push(&mut line, &ids.span_id().to_bytes());
            }
            None => line.push_str("[trace_id=0 span_id=0"),
        }
        line.push_str(" resource.service.name=");
        line.push_str(&self.service_name);
        line.push_str("] - ");
        let mut fields = TextFields {
            line: &mut line,
            rest: String::new(),
            further_lines: String::new(),
        };
        event.record(&mut fields);
        let TextFields {
            rest,
            further_lines,
            ..
        } = fields;
        line.push_str(&rest);
        match live::causes() {
            Causes::Indented => line.push_str(&further_lines),
            #[cfg(feature = "faults")]
            Causes::Dated => self.push_dated(&mut line, head, &further_lines),
            #[cfg(feature = "faults")]
            Causes::Undated => {
                line.push_str(&further_lines);
                if !further_lines.is_empty() {
                    line.drain(..TIME.len() + 1);
                }
            }
        }
        line.push('\n');
        out.write_str(&line)
    }

    /// Appends further lines as lines of their own, with the beginning of `line` up to `head` before each.
    #[cfg(feature = "faults")]
    fn push_dated(&self, line: &mut String, head: usize, further_lines: &str) {
        let head = line[..head].to_owned();
        for further in further_lines.split('\n').skip(1) {
            for part in [
                "\n",
                &head,
                "[trace_id=0 span_id=0 resource.service.name=",
                &self.service_name,
                "] - ",
                further.trim_start(),
            ] {
                line.push_str(part);
            }
        }
    }

    fn json(&self, out: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let meta = event.metadata();
        let now = now();
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
        if !live::writes(event.metadata().level()) {
            return Ok(());
        }
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

/// The time, by the clock of this telemetry.
fn now() -> Timestamp {
    let now = Timestamp::now();
    match live::clock_offset() {
        0 => now,
        // A time that no calendar has cannot be written.
        offset => now
            .checked_add(SignedDuration::from_secs(offset))
            .unwrap_or(now),
    }
}

/// Form of the time of a line.
const TIME: &str = "0000-00-00 00:00:00,000";

/// Appends `date time,milliseconds`.
fn push_time(out: &mut String, time: DateTime) -> fmt::Result {
    let mut text = [0; TIME.len()];
    text.copy_from_slice(TIME.as_bytes());
    let parts = [
        (0..4, time.year().unsigned_abs()),
        (5..7, time.month().unsigned_abs().into()),
        (8..10, time.day().unsigned_abs().into()),
        (11..13, time.hour().unsigned_abs().into()),
        (14..16, time.minute().unsigned_abs().into()),
        (17..19, time.second().unsigned_abs().into()),
        (20..23, time.millisecond().unsigned_abs()),
    ];
    for (place, mut number) in parts {
        for digit in text[place].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    out.push_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?);
    Ok(())
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
    // Nearly every text is without any.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.push_str(text);
        return;
    }
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

/// What is written to it is appended as [`push_escaped`] does.
struct Escaped<'a>(&'a mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        push_escaped(self.0, text);
        Ok(())
    }
}

/// An event's fields as parts of a text line: the message goes to the line at once; ` name=value` for the
/// others and the fields that take further lines come after it.
struct TextFields<'a> {
    line: &'a mut String,
    rest: String,
    further_lines: String,
}

impl TextFields<'_> {
    /// The place for the value of a field.
    fn place(&mut self, field: &Field) -> Escaped<'_> {
        if field.name() == "message" {
            return Escaped(self.line);
        }
        self.rest.push(' ');
        self.rest.push_str(field.name());
        self.rest.push('=');
        Escaped(&mut self.rest)
    }
}

impl Visit for TextFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == STACKTRACE {
            for line in value.lines() {
                self.further_lines.push_str("\n    ");
                push_escaped(&mut self.further_lines, line);
            }
        } else {
            push_escaped(self.place(field).0, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let _ = write!(self.place(field), "{value}");
        push_causes(&mut self.further_lines, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Only the value's own formatting can fail; what it has written stays.
        let _ = write!(self.place(field), "{value:?}");
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
