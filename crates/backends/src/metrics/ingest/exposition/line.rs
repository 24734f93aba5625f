//! One line of either format.

use std::borrow::Cow;

use super::cursor::{Cursor, unescape};
use super::{Entry, Format, Pairs, ParsedExemplar, ParsedSample, braces, number, tidy};

/// Metric types of OpenMetrics 1.0.
const OPEN_METRICS_TYPES: [&str; 8] = [
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
    "unknown",
];
/// Metric types of the text format.
const TEXT_TYPES: [&str; 5] = ["counter", "gauge", "histogram", "summary", "untyped"];

/// A line of an OpenMetrics body. Blanks are single spaces there, and there are no free comments.
pub(super) fn open_metrics(line: &str) -> Result<Entry<'_>, String> {
    if let Some(comment) = line.strip_prefix('#') {
        let comment = comment
            .strip_prefix(' ')
            .ok_or_else(|| "expected a space after '#'".to_owned())?;
        let (word, rest) = comment.split_once(' ').unwrap_or((comment, ""));
        let (family, text) = family(rest, b" ")?;
        let text = text.ok_or_else(|| format!("expected text in {word}"))?;
        return match word {
            "TYPE" => kind(family, text, &OPEN_METRICS_TYPES),
            "HELP" => Ok(Entry::Help(family, unescape(text, true))),
            "UNIT" => unit(family, text),
            _ => Err(format!(
                "unexpected comment {word:?}: only HELP, TYPE, UNIT and EOF are allowed"
            )),
        };
    }
    let mut cursor = Cursor::new(line);
    let labels = series(&mut cursor, Format::OpenMetrics)?;
    if !cursor.eat(b' ') {
        return Err("expected a space before the value".to_owned());
    }
    let value = number(cursor.word())?;
    let mut timestamp = None;
    let mut exemplar = None;
    if cursor.eat(b' ') && cursor.peek() != Some(b'#') {
        timestamp = Some(seconds(cursor.word())?);
        if cursor.rest().starts_with(" #") {
            cursor.eat(b' ');
        }
    }
    if cursor.eat(b'#') {
        exemplar = Some(exemplar_of(&mut cursor)?);
    }
    if !cursor.rest().is_empty() {
        return Err(format!("unexpected {:?} after the sample", cursor.rest()));
    }
    Ok(Entry::Sample(ParsedSample {
        labels,
        value,
        timestamp,
        exemplar,
    }))
}

/// A line of a text body; `None` for an empty line or a free comment.
pub(super) fn text(line: &str) -> Result<Option<Entry<'_>>, String> {
    let line = line.trim_start_matches([' ', '\t']);
    if line.is_empty() {
        return Ok(None);
    }
    if let Some(comment) = line.strip_prefix('#') {
        let comment = comment.trim_start_matches([' ', '\t']);
        // `# TYPE` with nothing behind it is a free comment too.
        let Some((word, rest)) = comment.split_once([' ', '\t']) else {
            return Ok(None);
        };
        let rest = rest.trim_start_matches([' ', '\t']);
        return match word {
            "TYPE" => {
                let (family, text) = family(rest, b" \t")?;
                let entry = kind(family, text.unwrap_or_default(), &TEXT_TYPES)?;
                Ok(Some(match entry {
                    // Prometheus tells the type by its newer name.
                    Entry::Type(family, "untyped") => Entry::Type(family, "unknown"),
                    other => other,
                }))
            }
            "HELP" => {
                let (family, text) = family(rest, b" \t")?;
                let text = text.unwrap_or_default();
                Ok(Some(Entry::Help(family, unescape(text, false))))
            }
            _ => Ok(None),
        };
    }
    let mut cursor = Cursor::new(line);
    let labels = series(&mut cursor, Format::Text)?;
    cursor.skip_blanks();
    let value = number(cursor.word())?;
    cursor.skip_blanks();
    let timestamp = match cursor.word() {
        "" => None,
        word => Some(milliseconds(word)?),
    };
    cursor.skip_blanks();
    if !cursor.rest().is_empty() {
        return Err(format!("unexpected {:?} after the sample", cursor.rest()));
    }
    Ok(Some(Entry::Sample(ParsedSample {
        labels,
        value,
        timestamp,
        exemplar: None,
    })))
}

