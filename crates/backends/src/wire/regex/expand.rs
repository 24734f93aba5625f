//! An expression with the names of its groups, and templates that are filled from a match.

use regex::{Captures, Regex};

use super::error::Error;
use super::names::Spelling;
use super::parse::parse;
use super::{Flags, build, print};

/// A compiled expression with the names that Go gives its groups. The `regex` crate takes a name only once, and
/// none that starts with a digit, so the names are kept beside it.
#[derive(Debug, Clone)]
pub(crate) struct Expression {
    regex: Regex,
    names: Vec<Option<String>>,
}

impl Expression {
    /// Compiles a pattern as [`super::compile`] does.
    ///
    /// # Errors
    /// As [`super::compile`].
    pub(crate) fn new(pattern: &str) -> Result<Self, Error> {
        let parsed = parse(pattern, Flags::default(), Spelling::Loose)?;
        Ok(Self {
            regex: build(pattern, &print::print(&parsed.root))?,
            names: parsed.names,
        })
    }

    /// Compiles a pattern that must match a whole value, as Go's `regexp.Compile("^(?s:" + pattern + ")$")` does:
    /// so `label_replace` does it. Unlike a matcher's, the pattern is not parsed on its own first.
    ///
    /// # Errors
    /// As [`super::compile`].
    pub(crate) fn anchored(pattern: &str) -> Result<Self, Error> {
        Self::new(&format!("^(?s:{pattern})$"))
    }

    /// The engine's expression.
    pub(crate) fn regex(&self) -> &Regex {
        &self.regex
    }

    /// The name of each group from the first on, as written; a name may come twice.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.names.iter().map(Option::as_deref)
    }

    /// Fills a template as Go's `Regexp.Expand` does: `$1`, `$name`, `${name}`, `$$`. A group that is not there or
    /// took no part is empty; a `$` that begins nothing stands for itself.
    pub(crate) fn expand(&self, template: &str, captures: &Captures<'_>, out: &mut String) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if let Some(behind) = after.strip_prefix('$') {
                out.push('$');
                rest = behind;
            } else if let Some((name, behind)) = reference(after) {
                out.push_str(self.group(name, captures).unwrap_or(""));
                rest = behind;
            } else {
                out.push('$');
                rest = after;
            }
        }
        out.push_str(rest);
    }

    fn group<'t>(&self, name: &str, captures: &Captures<'t>) -> Option<&'t str> {
        if let Some(number) = number(name) {
            return captures.get(number).map(|found| found.as_str());
        }
        let mut named = self.names.iter().enumerate();
        named.find_map(|(index, known)| {
            let same = known.as_deref() == Some(name);
            let found = captures.get(index + 1).filter(|_| same);
            found.map(|found| found.as_str())
        })
    }
}

/// The name behind a `$`, with or without braces, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (text, braced) = match text.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let end = text
        .find(|one: char| !(one.is_alphabetic() || one.is_numeric() || one == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    let rest = if braced {
        rest.strip_prefix('}')?
    } else {
        rest
    };
    Some((name, rest))
}

/// A group's number. With a leading zero, or a hundred millions and more, it is a name.
fn number(name: &str) -> Option<usize> {
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = name.len() > 1 && name.starts_with('0');
    if !digits || leading_zero || name.len() > 9 {
        return None;
    }
    name.parse().ok()
}
