//! Problems of a file, and the lines at which they are.

use std::fmt;

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, if it is known.
    pub line: Option<usize>,
    /// The field, as `questions[1].expected`; empty for the file as a whole.
    pub field: String,
    /// What is wrong, and what to do.
    pub text: String,
}

impl Problem {
    /// A problem of a field.
    pub(super) fn new(field: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            line: None,
            field: field.into(),
            text: text.into(),
        }
    }

    /// A problem of the whole file.
    pub(super) fn of_file(text: impl Into<String>) -> Self {
        Self::new("", text)
    }

    /// A problem that the reader of TOML found.
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        let key = line.and_then(|line| key_of(text.lines().nth(line - 1)?));
        let message = error.message().trim().replace('\n', "; ");
        // A field that is missing is none of the line that its table begins with, and one that is unknown is named.
        let names_it =
            !message.starts_with("invalid type") && !message.starts_with("invalid value");
        Self {
            line,
            field: key.filter(|_| !names_it).unwrap_or_default().to_owned(),
            text: plain(&message),
        }
    }

    /// With the line of its field.
    pub(super) fn located(mut self, text: &str) -> Self {
        self.line = self.line.or_else(|| line_of(text, &self.field));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(out, "line {line}: ")?;
        }
        if !self.field.is_empty() {
            write!(out, "{}: ", self.field)?;
        }
        out.write_str(&self.text)
    }
}

/// The key that a line gives a value.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let is_bare = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    (!key.is_empty() && key.chars().all(is_bare)).then_some(key)
}

/// A message with names of types that somebody who writes no Rust understands.
fn plain(message: &str) -> String {
    let names = [
        ("u8", "a whole number up to 255"),
        ("u32", "a whole number"),
        ("u64", "a whole number"),
        ("usize", "a whole number"),
        ("f64", "a number"),
    ];
    let ended = names.iter().find_map(|(name, plain)| {
        let start = message.strip_suffix(name)?;
        start
            .ends_with("expected ")
            .then(|| format!("{start}{plain}"))
    });
    ended.unwrap_or_else(|| message.to_owned())
}

/// The line of a field, or of the table that holds it. Tables that are written in one line are found by their name.
fn line_of(text: &str, field: &str) -> Option<usize> {
    let mut parts = field.split('.');
    let first = parts.next()?;
    let (table, index) = match first.split_once('[') {
        Some((table, index)) => (table, index.trim_end_matches(']').parse().ok()),
        None => (first, None),
    };
    let second = parts.next();
    let of_key = |line: &str, key: &str| {
        line.trim_start()
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let headers = [
        format!("[[{table}]]"),
        format!("[{table}]"),
        format!("[{table}.{}]", second.unwrap_or_default()),
    ];
    let mut at = None;
    let mut seen = 0_usize;
    for (number, line) in text.lines().enumerate().map(|(index, it)| (index + 1, it)) {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            if at.is_some() {
                break;
            }
            if headers.iter().any(|header| trimmed.starts_with(header)) {
                if index.is_none_or(|wanted: usize| wanted == seen) {
                    at = Some(number);
                }
                seen += 1;
            }
            continue;
        }
        if at.is_some() {
            let key = second.map(|key| key.split('[').next().unwrap_or(key));
            if key.is_some_and(|key| of_key(line, key)) {
                return Some(number);
            }
        } else if seen == 0 && of_key(line, table) {
            return Some(number);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_in_its_table() {
        let text = "title = 'x'\n[traffic]\nrate = 1\n[[questions]]\nkey = 'a'\n[[questions]]\nkey = 'b'\n[parameters.x]\nfrom = 1\n";
        for (field, line) in [
            ("title", Some(1)),
            ("traffic", Some(2)),
            ("traffic.rate", Some(3)),
            ("questions[0].key", Some(5)),
            ("questions[1]", Some(6)),
            ("questions[1].key", Some(7)),
            ("questions[1].text", Some(6)),
            ("parameters.x", Some(8)),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(line_of(text, field), line, "{field}");
        }
    }
}
