//! Label matchers, ready to be applied to streams.

use regex::{Regex, RegexBuilder};

use super::labels::LabelSet;
use crate::wire::regex::{self as re2, Error};

/// Memory that one compiled line filter may take; larger ones are refused.
const REGEX_SIZE_LIMIT: usize = 4 << 20;

/// Compiles an expression.
///
/// # Errors
/// What RE2 refuses, in Go's words, or too large when compiled.
pub fn compile_regex(expression: &str) -> Result<Regex, Error> {
    re2::compile(expression)
}

/// Compiles an expression that has to match all of a text, as label filters have it: unlike in
/// selectors, `.` is no newline.
///
/// # Errors
/// As [`compile_regex`].
pub fn compile_anchored(expression: &str) -> Result<Regex, Error> {
    // Checked alone, so that brackets cannot close what is put around it.
    re2::translate(expression)?;
    re2::compile(&format!("^(?:{expression})$"))
}

/// Compiles alternatives that are in the syntax of the engine.
///
/// # Errors
/// They are too large when compiled.
pub(crate) fn compile_alternatives(alternatives: &[String]) -> Result<Regex, String> {
    RegexBuilder::new(&alternatives.join("|"))
        .size_limit(REGEX_SIZE_LIMIT)
        .dfa_size_limit(REGEX_SIZE_LIMIT / 4)
        .nest_limit(2000)
        .build()
        .map_err(|error| error.to_string())
}

/// How a value is compared.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// `=`
    Equal(String),
    /// `!=`
    NotEqual(String),
    /// `=~`
    Matches(Regex),
    /// `!~`
    MatchesNot(Regex),
}

impl Comparison {
    /// `=~` or `!~` with Prometheus' anchoring: the whole value has to match, `.` takes newlines.
    ///
    /// # Errors
    /// The expression is not valid or too large when compiled.
    pub fn regex(expression: &str, negated: bool) -> Result<Self, Error> {
        let regex = re2::compile_anchored(expression)?;
        Ok(if negated {
            Self::MatchesNot(regex)
        } else {
            Self::Matches(regex)
        })
    }

    /// Whether a value passes. An absent label has the empty value.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::NotEqual(unwanted) => value != unwanted,
            Self::Matches(regex) => regex.is_match(value),
            Self::MatchesNot(regex) => !regex.is_match(value),
        }
    }
}

/// A comparison of one label.
#[derive(Clone, Debug)]
pub struct LabelMatcher {
    /// Name of the label.
    pub name: String,
    /// The comparison its value has to pass.
    pub comparison: Comparison,
}

impl LabelMatcher {
    /// Whether a stream passes.
    #[must_use]
    pub fn accepts(&self, labels: &LabelSet) -> bool {
        self.comparison
            .accepts(labels.get(&self.name).unwrap_or_default())
    }
}
