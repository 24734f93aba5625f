//! The labels of one line on its way through a pipeline: those of its stream, its structured
//! metadata and what the stages add. One value is reused for all lines of a query.

use std::ops::Range;

use crate::embedded::logs::store::{Label, LabelSet};

/// Label that says which stage could not read the line.
pub const ERROR: &str = "__error__";
/// Label that says why.
pub const ERROR_DETAILS: &str = "__error_details__";
/// What a parsed label is called when its name is taken.
const EXTRACTED: &str = "_extracted";

/// Where a label comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The stream.
    Stream,
    /// Structured metadata.
    Metadata,
    /// A stage of the pipeline.
    Parsed,
}

#[derive(Clone, Debug)]
struct Field {
    name: Range<usize>,
    /// None when the label was removed.
    value: Option<Range<usize>>,
}

/// The labels of one line.
#[derive(Default)]
pub struct Fields<'s> {
    stream: &'s [Label],
    metadata: &'s [Label],
    /// Texts of the added labels.
    arena: String,
    /// What stages set or removed; later ones win.
    changes: Vec<Field>,
    error: Option<&'static str>,
    details: String,
}

impl<'s> Fields<'s> {
    /// Starts over with another line.
    pub fn reset(&mut self, stream: &'s LabelSet, metadata: &'s [Label]) {
        self.stream = stream.as_slice();
        self.metadata = metadata;
        self.arena.clear();
        self.changes.clear();
        self.error = None;
        self.details.clear();
    }

    fn base(&self, name: &str) -> Option<(&str, Origin)> {
        let find = |labels: &'s [Label]| {
            labels
                .iter()
                .find(|label| &*label.0 == name)
                .map(|label| &*label.1)
        };
        find(self.metadata)
            .map(|value| (value, Origin::Metadata))
            .or_else(|| find(self.stream).map(|value| (value, Origin::Stream)))
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.arena.get(range.clone()).unwrap_or_default()
    }

    fn change(&self, name: &str) -> Option<&Field> {
        self.changes
            .iter()
            .rev()
            .find(|field| self.slice(&field.name) == name)
    }

    /// The value of a label; `__error__` and its details are labels too.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        if name.starts_with("__error") {
            if name == ERROR {
                return self.error;
            }
            if name == ERROR_DETAILS {
                return self.error.map(|_| self.details.as_str());
            }
        }
        match self.change(name) {
            Some(field) => field.value.as_ref().map(|value| self.slice(value)),
            None => self.base(name).map(|(value, _)| value),
        }
    }

    fn store(&mut self, name: &str, suffix: &str, value: Option<&str>) {
        let start = self.arena.len();
        self.arena.push_str(name);
        self.arena.push_str(suffix);
        let name = start..self.arena.len();
        let value = value.map(|value| {
            let start = self.arena.len();
            self.arena.push_str(value);
            start..self.arena.len()
        });
        self.changes.push(Field { name, value });
    }

    /// Sets a label.
    pub fn set(&mut self, name: &str, value: &str) {
        self.store(name, "", Some(value));
    }

    /// Sets a label that a parser found: the stream's labels and the structured metadata keep
    /// their names, what is found under the same name gets a suffix.
    pub fn set_parsed(&mut self, name: &str, value: &str) {
        let suffix = if self.base(name).is_some() {
            EXTRACTED
        } else {
            ""
        };
        self.store(name, suffix, Some(value));
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) {
        match name {
            ERROR => self.error = None,
            ERROR_DETAILS => self.details.clear(),
            _ => self.store(name, "", None),
        }
    }

    /// What went wrong with the line, if anything.
    #[must_use]
    pub fn error(&self) -> Option<&'static str> {
        self.error
    }

    /// Notes what went wrong; the first note stays.
    pub fn fail(&mut self, error: &'static str, details: &str) {
        if self.error.is_none() {
            self.error = Some(error);
            self.details.push_str(details);
        }
    }

    /// Whether any stage changed a label.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        !self.changes.is_empty() || self.error.is_some()
    }

    /// All labels with their origin, sorted by name. Labels with an empty value are left out.
    #[must_use]
    pub fn all(&self) -> Vec<(&str, &str, Origin)> {
        let mut all: Vec<(&str, &str, Origin)> = Vec::with_capacity(self.stream.len() + 8);
        // Sorting is stable: what comes later wins.
        all.extend(self.stream.iter().map(|l| (&*l.0, &*l.1, Origin::Stream)));
        all.extend(
            self.metadata
                .iter()
                .map(|l| (&*l.0, &*l.1, Origin::Metadata)),
        );
        all.extend(self.changes.iter().map(|field| {
            let value = field.value.as_ref().map_or("", |value| self.slice(value));
            (self.slice(&field.name), value, Origin::Parsed)
        }));
        if let Some(error) = self.error {
            all.push((ERROR, error, Origin::Parsed));
            all.push((ERROR_DETAILS, &self.details, Origin::Parsed));
        }
        all.sort_by(|a, b| a.0.cmp(b.0));
        let mut unique: Vec<(&str, &str, Origin)> = Vec::with_capacity(all.len());
        for label in all {
            match unique.last_mut() {
                Some(last) if last.0 == label.0 => *last = label,
                _ => unique.push(label),
            }
        }
        unique.retain(|label| !label.1.is_empty());
        unique
    }
}

/// Turns any text into a label name, as Loki does: letters, digits and underscores stay.
#[must_use]
pub fn sanitize(name: &str) -> std::borrow::Cow<'_, str> {
    let name = name.trim();
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
    if !digit_first && name.chars().all(valid) {
        return name.into();
    }
    let prefix = if digit_first { "_" } else { "" };
    let rest: String = name
        .chars()
        .map(|c| if valid(c) { c } else { '_' })
        .collect();
    format!("{prefix}{rest}").into()
}
