//! Compares an answer with the right one.

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::file::questions::Tolerance;
use super::file::text;
use super::file::{Kind, Question, Scalar, Values};
use crate::lab::load::Mix;

/// Most bytes of an answer.
pub(super) const LONGEST: usize = 256;

/// An answer cannot be compared: what it should look like.
pub(super) type Unreadable = String;

/// The right answer as a person would give it. `started_ms` is the time of the start.
pub(super) fn right(question: &Question, values: &Values, started_ms: u64) -> String {
    let expected = text::value(&question.expected, values);
    match (question.kind, expected.number()) {
        (Kind::Time, Some(after)) => clock(started_ms as f64 / 1000.0 + after),
        _ => expected.to_string(),
    }
}

/// True if an answer is right. `services` are those of the lab.
///
/// # Errors
/// When it cannot be read as what the question asks for, or names a service or a route that there is not.
pub(super) fn is_right(
    question: &Question,
    values: &Values,
    started_ms: u64,
    services: &[String],
    answer: &str,
) -> Result<bool, Unreadable> {
    let expected = text::value(&question.expected, values);
    let answer = unquoted(answer);
    Ok(match question.kind {
        Kind::Service => {
            let is = same(answer, &expected.to_string());
            if !is && !services.iter().any(|it| same(it, answer)) {
                return Err(format!("is to be one of {}", services.join(", ")));
            }
            is
        }
        Kind::Attribute => {
            let expected = expected.to_string();
            same(answer, &expected) || same(last_part(answer), &expected)
        }
        Kind::Route => {
            let (answer, expected) = (route(answer), route(&expected.to_string()));
            let is = same(&answer, &expected);
            let routes = routes();
            if !is && !routes.iter().any(|it| same(&route(it), &answer)) {
                return Err(format!("is to be one of {}", routes.join(", ")));
            }
            is
        }
        Kind::Cause => {
            let choices = &question.choices;
            if !choices.keys().any(|it| same(it, answer)) {
                let names: Vec<&str> = choices.keys().map(String::as_str).collect();
                return Err(format!("is to be one of {}", names.join(", ")));
            }
            same(answer, &expected.to_string())
        }
        Kind::Number => {
            let number = number(answer, &question.unit)
                .ok_or_else(|| format!("is to be a number{}", in_unit(&question.unit)))?;
            near(question, &expected, number)
        }
        Kind::Time => {
            let start = started_ms as f64 / 1000.0;
            let at = moment(answer, start)
                .ok_or("is to be a time as 14:05:30 (UTC), 14:05:30+01:00, 2026-11-29T14:05:30Z or a Unix time")?;
            near(question, &expected, at - start)
        }
    })
}

/// The routes of the service.
pub(super) fn routes() -> Vec<&'static str> {
    let all = Mix::default().routes().into_iter();
    all.map(|route| route.path).collect()
}

fn near(question: &Question, expected: &Scalar, number: f64) -> bool {
    let expected = expected.number().unwrap_or(f64::NAN);
    let off = (number - expected).abs();
    match question.tolerance() {
        Some(Tolerance::By(by)) => off <= by,
        Some(Tolerance::Share(share)) => off <= expected.abs() * share,
        None => off == 0.0,
    }
}

/// As a person writes it: ` in ms`.
fn in_unit(unit: &str) -> String {
    match unit {
        "" => String::new(),
        unit => format!(" in {unit}"),
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// An answer without the quotes of a query or a label.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = ['"', '\'', '`'].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.is_empty()).then_some(inner)
    });
    inner.unwrap_or(text).trim()
}

/// The name of a type without its modules.
fn last_part(text: &str) -> &str {
    text.rsplit("::").next().unwrap_or(text)
}

/// A route whatever its parameter is called and however it is marked, without method, host and query.
fn route(text: &str) -> String {
    let text = text.trim();
    let text = match text.split_once(' ') {
        Some((method, rest)) if method.bytes().all(|it| it.is_ascii_alphabetic()) => rest.trim(),
        _ => text,
    };
    let text = match text.split_once("://") {
        Some((_scheme, rest)) => rest.find('/').map_or("", |at| &rest[at..]),
        None => text,
    };
    let text = text.split('?').next().unwrap_or(text);
    let is_parameter = |part: &str| part.starts_with(['{', ':', '<', '*']);
    let parts = text.split('/').filter(|part| !part.is_empty());
    let parts = parts.map(|part| if is_parameter(part) { "{}" } else { part });
    format!("/{}", parts.collect::<Vec<_>>().join("/"))
}

/// A number with or without its unit.
fn number(text: &str, unit: &str) -> Option<f64> {
    let text = text.trim();
    let bare = text.strip_suffix(unit).unwrap_or(text).trim();
    let number: f64 = bare.parse().ok()?;
    number.is_finite().then_some(number)
}

/// Unix seconds of a time: the one of a clock next to the start if it is a time of day.
fn moment(text: &str, start: f64) -> Option<f64> {
    const DAY: f64 = 86_400.0;
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number / unix_unit(number));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_millisecond() as f64 / 1000.0);
    }
    let (text, offset) = match text.rfind(['+', '-']) {
        Some(at) => (&text[..at], offset(&text[at..])?),
        None => (text, 0.0),
    };
    let bare = text.trim_end_matches("UTC").trim_end_matches('Z').trim();
    let seconds = match bare.matches(':').count() {
        1 => ":00",
        _ => "",
    };
    let hours = match bare.find(':') {
        Some(1) => "0",
        _ => "",
    };
    let padded = format!("{hours}{bare}{seconds}");
    let time: Time = padded.parse().ok()?;
    let seconds = f64::from(time.hour()) * 3600.0
        + f64::from(time.minute()) * 60.0
        + f64::from(time.second())
        + f64::from(time.subsec_nanosecond()) / 1e9
        - offset;
    let midnight = (start / DAY).floor() * DAY;
    let days = [-DAY, 0.0, DAY].map(|day| midnight + day + seconds);
    let closest = |one: &f64, other: &f64| (one - start).abs().total_cmp(&(other - start).abs());
    days.into_iter().min_by(closest)
}

