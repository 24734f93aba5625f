//! The labels of one line in a pipeline: stream labels, structured metadata, and the labels that
//! stages add. One value is reused for all lines of a query.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

use crate::logs::store::{Label, LabelSet};

/// Label with the kind of error of the stage that could not read the line.
pub(crate) const ERROR: &str = "__error__";
/// Label with the details of the error.
pub(crate) const ERROR_DETAILS: &str = "__error_details__";
/// Label that keeps a line with an error in the result of a metric query.
pub(crate) const PRESERVE_ERROR: &str = "__preserve_error__";
/// Suffix of a parsed label whose name is taken.
const EXTRACTED: &str = "_extracted";

/// Number of parsed labels from which they are found by hash instead of by comparison.
const COMPARE_AT_MOST: usize = 48;

/// The origin of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    /// The stream.
    Stream,
    /// Structured metadata.
    Metadata,
    /// A stage of the pipeline.
    Parsed,
}

/// A label that a stage set. A removed label keeps its place, because a parser does not set the
/// same name again.
#[derive(Clone, Debug)]
struct Field {
    name: Range<usize>,
    value: Option<Range<usize>>,
}

/// The labels of one line.
#[derive(Default)]
pub(crate) struct Fields<'s> {
    stream: &'s [Label],
    metadata: Vec<(Cow<'s, str>, &'s str)>,
    /// What `metadata` was made of, unless it has been changed since or was made with an error.
    made_of: Option<&'s [Label]>,
    /// Texts of the added labels.
    arena: String,
    parsed: Vec<Field>,
    /// Parsed labels by the hash of their names, once there are many.
    index: HashMap<u64, usize>,
    hasher: RandomState,
    /// Names that were removed from the stream's labels.
    removed: Vec<Range<usize>>,
    error: Cow<'static, str>,
    details: String,
}

impl<'s> Fields<'s> {
    /// Resets to another line.
    pub(crate) fn reset(&mut self, stream: &'s LabelSet, metadata: &'s [Label]) {
        let stream = stream.as_slice();
        let same_stream = std::ptr::eq(self.stream, stream);
        self.stream = stream;
        self.arena.clear();
        self.parsed.clear();
        self.index.clear();
        self.removed.clear();
        self.error = Cow::Borrowed("");
        self.details.clear();
        // Most lines of a stream share one set of metadata.
        let same = self.made_of.is_some_and(|of| std::ptr::eq(of, metadata));
        if same && same_stream {
            return;
        }
        self.metadata.clear();
        self.made_of = Some(metadata);
        for (name, value) in metadata {
            if matches!(&**name, ERROR | ERROR_DETAILS) {
                self.made_of = None;
            }
            match &**name {
                ERROR => self.error = Cow::Owned(value.to_string()),
                ERROR_DETAILS => self.details.push_str(value),
                taken if self.base(taken).is_some() => {
                    let name = Cow::Owned(format!("{taken}{EXTRACTED}"));
                    self.metadata.push((name, value));
                }
                name => self.metadata.push((Cow::Borrowed(name), value)),
            }
        }
    }

