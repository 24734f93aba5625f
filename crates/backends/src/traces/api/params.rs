//! Parameters of a request, with the errors that Tempo (or Go's strconv) gives for bad ones.

use std::collections::HashMap;

use winnow::Parser;
use winnow::combinator::{alt, delimited, opt, preceded, repeat};
use winnow::error::ContextError;
use winnow::token::{any, none_of, take_while};

use super::time;
use crate::wire::integer;

/// Parameters of a request.
pub(super) struct Params {
    /// The part of the path that names something.
    pub(super) path: String,
    /// The first value of each parameter.
    pub(super) queries: HashMap<String, Vec<u8>>,
    pub(super) accept: String,
}

impl Params {
    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        // Only queries and tags may have bytes that are not UTF-8; elsewhere U+FFFD is as wrong as they are.
        self.bytes(name)
            .map(|value| std::str::from_utf8(value).unwrap_or("\u{fffd}"))
    }

    /// As [`Self::get`], as it was sent.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let value = self.queries.get(name)?;
        (!value.is_empty()).then_some(value.as_slice())
    }

    /// True if protobuf is wanted instead of JSON.
    pub(super) fn wants_protobuf(&self) -> bool {
        self.accept.contains("application/protobuf")
    }

    /// Seconds since the Unix epoch; 0 if not given. A number below 0 counts from the end of 32
    /// bits, as in Tempo.
    pub(super) fn seconds(&self, name: &str) -> Result<u64, String> {
        let Some(text) = self.get(name) else {
            return Ok(0);
        };
        let seconds = integer::parse::<i32>("ParseInt", text);
        let seconds = seconds.map_err(|problem| format!("invalid {name}: {problem}"))?;
        Ok(seconds.cast_unsigned().into())
    }

    /// A count; `None` if not given.
    pub(super) fn count(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let count = integer::atoi(text).map_err(|problem| format!("invalid {name}: {problem}"))?;
        Ok(Some(count))
    }

    /// Start and end in seconds, zeros if not given.
    pub(super) fn window(&self) -> Result<(u64, u64), String> {
        Ok((self.seconds("start")?, self.seconds("end")?))
    }

    /// Start and end of a request for tags in seconds, zeros if not given: times in all forms, both or neither, and
    /// no further apart than a week.
    pub(super) fn tag_window(&self) -> Result<(u64, u64), String> {
        const LONGEST: u32 = 168 * 3600;
        self.both_or_neither()?;
        let read = |name: &str| {
            let read = self.get(name).map_or(Ok(0), time::seconds);
            read.map_err(|problem| {
                format!("error parsing date range: could not parse '{name}' parameter: {problem}")
            })
        };
        let (start, end) = (read("start")?, read("end")?);
        // An end before the start is refused too: as in Tempo, the difference wraps.
        if end.wrapping_sub(start) > LONGEST {
            return Err(format!(
                "range specified by start and end exceeds 168h0m0s. received start={start} end={end}"
            ));
        }
        Ok((start.into(), end.into()))
    }

    /// Refuses a start without an end, and an end without a start.
    pub(super) fn both_or_neither(&self) -> Result<(), String> {
        let is_whole = self.get("start").is_some() == self.get("end").is_some();
        is_whole.then_some(()).ok_or_else(|| ONE_OF_TWO.to_owned())
    }
}

/// Tempo's message for a start without an end, or an end without a start.
const ONE_OF_TWO: &str = "error parsing date range: only one of start and end \
                                     provided: must provide both or neither";

type Input<'i> = &'i str;

/// Reads tags in logfmt: `service.name=app-a http.route="/items/{item_id}"`.
pub(super) fn logfmt(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut rest = text;
    let found: Result<Vec<(String, String)>, ContextError> =
        repeat(0.., preceded(take_while(0.., is_blank), pair)).parse_next(&mut rest);
    let tags = found.map_err(|_| "invalid tags".to_owned())?;
    let left = rest.trim_start_matches(is_blank);
    if let Some(char) = left.chars().next() {
        let at = text.len() - left.len() + 1;
        return Err(format!("invalid tags: unexpected {char:?} at pos {at}"));
    }
    for (at, (name, _)) in tags.iter().enumerate() {
        if tags[..at].iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("invalid tags: tag {name} has been set twice"));
        }
    }
    Ok(tags)
}

fn is_blank(c: char) -> bool {
    c <= ' '
}

fn pair(input: &mut Input<'_>) -> Result<(String, String), ContextError> {
    let key = take_while(1.., |c: char| !is_blank(c) && c != '=' && c != '"');
    let bare = take_while(0.., |c: char| !is_blank(c) && c != '=' && c != '"').map(str::to_owned);
    let escaped = preceded('\\', any).map(|c: char| match c {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        same => same,
    });
    let quoted = delimited('"', repeat(0.., alt((escaped, none_of(['"', '\\'])))), '"');
    let (key, value): (&str, Option<String>) =
        (key, opt(preceded('=', alt((quoted, bare))))).parse_next(input)?;
    Ok((key.to_owned(), value.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_as_logfmt() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            logfmt(r#"service.name=app-c http.route=/items/{item_id} a="b \" c" flag"#),
            Ok(vec![
                pair("service.name", "app-c"),
                pair("http.route", "/items/{item_id}"),
                pair("a", "b \" c"),
                pair("flag", ""),
            ])
        );
        assert_eq!(logfmt(" "), Ok(vec![]));
        for bad in ["a=1 a=2", "=1", "a=\"b", "a=b=c"] {
            assert!(logfmt(bad).is_err(), "{bad}");
        }
    }
}
