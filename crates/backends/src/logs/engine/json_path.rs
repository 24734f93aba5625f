//! The paths of `| json label="a.b[0][\"c d\"]"`, and the search for their values: as in Loki's
//! scanner one pass over the line finds the values of all paths.

use crate::logs::lines::json::{Cursor, Kind, Malformed, Value, unescape};

/// A step of a path: a key, or an index such as `[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// Reads a path.
///
/// # Errors
/// The message of Loki's parser.
pub(crate) fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut path = Vec::new();
    let mut rest = spaces(text);
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '[' => bracket(spaces(&rest[1..]), &mut path)?,
            '.' if !path.is_empty() => field(spaces(&rest[1..]), &mut path, "FIELD")?,
            _ if path.is_empty() => field(rest, &mut path, "LSB or FIELD")?,
            c if is_field(c) || matches!(c, '"' | ']') => {
                return Err(unexpected(rest, "DOT or LSB"));
            }
            c => return Err(format!("unexpected char {c}")),
        };
        rest = spaces(rest);
    }
    match path.is_empty() {
        true => Err(unexpected("", "LSB or FIELD")),
        false => Ok(path),
    }
}

fn spaces(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n'])
}

fn is_field(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The error for an unexpected word. Anything that is not a word ends the text for Loki's parser.
fn unexpected(text: &str, expected: &str) -> String {
    let found = match text.chars().next() {
        Some('[') => "LSB",
        Some(']') => "RSB",
        Some('.') => "DOT",
        Some('"') => "STRING",
        Some('0'..='9') => "INDEX",
        Some(c) if is_field(c) => "FIELD",
        _ => "$end",
    };
    format!("syntax error: unexpected {found}, expecting {expected}")
}

fn field<'t>(text: &'t str, path: &mut Vec<Step>, expected: &str) -> Result<&'t str, String> {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts {
        return Err(unexpected(text, expected));
    }
    let len = text.find(|c| !is_field(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(len);
    path.push(Step::Key(name.to_owned()));
    Ok(rest)
}

fn bracket<'t>(text: &'t str, path: &mut Vec<Step>) -> Result<&'t str, String> {
    const EXPECTED: &str = "STRING or INDEX";
    let rest = if let Some(quoted) = text.strip_prefix('"') {
        let end = quoted.find(['"', ']']).unwrap_or(quoted.len());
        let (key, rest) = quoted.split_at(end);
        path.push(Step::Key(key.to_owned()));
        rest.get(1..).unwrap_or_default()
    } else {
        let len = text.find(|c: char| !c.is_ascii_digit());
        let (digits, rest) = text.split_at(len.unwrap_or(text.len()));
        if digits.is_empty() {
            return Err(unexpected(text, EXPECTED));
        }
        let ends = rest.starts_with([' ', '\t', '\n', ']']);
        let index = digits.parse().ok().filter(|_| ends);
        // An invalid number ends the text for Loki's parser.
        path.push(Step::Index(index.ok_or_else(|| unexpected("", EXPECTED))?));
        rest
    };
    let rest = spaces(rest);
    rest.strip_prefix(']')
        .ok_or_else(|| unexpected(rest, "RSB"))
}

/// The search for several paths in one line.
pub(crate) struct Search<'p> {
    paths: &'p [Vec<Step>],
    found: Vec<bool>,
    /// The last key read on each level.
    keys: Vec<String>,
    longest: usize,
}

/// Receives the index of a path and its value, or an error.
pub(crate) type Report<'l, 'r> = &'r mut dyn FnMut(usize, Result<Value<'l>, Malformed>);

impl<'p> Search<'p> {
    pub(crate) fn new(paths: &'p [Vec<Step>]) -> Self {
        Self {
            paths,
            found: vec![false; paths.len()],
            keys: Vec::new(),
            longest: paths.iter().map(Vec::len).max().unwrap_or(0),
        }
    }

    fn all_found(&self) -> bool {
        self.found.iter().all(|found| *found)
    }

    /// Tests whether the keys above `level` lie on a path.
    fn same_tree(&self, path: &[Step], level: usize) -> bool {
        path.iter()
            .zip(self.keys.iter().take(level))
            .all(|(step, key)| match step {
                Step::Key(own) => own == key,
                Step::Index(index) => format!("[{index}]") == *key,
            })
    }

