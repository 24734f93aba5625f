//! Names of metrics and labels, as Prometheus' receiver translates them with its default strategy
//! (`UnderscoreEscapingWithSuffixes`): letters, digits and underscores, the unit and the kind as suffixes.

use crate::wire::quote::quoted;

/// Kinds of metrics that have suffixes of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Other,
}

const UNITS: [(&str, &str); 26] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
];

const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// The name of a metric.
///
/// # Errors
/// Prometheus' message about a name without letters and digits.
pub(super) fn metric(name: &str, unit: &str, kind: Kind) -> Result<String, String> {
    let mut tokens: Vec<String> = name
        .split(|c| !is_metric_char(c))
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect();
    add_unit(&mut tokens, unit);
    if kind == Kind::Counter {
        to_the_end(&mut tokens, "total");
    }
    if unit == "1" && kind == Kind::Gauge {
        to_the_end(&mut tokens, "ratio");
    }
    let mut built = tokens.join("_");
    if built.starts_with(|c: char| c.is_ascii_digit()) {
        built.insert(0, '_');
    }
    let shown = || quoted(name.as_bytes());
    if built.is_empty() {
        let name = shown();
        return Err(format!(
            "normalization for metric {name} resulted in empty name"
        ));
    }
    if built != name && built.chars().all(|c| c == '_') {
        let (name, built) = (shown(), quoted(built.as_bytes()));
        return Err(format!(
            "normalization for metric {name} resulted in invalid name {built}"
        ));
    }
    Ok(built)
}

fn is_metric_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn to_the_end(tokens: &mut Vec<String>, word: &str) {
    tokens.retain(|token| token != word);
    tokens.push(word.to_owned());
}

/// Adds the unit, and what it is per, unless the name has them.
fn add_unit(tokens: &mut Vec<String>, unit: &str) {
    let (main, per) = match unit.split_once('/') {
        Some((main, per)) => (main, per),
        None => (unit, ""),
    };
    let known = |table: &[(&str, &str)], unit: &str| {
        let unit = unit.trim();
        // Annotations are no units.
        if unit.contains(['{', '}']) {
            return String::new();
        }
        let found = table.iter().find(|(short, _)| *short == unit);
        found.map_or(unit, |(_, long)| long).to_owned()
    };
    let mut main = clean(&known(&UNITS, main));
    let per = known(&PER_UNITS, per);
    let mut per = match per.is_empty() {
        true => String::new(),
        false => clean(&format!("per_{per}")),
    };
    if tokens.contains(&main) {
        main.clear();
    }
    per = match per.as_str() {
        "per_" => String::new(),
        text => text.strip_suffix('_').unwrap_or(text).to_owned(),
    };
    if tokens.contains(&per) {
        per.clear();
    }
    if !per.is_empty() {
        main = main.strip_suffix('_').unwrap_or(&main).to_owned();
    }
    tokens.extend([main, per].into_iter().filter(|unit| !unit.is_empty()));
}

/// A unit as part of a name: other characters become underscores, several of them one, none in front.
fn clean(unit: &str) -> String {
    let mut built = String::with_capacity(unit.len());
    for c in unit.chars() {
        match c {
            c if is_metric_char(c) => built.push(c),
            _ if built.ends_with('_') => {}
            _ => built.push('_'),
        }
    }
    if built.starts_with('_') {
        built.remove(0);
    }
    built
}

/// The name of a label.
///
/// # Errors
/// Prometheus' message about a name that is empty or has only underscores.
pub(super) fn label(name: &str) -> Result<String, String> {
    if name.is_empty() {
        return Err("label name is empty".to_owned());
    }
    let mut built: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if built.starts_with(|c: char| c.is_ascii_digit()) {
        built.insert_str(0, "key_");
    } else if built.starts_with('_') && !built.starts_with("__") {
        built.insert_str(0, "key");
    }
    if built.chars().all(|c| c == '_') {
        let (name, built) = (quoted(name.as_bytes()), quoted(built.as_bytes()));
        return Err(format!(
            "normalization for label name {name} resulted in invalid name {built}"
        ));
    }
    Ok(built)
}
