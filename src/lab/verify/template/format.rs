//! Formats of a chosen value: `${name:csv}`
//! (<https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/>).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::Choice;

/// Characters that `encodeURIComponent` leaves as they are, without `!'()*`, which Grafana encodes too.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Further characters that `encodeURI` leaves.
const URI: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b'?')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$')
    .remove(b'#');

/// The text of a choice in a format; `None` when the format is not known.
pub(super) fn formatted(choice: &Choice, format: &str) -> Option<String> {
    let (format, argument) = match format.split_once(':') {
        Some((format, argument)) => (format, Some(argument)),
        None => (format, None),
    };
    let values = &choice.values;
    let each = |write: &dyn Fn(&str) -> String, between: &str| {
        let all: Vec<String> = values.iter().map(|it| write(it)).collect();
        all.join(between)
    };
    let braced = || match choice.list {
        true => format!("{{{}}}", values.join(",")),
        false => values.join(","),
    };
    Some(match format {
        // The dashboard's author writes the value of "all" as the query needs it.
        "raw" | "csv" | "pipe" | "regex" | "glob" | "json" | "singlequote" | "doublequote"
        | "sqlstring" | "distributed" | "lucene" | "join" | "percentencode" | "uriencode"
            if choice.literal =>
        {
            values.join(",")
        }
        "raw" | "csv" => values.join(","),
        "pipe" => values.join("|"),
        "join" => values.join(argument.unwrap_or(",")),
        "regex" if values.len() == 1 => each(&regex, ""),
        "regex" => format!("({})", each(&regex, "|")),
        "glob" if values.len() == 1 => values.join(""),
        "glob" => format!("{{{}}}", values.join(",")),
        "json" if choice.list => json!(values).to_string(),
        "json" => values.join(","),
        "singlequote" => each(&|it| format!("'{}'", it.replace('\'', "\\'")), ","),
        "doublequote" => each(&|it| format!("\"{}\"", it.replace('"', "\\\"")), ","),
        "sqlstring" => each(
            &|it| format!("'{}'", it.replace('\'', "''").replace('"', "\\\"")),
            ",",
        ),
        "distributed" => values.join(&format!(",{}=", choice.name)),
        "lucene" if choice.list => {
            format!("({})", each(&|it| format!("\"{}\"", lucene(it)), " OR "))
        }
        "lucene" => each(&lucene, ""),
        "percentencode" => utf8_percent_encode(&braced(), COMPONENT).to_string(),
        "uriencode" => utf8_percent_encode(&braced(), URI).to_string(),
        "text" if choice.all => "All".to_owned(),
        "text" => values.join(" + "),
        "queryparam" if choice.all => format!("var-{}=$__all", choice.name),
        "queryparam" => each(
            &|it| format!("var-{}={}", choice.name, utf8_percent_encode(it, COMPONENT)),
            "&",
        ),
        _ => return None,
    })
}

/// As a part of a regular expression.
fn regex(value: &str) -> String {
    escaped(value, "\\^$*+?.()|[]{}/")
}

/// As a term of Lucene's query language.
fn lucene(value: &str) -> String {
    match value.trim().is_empty() || value.trim().parse::<f64>().is_ok() {
        true => value.to_owned(),
        false => escaped(value, "!*+-=<> \t\n&|()[]{}^~?:\\/\""),
    }
}

fn escaped(value: &str, characters: &str) -> String {
    value.chars().fold(String::new(), |mut text, character| {
        if characters.contains(character) {
            text.push('\\');
        }
        text.push(character);
        text
    })
}
