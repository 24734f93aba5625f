//! Label matchers, ready to be applied to streams.

use regex::{Regex, RegexBuilder};

use super::labels::LabelSet;

/// Memory that one compiled expression may take; larger ones are refused.
pub const REGEX_SIZE_LIMIT: usize = 1 << 20;

/// Compiles an expression under the size and depth limits that every expression of a query gets.
///
/// # Errors
/// The expression is not valid or too large when compiled.
pub fn compile_regex(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression)
        .size_limit(REGEX_SIZE_LIMIT)
        .dfa_size_limit(REGEX_SIZE_LIMIT)
        .nest_limit(100)
        .build()
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
    pub fn regex(expression: &str, negated: bool) -> Result<Self, regex::Error> {
        let regex = compile_regex(&format!("^(?s:{expression})$"))?;
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