    /// Searches a line. As in Loki a syntax error ends the search without an error.
    pub(crate) fn run<'l>(&mut self, line: &'l str, report: Report<'l, '_>) -> Option<()> {
        let mut cursor = Cursor { text: line, at: 0 };
        let mut level = 0_usize;
        while let Some(byte) = cursor.byte() {
            cursor.at += 1;
            match byte {
                b'"' => {
                    let raw = cursor.text_end()?;
                    let is_key = cursor.next_token()? == b':';
                    if !is_key {
                        continue;
                    }
                    let key = unescape(raw)?;
                    cursor.at += 1;
                    if self.longest < level || !self.key(&key, level, &cursor, report)? {
                        // No path ends here: an object is skipped unless a path leads into it.
                        self.enter_or_skip(&mut cursor, level)?;
                    }
                    if self.all_found() {
                        return None;
                    }
                }
                b'{' => level += 1,
                b'}' | b']' => level = level.checked_sub(1)?,
                b'[' => {
                    cursor.at -= 1;
                    self.array(&mut cursor, level, report)?;
                    if self.all_found() {
                        return None;
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Reports the value of a key for each path that ends there. `None` ends the search.
    fn key<'l>(
        &mut self,
        key: &str,
        level: usize,
        cursor: &Cursor<'l>,
        report: Report<'l, '_>,
    ) -> Option<bool> {
        let Some(at) = level.checked_sub(1) else {
            report(0, Err(Malformed::Json));
            return None;
        };
        self.keys.resize(level, String::new());
        if let Some(slot) = self.keys.get_mut(at) {
            key.clone_into(slot);
        }
        let mut matched = false;
        for (number, path) in self.paths.iter().enumerate() {
            let done = self.found.get(number).copied().unwrap_or(true);
            let ends_here = path.len() == level
                && matches!(path.last(), Some(Step::Key(own)) if own == key)
                && self.same_tree(path, level);
            if done || !ends_here {
                continue;
            }
            matched = true;
            if let Some(found) = self.found.get_mut(number) {
                *found = true;
            }
            let mut value = Cursor {
                text: cursor.text,
                at: cursor.at,
            };
            report(number, value.value());
        }
        Some(matched)
    }

    /// Skips an object that no path leads into.
    fn enter_or_skip(&self, cursor: &mut Cursor<'_>, level: usize) -> Option<()> {
        if cursor.next_token()? != b'{' {
            return Some(());
        }
        let leads_in = self
            .paths
            .iter()
            .zip(&self.found)
            .any(|(path, found)| !found && path.len() > level && self.same_tree(path, level));
        if !leads_in {
            cursor.block_end(b'{', b'}')?;
        }
        Some(())
    }

    /// Searches the items of an array that paths name, and skips the others.
    fn array<'l>(
        &mut self,
        cursor: &mut Cursor<'l>,
        level: usize,
        report: Report<'l, '_>,
    ) -> Option<()> {
        let wanted: Vec<(usize, usize)> = self
            .paths
            .iter()
            .enumerate()
            .filter(|(number, path)| {
                let done = self.found.get(*number).copied().unwrap_or(true);
                !done
                    && self.same_tree(path.get(..level).unwrap_or_default(), level)
                    && path.len() > level
            })
            .filter_map(|(number, path)| match path.get(level) {
                Some(Step::Index(index)) => Some((number, *index)),
                _ => None,
            })
            .collect();
        if wanted.is_empty() {
            return cursor.block_end(b'[', b']');
        }
        cursor.at += 1;
        let mut index = 0;
        while cursor.next_token()? != b']' {
            let item = cursor.value().ok()?;
            for (number, _) in wanted.iter().filter(|(_, own)| *own == index) {
                if let Some(found) = self.found.get_mut(*number) {
                    *found = true;
                }
                let rest = self
                    .paths
                    .get(*number)
                    .and_then(|path| path.get(level + 1..));
                if let Some(value) = descend(item, rest.unwrap_or_default()) {
                    report(*number, Ok(value));
                }
            }
            index += 1;
            match cursor.next_token()? {
                b',' => cursor.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        cursor.at += 1;
        Some(())
    }
}

/// Follows the remaining steps from an item of an array to its value.
fn descend<'l>(item: Value<'l>, steps: &[Step]) -> Option<Value<'l>> {
    let mut value = item;
    for step in steps {
        value = match (step, value.kind) {
            (Step::Key(wanted), Kind::Object) => {
                let mut found = None;
                let walked = crate::logs::lines::json::members(value.raw, &mut |key, value| {
                    if key == wanted {
                        found = Some(value);
                        return Err(crate::logs::lines::json::Ended::Enough);
                    }
                    Ok(())
                });
                walked.err().and(found)?
            }
            (Step::Index(wanted), Kind::Array) => {
                let mut cursor = Cursor {
                    text: value.raw,
                    at: 1,
                };
                for _ in 0..*wanted {
                    cursor.value().ok()?;
                    if cursor.next_token()? != b',' {
                        return None;
                    }
                    cursor.at += 1;
                }
                if cursor.next_token()? == b']' {
                    return None;
                }
                cursor.value().ok()?
            }
            _ => return None,
        };
    }
    Some(value)
}
