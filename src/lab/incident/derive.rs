//! Reads the answers of a solution from the results of its queries: what a person sees, as a program.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Value, json};

use super::file::text;
use super::file::{Derive, File, Pick, Scalar, Step, Values};
use super::links::{Range, query_link};
use super::place::Place;
use super::rows::{Row, Servers, Span};

/// A step of a solution as it was taken.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    /// The query as it was sent; with names that nothing was known for, if it was not sent.
    pub(super) query: String,
    /// Number of rows.
    pub(super) rows: usize,
    /// Answers and names that were read from them.
    pub(super) derived: Vec<(String, String)>,
    /// Why it was not asked, or had no answer.
    pub(super) problem: Option<String>,
}

/// All steps of a solution, and what they gave.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    pub(super) steps: Vec<Taken>,
    /// When it was looked at.
    pub(super) span: Span,
    /// Everything that was derived.
    pub(super) values: Values,
}

impl Walk {
    /// The answers to the questions of a file.
    pub(super) fn answers(&self, file: &File) -> BTreeMap<String, String> {
        let asked = file.questions.iter().filter_map(|question| {
            let value = self.values.get(&question.key)?;
            Some((question.key.clone(), value.to_string()))
        });
        asked.collect()
    }

    pub(super) fn json(&self, file: &File, place: &Place) -> Vec<Value> {
        let range = Range {
            from: (self.span.from * 1000.0) as u64,
            to: Some((self.span.to * 1000.0) as u64),
        };
        let steps = self.steps.iter().zip(&file.solution);
        steps
            .map(|(taken, step)| {
                let derived: serde_json::Map<_, _> = taken
                    .derived
                    .iter()
                    .map(|(key, value)| (key.clone(), json!(value)))
                    .collect();
                // What has a name left asks nothing.
                let link = match text::names(&taken.query).is_empty() {
                    true => query_link(place, step.signal, &taken.query, range),
                    false => None,
                };
                json!({
                    "signal": step.signal,
                    "query": taken.query,
                    "over_time": step.over_time,
                    "see": step.see,
                    "rows": taken.rows,
                    "derived": derived,
                    "problem": taken.problem,
                    "link": link,
                })
            })
            .collect()
    }
}

/// Takes all steps of a solution between two times.
///
/// # Errors
/// When a server's address is none. A server that does not answer is a problem of a step.
pub(super) async fn walk(file: &File, place: &Place, span: Span) -> Result<Walk, String> {
    let servers = Servers::new(place)?;
    let mut walk = Walk {
        span,
        ..Walk::default()
    };
    let range = (span.to - span.from).round().max(1.0);
    walk.values
        .insert("range".to_owned(), Scalar::Text(format!("{range}s")));
    for step in &file.solution {
        let taken = take(&servers, step, &walk.values, span).await;
        for (key, value) in &taken.derived {
            walk.values.insert(key.clone(), Scalar::Text(value.clone()));
        }
        walk.steps.push(taken);
    }
    Ok(walk)
}

async fn take(servers: &Servers, step: &Step, values: &Values, span: Span) -> Taken {
    let mut taken = Taken {
        query: text::filled(&step.query, values),
        rows: 0,
        derived: Vec::new(),
        problem: None,
    };
    if let Some(name) = text::missing(&step.query, values) {
        taken.problem = Some(format!("nothing gave ${name} before"));
        return taken;
    }
    match servers.ask(step, &taken.query, span).await {
        Ok(rows) => {
            taken.rows = rows.len();
            taken.derived = step
                .derive
                .iter()
                .filter_map(|it| Some((it.key.clone(), derived(it, &rows, values)?)))
                .collect();
        }
        Err(problem) => taken.problem = Some(problem),
    }
    taken
}

/// What is derived from rows, if they say anything.
fn derived(derive: &Derive, rows: &[Row], values: &Values) -> Option<String> {
    let wanted: Vec<(&String, String)> = derive
        .rows
        .iter()
        .map(|(field, text)| (field, text::filled(text, values)))
        .collect();
    let is_wanted = |row: &Row| {
        wanted
            .iter()
            .all(|(field, text)| row.get(*field) == Some(text))
    };
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| is_wanted(row) && is_of_interest(derive, row))
        .collect();
    let first = rows.first()?;
    if let Some(constant) = &derive.is {
        return Some(constant.clone());
    }
    let number = |row: &Row, field: &str| row.get(field).and_then(|it| it.parse::<f64>().ok());
    let own = derive.field.as_deref().unwrap_or_default();
    let ranked = match first.contains_key("value") {
        true => "value",
        false => own,
    };
    let by = |field: &str, sign: f64| {
        let keyed = rows
            .iter()
            .filter_map(|row| Some((number(row, field)? * sign, *row)));
        let best = keyed.max_by(|one, other| one.0.total_cmp(&other.0));
        best.map(|(_, row)| row)
    };
    let of = |row: &Row| value(derive, row);
    let text = match derive.pick {
        Pick::Only => {
            let mut values = rows.iter().filter_map(|row| of(row));
            let value = values.next()?;
            values.all(|it| it == value).then_some(value)
        }
        Pick::Max => of(by(ranked, 1.0)?),
        Pick::Min => of(by(ranked, -1.0)?),
        Pick::First => of(by("time", -1.0)?),
        Pick::Most => {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for value in rows.iter().filter_map(|row| of(row)) {
                *counts.entry(value).or_default() += 1;
            }
            let most = counts.into_iter().max_by_key(|(_, count)| *count);
            most.map(|(value, _)| value)
        }
        Pick::Median => {
            let mut numbers: Vec<f64> = rows
                .iter()
                .filter_map(|row| of(row)?.parse().ok())
                .collect();
            numbers.sort_by(f64::total_cmp);
            numbers.get(numbers.len() / 2).map(f64::to_string)
        }
    }?;
    match derive.scale {
        Some(scale) => Some((text.parse::<f64>().ok()? * scale).to_string()),
        None => Some(text),
    }
}

