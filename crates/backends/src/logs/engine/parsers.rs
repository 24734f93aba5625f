//! Parsers: stages that extract labels from a line. The first value of a label stays, within one
//! line and across parsers; only paths (`| json a="b"`) overwrite a label.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::budget::MAX_MADE_BYTES;
use super::fields::{Fields, PRESERVE_ERROR, sanitize};
use super::hints::Hints;
use super::json_path::{self, Search, Step};
use crate::logs::lang::Extraction;
use crate::logs::lines::json::{self, Ended, Kind, Malformed};
use crate::logs::lines::logfmt;
use crate::logs::lines::pattern::Pattern;
use crate::wire::regex::Expression;

const JSON_ERROR: &str = "JSONParserErr";
const LOGFMT_ERROR: &str = "LogfmtParserErr";

/// The key under which Promtail's `pack` stage keeps the line.
const PACKED_LINE: &str = "_entry";

/// A compiled parser.
#[derive(Clone, Debug)]
pub(crate) enum LineParser {
    Json,
    JsonPaths {
        labels: Vec<String>,
        paths: Vec<Vec<Step>>,
    },
    Logfmt {
        strict: bool,
        keep_empty: bool,
    },
    LogfmtKeys {
        strict: bool,
        /// Label and key.
        keys: Vec<(String, String)>,
    },
    Unpack,
    Regexp(Expression),
    Pattern(Pattern),
}

/// Sets the labels that a parser finds and the query needs.
struct Finder<'f, 's> {
    fields: &'f mut Fields<'s>,
    hints: &'f Hints,
    /// Bytes of the names and values that were set.
    made: usize,
}

impl Finder<'_, '_> {
    /// The name under which a label is set. `None` if the query does not need it or has it already.
    fn wanted<'n>(&self, name: &'n str) -> Option<Cow<'n, str>> {
        let name = self.fields.free_name(name);
        let wanted = self.hints.wants(&name) && !self.fields.was_parsed(&name);
        wanted.then_some(name)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.made += name.len() + value.len();
        // Whether the name is taken is asked only of labels that may be needed.
        if !self.hints.wants_prefix(name) {
            return;
        }
        if let Some(name) = self.wanted(name) {
            self.fields.set(&name, value);
        }
    }

    fn fail(&mut self, error: &'static str, details: &str) {
        self.fields.fail(error, details);
        if self.hints.preserves_error() {
            self.fields.set(PRESERVE_ERROR, "true");
        }
    }

    fn has_all(&self) -> bool {
        self.made > MAX_MADE_BYTES || self.hints.is_satisfied(self.fields)
    }
}

