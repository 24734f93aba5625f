//! Reads the fields of a JSON object, and says which one is wrong and what is allowed.

use std::fmt;
use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// Most characters of a value that an error shows.
const SHOWN: usize = 60;

/// A set that cannot be taken, with the field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(pub(super) String);

/// The fields of one object that are not read yet.
pub(super) struct Fields {
    /// The object's place in the body, such as `faults[0]`; empty for the body itself.
    at: String,
    left: Map<String, Value>,
    known: Vec<&'static str>,
}

impl Fields {
    /// The fields of `value`, which must be an object.
    pub(super) fn of(at: String, value: Value) -> Result<Self, Wrong> {
        match value {
            Value::Object(left) => Ok(Self {
                at,
                left,
                known: Vec::new(),
            }),
            other => {
                let at = if at.is_empty() { "the body" } else { &at };
                Err(Wrong(format!(
                    "{at} is {}; allowed: an object",
                    shown(&other)
                )))
            }
        }
    }

    /// The name of a field with its place.
    pub(super) fn name(&self, field: &str) -> String {
        match self.at.as_str() {
            "" => field.to_owned(),
            at => format!("{at}.{field}"),
        }
    }

    /// An error about a field.
    pub(super) fn wrong(&self, field: &str, problem: impl fmt::Display) -> Wrong {
        Wrong(format!("{} {problem}", self.name(field)))
    }

    /// The value of a field, if it is there.
    pub(super) fn take(&mut self, field: &'static str) -> Option<Value> {
        self.known.push(field);
        self.left.remove(field)
    }

    /// A field by a function that gives `None` for what is not allowed.
    fn read<T>(
        &mut self,
        field: &'static str,
        allowed: impl fmt::Display,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let Some(value) = self.take(field) else {
            return Ok(None);
        };
        let read = read(&value)
            .ok_or_else(|| self.wrong(field, format!("is {}; allowed: {allowed}", shown(&value))));
        read.map(Some)
    }

    fn or_default<T>(
        &self,
        field: &'static str,
        read: Option<T>,
        default: Option<T>,
        allowed: impl fmt::Display,
    ) -> Result<T, Wrong> {
        read.or(default)
            .ok_or_else(|| self.wrong(field, format!("is missing; allowed: {allowed}")))
    }

    /// A whole number.
    pub(super) fn optional_whole(
        &mut self,
        field: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Wrong> {
        let allowed = between(&range);
        self.read(field, allowed, |value| {
            value.as_u64().filter(|number| range.contains(number))
        })
    }

    /// A whole number, which must be there unless there is a default.
    pub(super) fn whole(
        &mut self,
        field: &'static str,
        range: RangeInclusive<u64>,
        default: Option<u64>,
    ) -> Result<u64, Wrong> {
        let read = self.optional_whole(field, range.clone())?;
        self.or_default(field, read, default, between(&range))
    }

    /// A whole number that may be negative, and must be there.
    pub(super) fn signed(
        &mut self,
        field: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<i64, Wrong> {
        let allowed = || format!("a whole number from {} to {}", range.start(), range.end());
        let read = self.read(field, allowed(), |value| {
            value.as_i64().filter(|number| range.contains(number))
        })?;
        self.or_default(field, read, None, allowed())
    }

    /// A number.
    pub(super) fn optional_number(
        &mut self,
        field: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, Wrong> {
        let allowed = format!("a number from {} to {}", range.start(), range.end());
        self.read(field, allowed, |value| {
            value.as_f64().filter(|number| range.contains(number))
        })
    }

    /// A number with a default.
    pub(super) fn number(
        &mut self,
        field: &'static str,
        range: RangeInclusive<f64>,
        default: Option<f64>,
    ) -> Result<f64, Wrong> {
        let read = self.optional_number(field, range)?;
        self.or_default(field, read, default, "a number")
    }

    /// One of some names.
    pub(super) fn optional_choice<T: Copy>(
        &mut self,
        field: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Wrong> {
        self.read(field, names(choices), |value| {
            let name = value.as_str()?;
            choices
                .iter()
                .find(|(it, _)| *it == name)
                .map(|(_, it)| *it)
        })
    }

    /// One of some names, which must be there unless there is a default.
    pub(super) fn choice<T: Copy>(
        &mut self,
        field: &'static str,
        choices: &[(&str, T)],
        default: Option<T>,
    ) -> Result<T, Wrong> {
        let read = self.optional_choice(field, choices)?;
        self.or_default(field, read, default, names(choices))
    }

    /// A text of 1 to `most` bytes.
    pub(super) fn text(
        &mut self,
        field: &'static str,
        most: usize,
    ) -> Result<Option<String>, Wrong> {
        self.read(field, format!("a text of 1 to {most} bytes"), |value| {
            let text = value.as_str()?;
            (1..=most).contains(&text.len()).then(|| text.to_owned())
        })
    }

    /// An error if a field is left that nobody has read.
    pub(super) fn end(self, of: &str) -> Result<(), Wrong> {
        match self.left.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(Wrong(format!(
                "{} is no field of {of}; its fields are {}",
                self.name(&cut(unknown)),
                self.known.join(", ")
            ))),
        }
    }
}

fn between(range: &RangeInclusive<u64>) -> String {
    match range.start() == range.end() {
        true => range.start().to_string(),
        false => format!("a whole number from {} to {}", range.start(), range.end()),
    }
}

fn names<T>(choices: &[(&str, T)]) -> String {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}

/// A value as an error shows it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => cut(&other.to_string()),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
