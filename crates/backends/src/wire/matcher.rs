//! Conditions on label values, which selectors of PromQL and LogQL share.

use ::regex::Regex;

use super::regex::{Error, compile_anchored};

/// A condition on the value of a label.
#[derive(Clone, Debug)]
pub(crate) enum Comparison {
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
    /// `=~` or `!~`, anchored as in Prometheus: the whole value has to match, and `.` matches newlines.
    ///
    /// # Errors
    /// The expression is not valid or too large when compiled.
    pub(crate) fn regex(expression: &str, negated: bool) -> Result<Self, Error> {
        let regex = compile_anchored(expression)?;
        Ok(if negated {
            Self::MatchesNot(regex)
        } else {
            Self::Matches(regex)
        })
    }

    /// Tests a value. An absent label has the empty value.
    #[must_use]
    pub(crate) fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::NotEqual(unwanted) => value != unwanted,
            Self::Matches(regex) => regex.is_match(value),
            Self::MatchesNot(regex) => !regex.is_match(value),
        }
    }
}
