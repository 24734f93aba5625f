//! Matchers over labels, compiled with a bound on what a regular expression may cost.

use crate::metrics::labels::Labels;
use crate::wire::Comparison;
use crate::wire::regex::Error;

/// One condition on one label.
#[derive(Debug, Clone)]
pub struct Matcher {
    name: String,
    /// The value or the pattern as written.
    text: String,
    comparison: Comparison,
}

impl Matcher {
    /// `name="value"`.
    pub fn equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        let text = value.into();
        Self {
            name: name.into(),
            comparison: Comparison::Equal(text.clone()),
            text,
        }
    }

    /// `name!="value"`.
    pub fn not_equal(name: impl Into<String>, value: impl Into<String>) -> Self {
        let text = value.into();
        Self {
            name: name.into(),
            comparison: Comparison::NotEqual(text.clone()),
            text,
        }
    }

    /// `name=~"pattern"`, or `!~` when negated.
    ///
    /// # Errors
    /// When the pattern is malformed or too large.
    pub(crate) fn regex(
        name: impl Into<String>,
        pattern: &str,
        negated: bool,
    ) -> Result<Self, Error> {
        Ok(Self {
            name: name.into(),
            text: pattern.to_owned(),
            comparison: Comparison::regex(pattern, negated)?,
        })
    }

    /// The label looked at.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `=`, `!=`, `=~` or `!~`.
    pub(crate) fn operator(&self) -> &'static str {
        match self.comparison {
            Comparison::Equal(_) => "=",
            Comparison::NotEqual(_) => "!=",
            Comparison::Matches(_) => "=~",
            Comparison::MatchesNot(_) => "!~",
        }
    }

    /// The one value accepted, for an equality.
    pub fn exact(&self) -> Option<&str> {
        matches!(self.comparison, Comparison::Equal(_)).then_some(&self.text)
    }

    /// The value or the pattern that is compared with, as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// True if a value (`""` for an absent label) passes.
    pub fn accepts(&self, value: &str) -> bool {
        self.comparison.accepts(value)
    }
}

/// All conditions of one vector selector.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    matchers: Vec<Matcher>,
}

impl Selector {
    /// A selector that wants every one of these conditions.
    pub fn new(matchers: Vec<Matcher>) -> Self {
        Self { matchers }
    }

    /// The conditions in the order written.
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// True if a label set fulfils all conditions.
    pub fn accepts(&self, labels: &Labels) -> bool {
        self.matchers
            .iter()
            .all(|matcher| matcher.accepts(labels.get(&matcher.name)))
    }

    /// The conditions that an absent label fails: those that postings can answer.
    pub(crate) fn requiring(&self) -> impl Iterator<Item = &Matcher> {
        self.matchers.iter().filter(|matcher| !matcher.accepts(""))
    }
}