fn series<'a>(cursor: &mut Cursor<'a>, format: Format) -> Result<Pairs<'a>, String> {
    let name = if cursor.peek() == Some(b'{') {
        None
    } else {
        Some(Cow::Borrowed(cursor.metric_name()?))
    };
    let behind_blanks = cursor.rest().trim_start_matches([' ', '\t']);
    if format == Format::Text && behind_blanks.starts_with('{') {
        cursor.skip_blanks();
    }
    if cursor.eat(b'{') {
        let (quoted, labels) = braces(cursor, format)?;
        return match (name, quoted) {
            (Some(_), Some(_)) => Err("metric name given twice".to_owned()),
            (name, quoted) => tidy(name.or(quoted).unwrap_or_default(), labels),
        };
    }
    tidy(name.unwrap_or_default(), Vec::new())
}

fn exemplar_of<'a>(cursor: &mut Cursor<'a>) -> Result<ParsedExemplar<'a>, String> {
    if !cursor.eat(b' ') || !cursor.eat(b'{') {
        return Err("expected ' {' after '#' of an exemplar".to_owned());
    }
    let (name, labels) = braces(cursor, Format::OpenMetrics)?;
    if name.is_some() {
        return Err("an exemplar has labels and no name".to_owned());
    }
    if !cursor.eat(b' ') {
        return Err("expected a space before the exemplar's value".to_owned());
    }
    let value = number(cursor.word())?;
    let timestamp = if cursor.eat(b' ') {
        Some(seconds(cursor.word())?)
    } else {
        None
    };
    Ok(ParsedExemplar {
        labels,
        value,
        timestamp,
    })
}

/// Milliseconds since the Unix epoch: digits only, without a sign.
fn milliseconds(word: &str) -> Result<i64, String> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let number = word.parse().ok().filter(|_| digits);
    number.ok_or_else(|| format!("{word:?} is not a timestamp"))
}

/// Seconds with a fraction, to milliseconds. Cut off, not rounded: Prometheus does the same. What does not fit
/// becomes a time of long ago, as there: the sample is then out of bounds, and the page is fine.
fn seconds(word: &str) -> Result<i64, String> {
    let seconds = number(word)?;
    if !seconds.is_finite() {
        return Err(format!("{word:?} is not a timestamp"));
    }
    let millis = seconds * 1000.0;
    if millis.abs() < 9.2e18 {
        Ok(millis as i64)
    } else {
        Ok(i64::MIN / 2)
    }
}

/// A family's name, and the text behind the one of `blanks` that follows it.
fn family<'a>(rest: &'a str, blanks: &[u8]) -> Result<(Cow<'a, str>, Option<&'a str>), String> {
    let mut cursor = Cursor::new(rest);
    let name = if cursor.peek() == Some(b'"') {
        cursor.quoted()?
    } else {
        Cow::Borrowed(cursor.metric_name()?)
    };
    if cursor.rest().is_empty() {
        return Ok((name, None));
    }
    if !blanks.iter().any(|blank| cursor.eat(*blank)) {
        return Err("expected a space after the metric name".to_owned());
    }
    Ok((name, Some(cursor.rest())))
}

fn kind<'a>(family: Cow<'a, str>, text: &'a str, known: &[&str]) -> Result<Entry<'a>, String> {
    if !known.contains(&text) {
        return Err(format!("invalid metric type {text:?}"));
    }
    Ok(Entry::Type(family, text))
}

fn unit<'a>(family: Cow<'a, str>, text: &'a str) -> Result<Entry<'a>, String> {
    let fits = text.is_empty()
        || family
            .strip_suffix(text)
            .is_some_and(|stem| stem.ends_with('_'));
    if !fits {
        return Err(format!(
            "unit {text:?} is not a suffix of metric {family:?}"
        ));
    }
    Ok(Entry::Unit(family, text))
}
