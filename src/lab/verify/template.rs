//! Variables and macros, which Grafana replaces before it sends a query. The console's
//! `dashboard/template.js` does the same: `tests/golden/grafana.json` has the cases of both.
//!
//! * [`choice`]: the chosen values of a variable
//! * [`format`](mod@format): formats of a value in a query
//! * [`times`]: steps and macros of time

mod choice;
mod format;
mod times;

use std::sync::LazyLock;

use regex::{Captures, Regex};

pub use choice::Choice;
pub use times::{Times, interval_filled, seconds};

/// The language of a query. Values are formatted differently for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Asked of Prometheus.
    PromQl,
    /// Asked of Loki.
    LogQl,
}

/// The query text that is sent.
///
/// # Errors
/// The name of a variable that has no value, with the format when it is that which is not known.
pub fn filled(
    text: &str,
    language: Language,
    times: Times,
    choices: &[Choice],
) -> Result<String, String> {
    let mut unknown = None;
    let filled = PLACES.replace_all(text, |found: &Captures<'_>| {
        value(found, language, times, choices).unwrap_or_else(|what| {
            unknown.get_or_insert(what);
            String::new()
        })
    });
    match unknown {
        Some(what) => Err(what),
        None => Ok(filled.into_owned()),
    }
}

/// `$name`, `[[name:format]]`, `${name.field:format}`.
#[expect(clippy::expect_used, reason = "a literal")]
static PLACES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:}]+))?(?::([^}]+))?\}")
        .expect("a regular expression")
});

fn value(
    found: &Captures<'_>,
    language: Language,
    times: Times,
    choices: &[Choice],
) -> Result<String, String> {
    let group = |index| found.get(index).map(|it| it.as_str());
    let name = name_of(found);
    let format = group(3).or(group(6));
    if let Some(text) = times.macro_text(name, format) {
        return Ok(text);
    }
    match choices.iter().find(|choice| choice.name == name) {
        Some(_) if group(5).is_some() => Err(inner(found).to_owned()),
        Some(choice) => match format {
            Some(format) => {
                format::formatted(choice, format).ok_or_else(|| inner(found).to_owned())
            }
            None => Ok(choice.in_query(language)),
        },
        // A line format's `$1` and the like are not variables.
        None if name.bytes().all(|byte| byte.is_ascii_digit()) => Ok(found[0].to_owned()),
        None => Err(inner(found).to_owned()),
    }
}

/// A place without its dollar sign and brackets.
fn inner<'a>(found: &'a Captures<'_>) -> &'a str {
    found[0].trim_matches(['$', '{', '}', '[', ']'])
}

fn name_of<'a>(found: &'a Captures<'_>) -> &'a str {
    let mut groups = [1, 2, 4].into_iter().filter_map(|index| found.get(index));
    groups.next().map_or("", |it| it.as_str())
}

/// Names of the variables and macros in a text.
pub(super) fn names_in(text: &str) -> Vec<&str> {
    let found = PLACES.captures_iter(text);
    let names = found.filter_map(|it| it.get(1).or(it.get(2)).or(it.get(4)));
    names.map(|it| it.as_str()).collect()
}

/// The variable that a text is and nothing else.
pub(super) fn variable_name(text: &str) -> Option<&str> {
    let found = PLACES
        .captures(text)
        .filter(|it| it[0].len() == text.len())?;
    let name = found.get(1).or(found.get(2)).or(found.get(4))?;
    Some(name.as_str())
}