    /// The value of a label of the stream, removed or not.
    fn base(&self, name: &str) -> Option<&'s str> {
        let found = self.stream.iter().find(|label| &*label.0 == name);
        found.map(|label| &*label.1)
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.arena.get(range.clone()).unwrap_or_default()
    }

    /// The index of a parsed label, removed or not.
    fn position(&self, name: &str) -> Option<usize> {
        let is = |at: &usize| {
            let field = self.parsed.get(*at);
            field.is_some_and(|field| self.slice(&field.name) == name)
        };
        if self.parsed.len() > COMPARE_AT_MOST {
            let found = self.index.get(&self.hasher.hash_one(name)).copied();
            return found.filter(is);
        }
        (0..self.parsed.len()).find(is)
    }

    /// Tests whether a stage has set this label, even if it was removed later.
    pub(crate) fn was_parsed(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The value of a label, without the error labels.
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        let metadata = self.metadata.iter().find(|(own, _)| own == name);
        if let Some((_, value)) = metadata {
            return Some(value);
        }
        let parsed = self.position(name).and_then(|at| self.parsed.get(at));
        if let Some(value) = parsed.and_then(|field| field.value.as_ref()) {
            return Some(self.slice(value));
        }
        if self
            .removed
            .iter()
            .any(|removed| self.slice(removed) == name)
        {
            return None;
        }
        self.base(name)
    }

    /// The value of a label; `__error__` and its details are labels too.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match name {
            ERROR => Some(&*self.error).filter(|error| !error.is_empty()),
            ERROR_DETAILS => Some(self.details.as_str()).filter(|details| !details.is_empty()),
            name => self.label(name),
        }
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.arena.len();
        self.arena.push_str(text);
        start..self.arena.len()
    }

    fn hide_metadata(&mut self, name: &str) {
        let before = self.metadata.len();
        self.metadata.retain(|(own, _)| own != name);
        if self.metadata.len() < before {
            self.made_of = None;
        }
    }

    /// Sets a label.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.hide_metadata(name);
        let value = Some(self.push(value));
        if let Some(at) = self.position(name) {
            if let Some(field) = self.parsed.get_mut(at) {
                field.value = value;
            }
            return;
        }
        let name = self.push(name);
        self.parsed.push(Field { name, value });
        let count = self.parsed.len();
        // When the limit is reached all labels are hashed, later each new one.
        let unlisted = match count.cmp(&(COMPARE_AT_MOST + 1)) {
            std::cmp::Ordering::Less => count..count,
            std::cmp::Ordering::Equal => 0..count,
            std::cmp::Ordering::Greater => count - 1..count,
        };
        for at in unlisted {
            if let Some(field) = self.parsed.get(at) {
                let hash = self.hasher.hash_one(self.slice(&field.name));
                self.index.insert(hash, at);
            }
        }
    }

    /// The name under which a parser sets a label. Names of stream labels and structured metadata
    /// are taken, so they get a suffix.
    pub(crate) fn free_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        let taken = self.base(name).is_some() || self.metadata.iter().any(|(own, _)| own == name);
        match taken {
            true => Cow::Owned(format!("{name}{EXTRACTED}")),
            false => Cow::Borrowed(name),
        }
    }

    /// Removes a label.
    pub(crate) fn remove(&mut self, name: &str) {
        self.hide_metadata(name);
        if let Some(at) = self.position(name)
            && let Some(field) = self.parsed.get_mut(at)
        {
            field.value = None;
        }
        let name = self.push(name);
        self.removed.push(name);
    }

    /// The error of the line, if any.
    #[must_use]
    pub(crate) fn error(&self) -> Option<&str> {
        Some(&*self.error).filter(|error| !error.is_empty())
    }

    /// Records an error and replaces an earlier one. Without details the earlier details stay.
    pub(crate) fn fail(&mut self, error: &'static str, details: &str) {
        self.error = Cow::Borrowed(error);
        if !details.is_empty() {
            self.details.clear();
            self.details.push_str(details);
        }
    }

    /// Clears the error.
    pub(crate) fn clear_error(&mut self) {
        self.error = Cow::Borrowed("");
    }

    /// Clears the details of the error.
    pub(crate) fn clear_details(&mut self) {
        self.details.clear();
    }

    /// Tests whether any stage changed a label.
    #[must_use]
    pub(crate) fn is_changed(&self) -> bool {
        !self.parsed.is_empty() || !self.removed.is_empty() || !self.error.is_empty()
    }

    /// All labels with their origin, sorted by name.
    #[must_use]
    pub(crate) fn all(&self) -> Vec<(&str, &str, Origin)> {
        let count = self.stream.len() + self.metadata.len() + self.parsed.len();
        let mut all: Vec<(&str, &str, Origin)> = Vec::with_capacity(count + 2);
        let removed = |name: &str| self.removed.iter().any(|gone| self.slice(gone) == name);
        let parsed = |name: &str| {
            let field = self.position(name).and_then(|at| self.parsed.get(at));
            field.is_some_and(|field| field.value.is_some())
        };
        all.extend(
            self.stream
                .iter()
                .map(|label| (&*label.0, &*label.1, Origin::Stream))
                .filter(|(name, ..)| {
                    !removed(name)
                        && !parsed(name)
                        && !self.metadata.iter().any(|(own, _)| own == name)
                }),
        );
        let metadata = self.metadata.iter();
        all.extend(metadata.map(|(name, value)| (&**name, *value, Origin::Metadata)));
        all.extend(self.parsed.iter().filter_map(|field| {
            let value = field.value.as_ref()?;
            Some((self.slice(&field.name), self.slice(value), Origin::Parsed))
        }));
        if !self.error.is_empty() {
            all.push((ERROR, &self.error, Origin::Parsed));
        }
        if !self.details.is_empty() {
            all.push((ERROR_DETAILS, &self.details, Origin::Parsed));
        }
        all.sort_by(|a, b| a.0.cmp(b.0));
        all
    }
}

/// Turns any text into a label name, as Loki does: other characters than letters, digits and
/// underscores are replaced.
#[must_use]
pub(crate) fn sanitize(name: &str) -> Cow<'_, str> {
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
