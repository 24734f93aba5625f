//! Exposition formats: [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/) and the
//! [Prometheus text format 0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/), and [`protobuf`].

mod bounds;
mod cursor;
mod line;
pub(crate) mod protobuf;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::ControlFlow;

use crate::metrics::histogram::Histogram;
use crate::metrics::labels::METRIC_NAME;
use cursor::Cursor;

/// The format that a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `application/openmetrics-text`: ends with `# EOF`, timestamps in seconds, exemplars.
    OpenMetrics,
    /// `text/plain`: timestamps in milliseconds, free comments.
    Text,
    /// `application/vnd.google.protobuf`: see [`protobuf`].
    Protobuf,
}

impl Format {
    /// The format that a `Content-Type` header announces.
    ///
    /// # Errors
    /// The text that Prometheus 3 shows for the target, for a missing or another type.
    pub(crate) fn of_content_type(header: Option<&str>) -> Result<Self, String> {
        let full = header.unwrap_or("").trim();
        let media_type = full
            .split(';')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_lowercase();
        match media_type.as_str() {
            "application/openmetrics-text" => Ok(Self::OpenMetrics),
            "text/plain" => Ok(Self::Text),
            "application/vnd.google.protobuf" => Ok(Self::Protobuf),
            "" => Err(
                "non-compliant scrape target sending blank Content-Type and no \
                       fallback_scrape_protocol specified for target"
                    .to_owned(),
            ),
            _ => Err(format!(
                "received unsupported Content-Type {full:?} and no fallback_scrape_protocol specified for target"
            )),
        }
    }
}

/// A body that is not valid in its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(crate) struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// The problem at this place.
    pub problem: String,
}

/// Label names and values, borrowed from the body where no escape stands in the way.
pub(crate) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The exemplar behind a sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParsedExemplar<'a> {
    /// Labels in the order written.
    pub labels: Pairs<'a>,
    /// The observed value.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
}

/// One line with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParsedSample<'a> {
    /// All labels with the metric's name as `__name__`, sorted by name, without empty values.
    pub labels: Pairs<'a>,
    /// The value.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// The exemplar, in OpenMetrics only.
    pub exemplar: Option<ParsedExemplar<'a>>,
}

/// A native histogram.
#[derive(Debug, Clone)]
pub(crate) struct ParsedHistogram<'a> {
    /// As those of a [`ParsedSample`].
    pub labels: Pairs<'a>,
    /// The histogram.
    pub histogram: Histogram,
    /// Milliseconds since the Unix epoch.
    pub timestamp: Option<i64>,
    /// Its exemplars, each with a time.
    pub exemplars: Vec<ParsedExemplar<'a>>,
}

/// One entry of a body.
#[derive(Debug, Clone)]
pub(crate) enum Entry<'a> {
    /// A value.
    Sample(ParsedSample<'a>),
    /// A native histogram, in protobuf only.
    Histogram(ParsedHistogram<'a>),
    /// `# TYPE`: metric family and type.
    Type(Cow<'a, str>, &'a str),
    /// `# HELP`: metric family and text.
    Help(Cow<'a, str>, Cow<'a, str>),
    /// `# UNIT`: metric family and unit.
    Unit(Cow<'a, str>, &'a str),
}

/// Reads a body of text line by line and hands each entry to `each`, which may stop early.
///
/// # Errors
/// [`ParseError`] at the first line that the format does not allow. What `each` got before stays with it:
/// read a body twice to apply all or nothing.
pub(crate) fn parse<'a>(
    body: &'a str,
    format: Format,
    mut each: impl FnMut(Entry<'a>) -> ControlFlow<()>,
) -> Result<(), ParseError> {
    // Prometheus takes a page without anything for one without samples, in either format.
    if body.is_empty() {
        return Ok(());
    }
    let mut ended = false;
    let mut kind = "";
    let lines = body.strip_suffix('\n').unwrap_or(body);
    for (index, raw) in lines.split('\n').enumerate() {
        let fail = |problem: String| ParseError {
            line: index + 1,
            problem,
        };
        if ended {
            return Err(fail("unexpected content after # EOF".to_owned()));
        }
        let entry = match format {
            Format::OpenMetrics if raw == "# EOF" => {
                ended = true;
                continue;
            }
            Format::OpenMetrics => line::open_metrics(raw).map(Some),
            Format::Text | Format::Protobuf => line::text(raw),
        };
        let Some(mut entry) = entry.map_err(fail)? else {
            continue;
        };
        match &mut entry {
            Entry::Type(_, written) => kind = *written,
            Entry::Sample(sample) => bounds::normalize(kind, &mut sample.labels),
            _ => {}
        }
        if each(entry).is_break() {
            return Ok(());
        }
    }
    if format == Format::OpenMetrics && !ended {
        return Err(ParseError {
            line: body.lines().count(),
            problem: "data does not end with # EOF".to_owned(),
        });
    }
    Ok(())
}

/// Sorts labels, drops empty values and refuses a name given twice.
fn tidy<'a>(name: Cow<'a, str>, mut labels: Pairs<'a>) -> Result<Pairs<'a>, String> {
    if name.is_empty() {
        return Err("sample without a metric name".to_owned());
    }
    if labels.iter().any(|(name, _)| name.is_empty()) {
        return Err("label without a name".to_owned());
    }
    labels.push((Cow::Borrowed(METRIC_NAME), name));
    labels.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    if let Some(pair) = labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!(
            "label name {:?} is not unique: invalid sample",
            pair[0].0
        ));
    }
    labels.retain(|(_, value)| !value.is_empty());
    Ok(labels)
}

/// A number as the formats write it: decimal, exponent, `NaN`, `+Inf`. A signed `NaN`, and a number that no float
/// holds, are refused, as Go does.
fn number(word: &str) -> Result<f64, String> {
    let refused = || format!("{word:?} is not a number");
    let value: f64 = word.parse().map_err(|_| refused())?;
    let unsigned = word.trim_start_matches(['+', '-']);
    if value.is_nan() {
        return if unsigned == word {
            Ok(f64::NAN)
        } else {
            Err(refused())
        };
    }
    let named = unsigned.starts_with(['i', 'I']);
    if value.is_infinite() && !named {
        return Err(format!("{word:?} is out of range"));
    }
    Ok(value)
}

/// A whole `{…}` with an optional quoted metric name in it (the UTF-8 form of Prometheus 3).
type LabelList<'a> = (Option<Cow<'a, str>>, Pairs<'a>);

fn braces<'a>(cursor: &mut Cursor<'a>, format: Format) -> Result<LabelList<'a>, String> {
    let skip_blanks = |cursor: &mut Cursor<'a>| {
        if format == Format::Text {
            cursor.skip_blanks();
        }
    };
    let (mut name, mut labels) = (None, Vec::new());
    loop {
        skip_blanks(cursor);
        if cursor.eat(b'}') {
            return Ok((name, labels));
        }
        let quoted = cursor.peek() == Some(b'"');
        let key = if quoted {
            cursor.quoted()?
        } else {
            Cow::Borrowed(cursor.label_name()?)
        };
        skip_blanks(cursor);
        if cursor.eat(b'=') {
            skip_blanks(cursor);
            labels.push((key, cursor.quoted()?));
        } else if quoted && name.is_none() {
            name = Some(key);
        } else {
            return Err(format!("expected '=' after label name {key:?}"));
        }
        skip_blanks(cursor);
        // The text format does not need the comma.
        if !cursor.eat(b',') && format != Format::Text && cursor.peek() != Some(b'}') {
            return Err("expected ',' or '}' after a label".to_owned());
        }
    }
}
