//! The `pattern` parser: literals between captures, matched from left to right.

use winnow::combinator::{alt, delimited, repeat};
use winnow::prelude::*;
use winnow::token::{any, one_of, take_while};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What the line has to start with.
    prefix: String,
    /// Captures, each with the literal that ends it; the last literal may be empty.
    captures: Vec<(Option<String>, String)>,
}

enum Part {
    /// `<name>`, or `<_>` for none.
    Capture(Option<String>),
    Literal(char),
}

fn part(input: &mut &str) -> winnow::Result<Part> {
    let name = (
        one_of(|c: char| c.is_ascii_alphabetic() || c == '_'),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_'),
    )
        .take()
        .map(|name: &str| Part::Capture((name != "_").then(|| name.to_owned())));
    alt((delimited('<', name, '>'), any.map(Part::Literal))).parse_next(input)
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it, in Loki's words.
    pub fn new(text: &str) -> Result<Self, String> {
        let parts: Vec<Part> = repeat(0.., part)
            .parse(text)
            .map_err(|_| "invalid expression".to_owned())?;
        let mut pattern = Self {
            prefix: String::new(),
            captures: Vec::new(),
        };
        for part in parts {
            match part {
                Part::Literal(c) => match pattern.captures.last_mut() {
                    Some((_, literal)) => literal.push(c),
                    None => pattern.prefix.push(c),
                },
                Part::Capture(name) => {
                    if pattern.captures.last().is_some_and(|(_, l)| l.is_empty()) {
                        return Err("found consecutive capture: invalid expression".to_owned());
                    }
                    let taken = |(other, _): &(Option<String>, String)| *other == name;
                    if name.is_some() && pattern.captures.iter().any(taken) {
                        let name = name.unwrap_or_default();
                        return Err(format!("duplicate capture name ({name})"));
                    }
                    pattern.captures.push((name, String::new()));
                }
            }
        }
        if pattern.captures.iter().all(|(name, _)| name.is_none()) {
            return Err("at least one capture is required".to_owned());
        }
        Ok(pattern)
    }

    /// Reports what the captures hold. Where a literal is missing the capture before it takes the
    /// rest of the line and the later ones take nothing, as in Loki.
    pub fn captures<'l>(&self, line: &'l str, mut found: impl FnMut(&str, &'l str)) {
        let Some(mut rest) = line.strip_prefix(self.prefix.as_str()) else {
            return;
        };
        if line.is_empty() {
            return;
        }
        for (name, literal) in &self.captures {
            let (value, after) = match literal.as_str() {
                "" => (rest, None),
                literal => split(rest, literal),
            };
            if let Some(name) = name {
                found(name, value);
            }
            match after {
                Some(after) => rest = after,
                None => return,
            }
        }
    }
}

/// What comes before and after the first occurrence of a literal.
fn split<'l>(text: &'l str, literal: &str) -> (&'l str, Option<&'l str>) {
    let parts = match literal.as_bytes() {
        // The usual case, a single space or bracket.
        [byte] => text
            .bytes()
            .position(|b| b == *byte)
            .and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))),
        _ => text.split_once(literal),
    };
    match parts {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, line: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        Pattern::new(pattern)
            .unwrap()
            .captures(line, |n, v| found.push((n.to_owned(), v.to_owned())));
        found
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn captures_end_at_their_literals() {
        assert_eq!(
            captured("<ip> - <_> [<time>]", "1.2.3.4 - me [now]"),
            pairs(&[("ip", "1.2.3.4"), ("time", "now")])
        );
    }

    #[test]
    fn a_missing_literal_leaves_the_rest_to_its_capture() {
        assert_eq!(
            captured("<a> <b>=<c>", "x y z"),
            pairs(&[("a", "x"), ("b", "y z")])
        );
        assert_eq!(captured("level=<a>", "no"), pairs(&[]));
    }

    #[test]
    fn patterns_without_use_are_refused() {
        for bad in ["", "text", "<_>", "<a><b>", "<a> <a>"] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
    }
}
