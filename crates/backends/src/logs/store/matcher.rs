//! Compiled label matchers of streams.

use regex::{Regex, RegexBuilder};

use super::labels::LabelSet;
use crate::wire::Comparison;
use crate::wire::regex::{self as re2, Error};

/// Memory that one compiled line filter may take; larger ones are refused.
const REGEX_SIZE_LIMIT: usize = 4 << 20;

/// Compiles an expression that has to match a whole value, for label filters. Unlike in selectors,
/// `.` does not match a newline.
///
/// # Errors
/// RE2 does not accept the expression, or the compiled form is too large. The message is Go's.
pub(crate) fn compile_anchored(expression: &str) -> Result<Regex, Error> {
    // The expression is checked alone, so that a `)` in it cannot close the group around it.
    re2::translate_exact(expression)?;
    re2::compile(&format!("^(?:{expression})$"))
}

/// Compiles alternatives that are already in the syntax of the `regex` crate.
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

/// A comparison of one label.
#[derive(Clone, Debug)]
pub struct LabelMatcher {
    /// Name of the label.
    pub name: String,
    /// The condition on its value.
    pub(crate) comparison: Comparison,
}

impl LabelMatcher {
    /// Tests the labels of a stream.
    #[must_use]
    pub fn accepts(&self, labels: &LabelSet) -> bool {
        self.comparison
            .accepts(labels.get(&self.name).unwrap_or_default())
    }
}