impl LineParser {
    pub(crate) fn json(extractions: &[Extraction]) -> Result<Self, String> {
        if extractions.is_empty() {
            return Ok(Self::Json);
        }
        let path = |e: &Extraction| {
            json_path::parse(&e.path)
                .map_err(|reason| format!("cannot parse expression [{}]: {reason}", e.path))
        };
        Ok(Self::JsonPaths {
            labels: extractions.iter().map(|e| e.label.clone()).collect(),
            paths: extractions.iter().map(path).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn logfmt(
        strict: bool,
        keep_empty: bool,
        extractions: &[Extraction],
    ) -> Result<Self, String> {
        if extractions.is_empty() {
            return Ok(Self::Logfmt { strict, keep_empty });
        }
        let mut keys: Vec<(String, String)> = Vec::new();
        for e in extractions {
            let key = logfmt_key(&e.path)
                .map_err(|reason| format!("cannot parse expression [{}]: {reason}", e.path))?;
            // If a label is given twice, the last key applies.
            keys.retain(|(label, _)| *label != e.label);
            keys.push((e.label.clone(), key));
        }
        Ok(Self::LogfmtKeys { strict, keys })
    }

    pub(crate) fn pattern(text: &str) -> Result<Self, String> {
        Pattern::parser(text).map(Self::Pattern)
    }

    /// Leaves out work for labels that the query does not need.
    pub(crate) fn look_only_for(&mut self, hints: &Hints) {
        if let Self::Pattern(pattern) = self {
            pattern.keep_only(|name| hints.wants_prefix(name));
        }
    }

    /// Its name in a query.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Json | Self::JsonPaths { .. } => "json",
            Self::Logfmt { .. } | Self::LogfmtKeys { .. } => "logfmt",
            Self::Unpack => "unpack",
            Self::Regexp(_) => "regexp",
            Self::Pattern(_) => "pattern",
        }
    }

    /// Adds the extracted labels. Returns the new line if the parser replaces it, and the bytes
    /// that were made; beyond [`MAX_MADE_BYTES`] it stops early.
    pub(crate) fn parse(
        &self,
        line: &str,
        fields: &mut Fields<'_>,
        hints: &Hints,
    ) -> (Option<String>, usize) {
        let mut finder = Finder {
            fields,
            hints,
            made: 0,
        };
        let mut unpacked = None;
        let has_all = finder.has_all();
        match self {
            Self::Regexp(regex) => regexp(regex, line, &mut finder),
            _ if has_all => {}
            Self::Json => parse_json(line, &mut finder),
            Self::JsonPaths { labels, paths } => json_paths(line, labels, paths, &mut finder),
            Self::Logfmt { strict, keep_empty } => {
                parse_logfmt(line, *strict, *keep_empty, &mut finder);
            }
            Self::LogfmtKeys { strict, keys } => logfmt_keys(line, *strict, keys, &mut finder),
            Self::Unpack => unpacked = unpack(line, &mut finder),
            Self::Pattern(pattern) => {
                pattern.captures(line, |name, value| finder.set(name, value));
            }
        }
        (unpacked, finder.made)
    }
}

fn regexp(regex: &Expression, line: &str, finder: &mut Finder<'_, '_>) {
    let Some(captures) = regex.regex().captures(line) else {
        return;
    };
    for (name, value) in regex.names().zip(captures.iter().skip(1)) {
        if let Some(name) = name {
            finder.set(&sanitize(name), value.map_or("", |value| value.as_str()));
        }
    }
}

fn parse_json(line: &str, finder: &mut Finder<'_, '_>) {
    let mut path = Vec::new();
    let walked = json::walk(line, &mut path, &mut |path, key, value| {
        match value.kind {
            Kind::Object => {
                let prefix = joined(path, key);
                return Ok(finder.hints.wants_prefix(&prefix));
            }
            Kind::Array | Kind::Null => {}
            Kind::Text | Kind::Number | Kind::Bool => {
                let name = joined(path, key);
                if !name.is_empty() {
                    finder.set(&name, &value.as_label());
                }
            }
        }
        match finder.has_all() {
            true => Err(Ended::Enough),
            false => Ok(false),
        }
    });
    if let Err(Ended::Malformed(error)) = walked {
        finder.fail(JSON_ERROR, &error.to_string());
    }
}

/// The name of the label for a path.
pub(super) fn joined<'k>(path: &[String], key: &'k str) -> Cow<'k, str> {
    if path.is_empty() {
        return sanitize(key);
    }
    let mut name = String::new();
    for part in path.iter().map(String::as_str).chain([key]) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        if name.is_empty() {
            name.push_str(&sanitize(part));
            continue;
        }
        name.push('_');
        name.extend(part.chars().map(|c| match c.is_ascii_alphanumeric() {
            true => c,
            false => '_',
        }));
    }
    Cow::Owned(name)
}

fn json_paths(line: &str, labels: &[String], paths: &[Vec<Step>], finder: &mut Finder<'_, '_>) {
    if line.is_empty() {
        return;
    }
    if !line.starts_with(['"', '{', '[']) {
        return finder.fail(JSON_ERROR, "");
    }
    let mut matches = 0;
    let mut search = Search::new(paths);
    search.run(line, &mut |number, value| {
        let value = match value {
            Ok(value) => value,
            Err(error) => return finder.fail(JSON_ERROR, &error.to_string()),
        };
        let Some(label) = labels.get(number) else {
            return;
        };
        let name = finder.fields.free_name(label).into_owned();
        let text = match value.kind {
            Kind::Null => Cow::Borrowed(""),
            Kind::Object => Cow::Borrowed(value.raw),
            _ => json::label_text(value.raw),
        };
        finder.made += name.len() + text.len();
        finder.fields.set(&name, &text);
        matches += 1;
    });
    if matches < labels.len() {
        for label in labels {
            if finder.fields.label(label).is_none() {
                finder.fields.set(label, "");
            }
        }
    }
}