/// How many of a Unix time's units are a second: links have milliseconds, log entries nanoseconds.
fn unix_unit(number: f64) -> f64 {
    match number {
        _ if number < 1e11 => 1.0,
        _ if number < 1e14 => 1e3,
        _ if number < 1e17 => 1e6,
        _ => 1e9,
    }
}

/// Seconds of an offset from UTC, such as `+01:00`.
fn offset(text: &str) -> Option<f64> {
    let zoned = format!("1970-01-01T00:00:00{}", text.trim());
    let at: Timestamp = zoned.parse().ok()?;
    Some(-(at.as_second() as f64))
}

/// A time of day, UTC.
pub(super) fn clock(seconds: f64) -> String {
    let time = Timestamp::from_millisecond((seconds * 1000.0) as i64);
    time.map_or_else(
        |_| format!("{seconds:.0}"),
        |time| {
            time.to_zoned(TimeZone::UTC)
                .strftime("%H:%M:%S")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(kind: &str, expected: &str, more: &str) -> Question {
        let text = format!(
            "key = 'x'\ntext = 'What is it?'\nkind = '{kind}'\nexpected = {expected}\n{more}"
        );
        toml::from_str(&text).expect("a question")
    }

    fn services() -> Vec<String> {
        ["app-a", "app-b"].map(str::to_owned).into()
    }

    #[test]
    fn an_answer_may_be_written_in_several_ways() {
        let values = Values::from([("ms".to_owned(), Scalar::Whole(600))]);
        // 2026-11-30 23:59:50 UTC.
        let start = 1_796_083_190_000;
        for (kind, expected, more, right, wrong) in [
            (
                "service",
                "'app-b'",
                "",
                &["app-b", " APP-B ", "\"app-b\""][..],
                &["app-a"][..],
            ),
            (
                "route",
                "'/items/{item_id}'",
                "",
                &[
                    "/items/{item_id}",
                    "/items/{id}",
                    "GET /items/{}",
                    "/items/{x}/",
                    "items/{item_id}",
                    "/items/:item_id",
                    "/items/<item_id>",
                    "/items/*",
                    "get /items/{item_id}",
                    "\"/items/{item_id}\"",
                    "http://127.0.0.1:8000/items/{item_id}?q=1",
                ],
                &["/", "/io_task"],
            ),
            (
                "route",
                "'/'",
                "",
                &["/", "GET /", "'/'", "http://127.0.0.1:8000"],
                &["/chain"],
            ),
            ("attribute", "42", "", &["42", "`42`"], &["4", "420"]),
            (
                "attribute",
                "'ResolveError'",
                "",
                &["ResolveError", "app::upstream::ResolveError"],
                &["app::ResolveError::Other"],
            ),
            (
                "cause",
                "'pool'",
                "choices = { pool = '', dns = '', cpu = '' }",
                &["pool", "Pool"],
                &["dns"],
            ),
            (
                "number",
                "'$ms'",
                "tolerance = '20%'\nunit = 'ms'",
                &["600", "500ms", "700 ms", "719.5"],
                &["479", "721"],
            ),
            (
                "number",
                "5",
                "tolerance = 1",
                &["4", "5", "6"],
                &["3.9", "-5"],
            ),
            (
                "time",
                "20",
                "tolerance = 5",
                &[
                    "00:00:10",
                    "0:00:12",
                    "2026-12-01T00:00:08Z",
                    "1796083210",
                    "00:00:10 UTC",
                    "00:00:14.9Z",
                    "01:00:10+01:00",
                    "18:30:10-05:30",
                    "1796083210123",
                    "1796083210123456789",
                ],
                &["00:00:16", "12:00", "23:59:50", "00:00:10+01:00"],
            ),
        ] {
            let question = question(kind, expected, more);
            for (answers, is) in [(right, true), (wrong, false)] {
                for answer in answers {
                    let judged = is_right(&question, &values, start, &services(), answer);
                    assert_eq!(judged, Ok(is), "{kind} {answer}");
                }
            }
        }
    }

    #[test]
    fn an_answer_that_says_nothing_is_told_what_would() {
        for (kind, more, answer, expected) in [
            (
                "number",
                "tolerance = 1\nunit = 'ms'",
                "slow",
                "a number in ms",
            ),
            ("number", "tolerance = 1", "NaN", "a number"),
            ("time", "tolerance = 1", "noon", "14:05:30"),
            ("time", "tolerance = 1", "14:05:30-nine", "14:05:30"),
            ("service", "", "app-z", "one of app-a, app-b"),
            ("service", "", "", "one of app-a, app-b"),
            ("route", "", "/items", "one of /, /items/{item_id}"),
            ("route", "", "/items/7", "one of /, /items/{item_id}"),
            (
                "cause",
                "choices = { pool = '', dns = '' }",
                "net",
                "dns, pool",
            ),
        ] {
            let question = question(kind, "1", more);
            let judged = is_right(&question, &Values::new(), 0, &services(), answer);
            assert!(judged.expect_err(answer).contains(expected), "{kind}");
        }
    }

    #[test]
    fn the_right_time_is_a_time_of_day() {
        let question = question("time", "20", "tolerance = 5");
        assert_eq!(
            right(&question, &Values::new(), 1_796_083_190_000),
            "00:00:10"
        );
    }
}
