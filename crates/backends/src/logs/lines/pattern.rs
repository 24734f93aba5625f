//! Patterns: literals between captures, as the `pattern` parser and the line filters `|>` and `!>`
//! read them.

use memchr::memchr;
use memchr::memmem::Finder;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// Literal before the first capture.
    prefix: String,
    captures: Vec<Capture>,
}

/// A capture.
#[derive(Clone, Debug)]
struct Capture {
    /// None for `<_>`.
    name: Option<String>,
    end: End,
}

/// Where a capture ends.
#[derive(Clone, Debug)]
enum End {
    /// With the line: only the last capture.
    Line,
    /// Before a literal of one byte, such as a space.
    Byte(u8),
    /// Before a longer literal.
    Text(Box<Finder<'static>>),
}

impl End {
    fn new(literal: &str) -> Self {
        match literal.as_bytes() {
            [] => Self::Line,
            [byte] => Self::Byte(*byte),
            literal => Self::Text(Box::new(Finder::new(literal).into_owned())),
        }
    }

    /// Splits a text around the literal; without it the capture takes the whole text.
    fn split<'l>(&self, text: &'l str) -> (&'l str, Option<&'l str>) {
        let (at, after) = match self {
            Self::Line => (None, 0),
            Self::Byte(byte) => (find_byte(text.as_bytes(), *byte), 1),
            Self::Text(literal) => (literal.find(text.as_bytes()), literal.needle().len()),
        };
        match at.and_then(|at| Some((text.get(..at)?, text.get(at + after..)?))) {
            Some((value, rest)) => (value, Some(rest)),
            None => (text, None),
        }
    }
}

/// The place of the first such byte. Most captures are a few bytes long, which eight at a time find sooner than the
/// vectors of `memchr`.
fn find_byte(text: &[u8], byte: u8) -> Option<usize> {
    const NEAR: usize = 32;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let wanted = ONES.wrapping_mul(byte.into());
    let (words, _) = text.get(..NEAR).unwrap_or(text).as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        // The byte is where this is zero; taking one from each byte borrows first there.
        let zeros = u64::from_le_bytes(*word) ^ wanted;
        let found = zeros.wrapping_sub(ONES) & !zeros & (ONES << 7);
        if found != 0 {
            return Some(8 * at + found.trailing_zeros() as usize / 8);
        }
    }
    let seen = 8 * words.len();
    Some(seen + memchr(byte, text.get(seen..)?)?)
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
        let named = pattern.captures.iter().flat_map(|capture| &capture.name);
        let names: Vec<&String> = named.collect();
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
        let mut named = pattern.captures.iter().flat_map(|capture| &capture.name);
        match named.next() {
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
        let mut prefix = String::new();
        let mut captures: Vec<(Option<String>, String)> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((name, after)) = capture(rest) {
                let name = (name != "_").then(|| name.to_owned());
                captures.push((name, String::new()));
                rest = after;
                continue;
            }
            match captures.last_mut() {
                Some((_, literal)) => literal.push(first),
                None => prefix.push(first),
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        let captures = captures.into_iter();
        Ok(Self {
            prefix,
            captures: captures
                .map(|(name, literal)| Capture {
                    name,
                    end: End::new(&literal),
                })
                .collect(),
        })
    }

    /// Two captures need a literal between them.
    fn check_neighbours(&self) -> Result<(), String> {
        let shown = |one: &Capture| format!("<{}>", one.name.as_deref().unwrap_or("_"));
        for pair in self.captures.windows(2) {
            if let [first, second] = pair
                && matches!(first.end, End::Line)
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
        for capture in &self.captures {
            open = matches!(capture.end, End::Line);
            if open {
                break;
            }
            match capture.end.split(rest) {
                ("", _) | (_, None) => return false,
                (_, Some(after)) => rest = after,
            }
        }
        // An open capture takes the rest, which must not be empty.
        !line.is_empty() && open != rest.is_empty()
    }

    /// Forgets the names of captures that nobody needs, and all that comes after the last one that is needed.
    pub(crate) fn keep_only(&mut self, needed: impl Fn(&str) -> bool) {
        for Capture { name, .. } in &mut self.captures {
            *name = name.take().filter(|name| needed(name));
        }
        let last = self.captures.iter().rposition(|one| one.name.is_some());
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
        for capture in &self.captures {
            let (value, after) = capture.end.split(rest);
            if let Some(name) = &capture.name {
                found(name, value);
            }
            match after {
                Some(after) => rest = after,
                None => return,
            }
        }
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
    fn a_byte_is_found_wherever_it_is() {
        for length in 0..80 {
            for at in 0..=length {
                for (byte, other) in [(b' ', b'!'), (0x80, 0x7f), (0, 1), (1, 0), (0xff, 0xfe)] {
                    let mut text = vec![other; length];
                    let found = text.get_mut(at).map(|cell| *cell = byte).map(|()| at);
                    assert_eq!(find_byte(&text, byte), found, "{byte} {at} of {length}");
                    // The first of several.
                    text.iter_mut()
                        .skip(at)
                        .step_by(3)
                        .for_each(|cell| *cell = byte);
                    assert_eq!(find_byte(&text, byte), found, "{byte} {at} of {length}");
                }
            }
        }
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