/// Calls `each` with the label name and the value of each pair, until it breaks. Malformed pairs are passed over; if `strict`, the first is an error of the line.
fn each_pair(
    line: &str,
    strict: bool,
    finder: &mut Finder<'_, '_>,
    mut each: impl FnMut(&mut Finder<'_, '_>, &str, &str) -> ControlFlow<()>,
) {
    for pair in logfmt::scan(line) {
        let (key, value) = match pair {
            Ok(pair) => pair,
            Err(error) if strict => return finder.fail(LOGFMT_ERROR, &error.to_string()),
            Err(_) => continue,
        };
        let name = sanitize(key);
        if !name.is_empty() && each(finder, &name, &value).is_break() {
            return;
        }
    }
}

/// Breaks off once all labels that the query needs are found.
fn unless_complete(finder: &Finder<'_, '_>) -> ControlFlow<()> {
    match finder.has_all() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

fn parse_logfmt(line: &str, strict: bool, keep_empty: bool, finder: &mut Finder<'_, '_>) {
    each_pair(line, strict, finder, |finder, name, value| {
        if value.is_empty() && !keep_empty {
            return ControlFlow::Continue(());
        }
        finder.set(name, &replaced(value));
        unless_complete(finder)
    });
}

/// Labels cannot contain U+FFFD.
fn replaced(value: &str) -> Cow<'_, str> {
    match value.contains(char::REPLACEMENT_CHARACTER) {
        true => Cow::Owned(value.replace(char::REPLACEMENT_CHARACTER, " ")),
        false => Cow::Borrowed(value),
    }
}

/// Reads the key of `| logfmt label="key"`.
fn logfmt_key(text: &str) -> Result<String, String> {
    let trimmed = text.trim_matches([' ', '\t', '\n']);
    if let Some(quoted) = trimmed.strip_prefix('"') {
        let end = quoted.find(['"', ']']).unwrap_or(quoted.len());
        return Ok(quoted.get(..end).unwrap_or_default().to_owned());
    }
    let starts = trimmed.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match trimmed.chars().find(|c| !is_key(*c)) {
        None if starts => Ok(trimmed.to_owned()),
        Some(c) if starts => Err(format!("unexpected char {c}")),
        _ => Err("syntax error: unexpected $end, expecting STRING or KEY".to_owned()),
    }
}

fn logfmt_keys(line: &str, strict: bool, keys: &[(String, String)], finder: &mut Finder<'_, '_>) {
    for (label, _) in keys {
        if finder.fields.free_name(label) == label.as_str() {
            finder.fields.set(label, "");
        }
    }
    each_pair(line, strict, finder, |finder, name, value| {
        let named = keys.iter().any(|(label, _)| *label == name);
        let needed = finder.hints.wants(name) && !finder.fields.was_parsed(name);
        let by_key = keys.iter().find(|(_, key)| *key == name);
        let is_set = named || (needed && by_key.is_some());
        if !is_set {
            return ControlFlow::Continue(());
        }
        let label = by_key.map_or(name, |(label, _)| label.as_str());
        let free = finder.fields.free_name(label).into_owned();
        if free != label && finder.wanted(label).is_none() {
            return ControlFlow::Break(());
        }
        // As in Loki a value that is not UTF-8 is dropped here.
        let text = match value.contains(char::REPLACEMENT_CHARACTER) {
            true => "",
            false => value,
        };
        finder.fields.set(&free, text);
        unless_complete(finder)
    });
}

/// `unpack`: restores the line and labels that Promtail's `pack` stage has packed.
fn unpack(line: &str, finder: &mut Finder<'_, '_>) -> Option<String> {
    if line.is_empty() {
        return None;
    }
    if !line.starts_with('{') {
        // The number stands for "object" in Loki's JSON library.
        finder.fail(JSON_ERROR, "expecting json object(6), but it is not");
        return None;
    }
    let mut packed: Option<String> = None;
    let mut labels: Vec<(String, String)> = Vec::new();
    let walked = json::members(line, &mut |key, value| {
        if finder.made > MAX_MADE_BYTES {
            return Err(Ended::Enough);
        }
        if value.kind != Kind::Text {
            return Ok(());
        }
        if key == PACKED_LINE {
            let text = json::unescape(value.raw).ok_or(Malformed::Escape)?;
            packed = Some(text.into_owned());
        } else if let Some(name) = finder.wanted(key) {
            finder.made += name.len() + value.raw.len();
            labels.push((sanitize(&name).into_owned(), value.as_label().into_owned()));
        }
        Ok(())
    });
    if let Err(Ended::Malformed(error)) = walked {
        finder.fail(JSON_ERROR, &error.to_string());
        return None;
    }
    if packed.is_some() {
        for (name, value) in labels {
            finder.fields.set(&name, &value);
        }
    }
    packed
}
