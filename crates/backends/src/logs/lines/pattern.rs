//! Patterns: literals between captures, as the `pattern` parser and the line filters `|>` and `!>`
//! read them.

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// Literal before the first capture.
    prefix: String,
    /// Captures, each with the literal that ends it; the last literal may be empty.
    captures: Vec<(Option<String>, String)>,
}

/// Reads a capture `<name>` at the start of a text; returns its name and the rest.
fn capture(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.strip_prefix('<')?.split_once('>')?;
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let named = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    named.then_some((name, rest))
}

impl Pattern {
    /// Compiles the pattern of a parser.
    ///
    /// # Errors
    /// The message of Loki.
    pub(crate) fn parser(text: &str) -> Result<Self, String> {
        let pattern = Self::new(text)?;
        let names: Vec<&String> = pattern.captures.iter().flat_map(|(name, _)| name).collect();
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        pattern.check_neighbours()?;
        for (at, name) in names.iter().enumerate() {
            if names.get(..at).is_some_and(|before| before.contains(name)) {
                return Err(format!(
                    "duplicate capture name ({name}): invalid expression"
                ));
            }
        }
        Ok(pattern)
    }

    /// Compiles the pattern of a line filter.
    ///
    /// # Errors
    /// The message of Loki.
    pub(crate) fn filter(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            let (prefix, captures) = (String::new(), Vec::new());
            return Ok(Self { prefix, captures });
        }
        let pattern = Self::new(text)?;
        pattern.check_neighbours()?;
        match pattern.captures.iter().find_map(|(name, _)| name.as_ref()) {
            Some(name) => Err(format!("named captures are not allowed: found '<{name}>'")),
            None => Ok(pattern),
        }
    }

    fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err(
                "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL".to_owned(),
            );
        }
        let mut pattern = Self {
            prefix: String::new(),
            captures: Vec::new(),
        };
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((name, after)) = capture(rest) {
                let name = (name != "_").then(|| name.to_owned());
                pattern.captures.push((name, String::new()));
                rest = after;
                continue;
            }
            match pattern.captures.last_mut() {
                Some((_, literal)) => literal.push(first),
                None => pattern.prefix.push(first),
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        Ok(pattern)
    }

    /// Two captures need a literal between them.
    fn check_neighbours(&self) -> Result<(), String> {
        let shown = |name: &Option<String>| format!("<{}>", name.as_deref().unwrap_or("_"));
        for pair in self.captures.windows(2) {
            if let [(first, literal), (second, _)] = pair
                && literal.is_empty()
            {
                let both = shown(first) + &shown(second);
                return Err(format!(
                    "found consecutive capture '{both}': invalid expression"
                ));
            }
        }
        Ok(())
    }

    /// Tests for a line that consists of the literals and captures. For line filters a capture
    /// takes at least one byte, and the whole line must be consumed.
    #[must_use]
    pub(crate) fn matches(&self, line: &str) -> bool {
        if self.prefix.is_empty() && self.captures.is_empty() {
            return line.is_empty();
        }
        // Loki finds the first literal anywhere, not only at the start.
        let Some((_, mut rest)) = line.split_once(self.prefix.as_str()) else {
            return false;
        };
        let mut open = false;
        for (_, literal) in &self.captures {
            open = literal.is_empty();
            if open {
                break;
            }
            match rest.find(literal.as_str()) {
                None | Some(0) => return false,
                Some(at) => rest = rest.get(at + literal.len()..).unwrap_or_default(),
            }
        }
        // An open capture takes the rest, which must not be empty.
        !line.is_empty() && open != rest.is_empty()
    }

    /// Forgets the names of captures that nobody needs, and all that comes after the last one that is needed.
    pub(crate) fn keep_only(&mut self, needed: impl Fn(&str) -> bool) {
        for (name, _) in &mut self.captures {
            *name = name.take().filter(|name| needed(name));
        }
        let last = self.captures.iter().rposition(|(name, _)| name.is_some());
        self.captures.truncate(last.map_or(0, |last| last + 1));
    }

    /// Reports the values of the captures. As in Loki, if a literal is missing the capture before it takes the rest
    /// of the line and the later ones take nothing.
    pub(crate) fn captures<'l>(&self, line: &'l str, mut found: impl FnMut(&str, &'l str)) {
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

/// Splits a text around the first occurrence of a literal.
fn split<'l>(text: &'l str, literal: &str) -> (&'l str, Option<&'l str>) {
    let parts = match literal.as_bytes() {
        // The common case: a single byte, such as a space or bracket.
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
        Pattern::parser(pattern)
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
    fn what_is_not_needed_changes_no_other_capture() {
        let (text, line) = ("<ip> - <who> [<time>] <rest>", "1.2.3.4 - me [now] rest");
        for needed in [&["ip"][..], &["time"], &["rest", "ip"], &[]] {
            let mut all = captured(text, line);
            all.retain(|(name, _)| needed.contains(&name.as_str()));
            let mut pattern = Pattern::parser(text).unwrap();
            pattern.keep_only(|name| needed.contains(&name));
            let mut kept = Vec::new();
            pattern.captures(line, |n, v| kept.push((n.to_owned(), v.to_owned())));
            assert_eq!(kept, all);
        }
    }

    #[test]
    fn patterns_without_use_are_refused() {
        for bad in ["", "text", "<_>", "<a><b>", "<a> <a>"] {
            assert!(Pattern::parser(bad).is_err(), "{bad}");
        }
    }
}