fn is_of_interest(derive: &Derive, row: &Row) -> bool {
    let Some(field) = &derive.of else {
        return true;
    };
    let Some(number) = row.get(field).and_then(|it| it.parse::<f64>().ok()) else {
        return false;
    };
    // Both: outside of what is usual.
    match (derive.above, derive.below) {
        (Some(above), Some(below)) => number > above || number < below,
        (Some(above), None) => number > above,
        (None, Some(below)) => number < below,
        (None, None) => true,
    }
}

/// The field of a row, or the part of it that is wanted.
fn value(derive: &Derive, row: &Row) -> Option<String> {
    let field = row.get(derive.field.as_ref()?)?;
    let value = match &derive.regex {
        None => field.clone(),
        Some(regex) => {
            let regex = Regex::new(regex).ok()?;
            regex.captures(field)?.get(1)?.as_str().to_owned()
        }
    };
    match derive.map.is_empty() {
        true => (!value.is_empty()).then_some(value),
        false => derive.map.get(&value).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pairs: &[(&str, &str)]) -> Row {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    fn of(field: &str, pick: Pick) -> Derive {
        Derive {
            key: "x".to_owned(),
            field: Some(field.to_owned()),
            pick,
            ..Derive::default()
        }
    }

    #[test]
    fn answers_are_read_as_the_file_says() {
        let rows = [
            row(&[
                ("path", "/a"),
                ("value", "3"),
                ("time", "20"),
                ("line", "item 4 is bad"),
            ]),
            row(&[
                ("path", "/b"),
                ("value", "9"),
                ("time", "10"),
                ("line", "item 5 is bad"),
            ]),
            row(&[
                ("path", "/b"),
                ("value", "5"),
                ("time", "30"),
                ("line", "fine"),
            ]),
        ];
        let values = Values::from([("key".to_owned(), Scalar::Text("/b".to_owned()))]);
        let read = |derive: &Derive| derived(derive, &rows, &values);
        for (pick, expected) in [
            (Pick::Only, None),
            (Pick::Max, Some("/b")),
            (Pick::Min, Some("/a")),
            (Pick::First, Some("/b")),
            (Pick::Most, Some("/b")),
        ] {
            assert_eq!(read(&of("path", pick)).as_deref(), expected, "{pick:?}");
        }
        assert_eq!(read(&of("value", Pick::Median)).as_deref(), Some("5"));
        let scaled = Derive {
            scale: Some(10.0),
            ..of("value", Pick::Max)
        };
        assert_eq!(read(&scaled).as_deref(), Some("90"));
        let matched = Derive {
            regex: Some("item (\\d+)".to_owned()),
            ..of("line", Pick::First)
        };
        assert_eq!(read(&matched).as_deref(), Some("5"));
        let within = Derive {
            of: Some("value".to_owned()),
            below: Some(4.0),
            ..of("path", Pick::Only)
        };
        assert_eq!(read(&within).as_deref(), Some("/a"));
        let constant = Derive {
            is: Some("pool".to_owned()),
            ..Derive::default()
        };
        assert_eq!(read(&constant).as_deref(), Some("pool"));
        assert_eq!(derived(&constant, &[], &values), None);
        let equal = Derive {
            rows: [("path".to_owned(), "$key".to_owned())].into(),
            ..of("value", Pick::Min)
        };
        assert_eq!(read(&equal).as_deref(), Some("5"));
        let mapped = Derive {
            map: [("/b".to_owned(), "second".to_owned())].into(),
            ..of("path", Pick::Max)
        };
        assert_eq!(read(&mapped).as_deref(), Some("second"));
        let ranked = [row(&[("n", "2")]), row(&[("n", "10")])];
        let most = derived(&of("n", Pick::Max), &ranked, &values);
        assert_eq!(most.as_deref(), Some("10"));
    }
}
