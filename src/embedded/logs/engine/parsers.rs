//! Parsers: stages that turn a line into labels.

use regex::Regex;
use winnow::combinator::{alt, delimited, opt, preceded, repeat};
use winnow::error::ModalResult;
use winnow::prelude::*;
use winnow::token::take_while;

use super::fields::{Fields, sanitize};
use super::json::{self, Step};
use super::logfmt;
use super::pattern::Pattern;
use crate::embedded::logs::logql::{Extraction, quoted_text};

const JSON_ERROR: &str = "JSONParserErr";
const LOGFMT_ERROR: &str = "LogfmtParserErr";

/// What Loki says of a line that is no JSON object.
const NO_OBJECT: &str = "Value looks like object, but can't find closing '}' symbol";

/// A parser that is ready to run.
#[derive(Clone, Debug)]
pub(crate) enum LineParser {
    Json,
    JsonPaths(Vec<(String, Vec<Step>)>),
    Logfmt {
        strict: bool,
        keep_empty: bool,
        /// Label and key; everything when empty.
        keys: Vec<(String, String)>,
    },
    Regexp(Regex),
    Pattern(Pattern),
}

impl LineParser {
    pub(crate) fn json(extractions: &[Extraction]) -> Result<Self, String> {
        if extractions.is_empty() {
            return Ok(Self::Json);
        }
        let paths = extractions
            .iter()
            .map(|extraction| {
                path.parse(&*extraction.path)
                    .map(|path| (extraction.label.clone(), path))
                    .map_err(|_| format!("cannot parse expression [{}]", extraction.path))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self::JsonPaths(paths))
    }

    pub(crate) fn logfmt(strict: bool, keep_empty: bool, extractions: &[Extraction]) -> Self {
        Self::Logfmt {
            strict,
            keep_empty,
            keys: extractions
                .iter()
                .map(|e| (e.label.clone(), e.path.to_string()))
                .collect(),
        }
    }

    pub(crate) fn regexp(regex: Regex) -> Result<Self, String> {
        if regex.capture_names().flatten().next().is_none() {
            return Err("at least one named capture must be supplied".to_owned());
        }
        Ok(Self::Regexp(regex))
    }

    pub(crate) fn pattern(text: &str) -> Result<Self, String> {
        Pattern::new(text).map(Self::Pattern)
    }

    /// Adds what is found in the line to its labels.
    pub(crate) fn parse(&self, line: &str, fields: &mut Fields<'_>) {
        match self {
            Self::Json => parse_json(line, fields),
            Self::JsonPaths(paths) => {
                for (label, path) in paths {
                    match json::lookup(line, path) {
                        Ok(value) => fields.set_parsed(label, &value.unwrap_or_default()),
                        Err(json::Malformed) => return fields.fail(JSON_ERROR, NO_OBJECT),
                    }
                }
            }
            Self::Logfmt {
                strict,
                keep_empty,
                keys,
            } => parse_logfmt(line, fields, *strict, *keep_empty, keys),
            Self::Regexp(regex) => {
                let Some(captures) = regex.captures(line) else {
                    return;
                };
                for (name, value) in regex.capture_names().zip(captures.iter()) {
                    if let Some(name) = name {
                        fields.set_parsed(name, value.map_or("", |value| value.as_str()));
                    }
                }
            }
            Self::Pattern(pattern) => {
                pattern.captures(line, |name, value| fields.set_parsed(name, value));
            }
        }
    }
}

fn parse_json(line: &str, fields: &mut Fields<'_>) {
    let mut name = String::new();
    let walked = json::walk(line, &mut |path, value| {
        if value == json::Scalar::Null {
            return;
        }
        if let [key] = path {
            fields.set_parsed(&sanitize(key), value.as_label());
            return;
        }
        name.clear();
        for (at, key) in path.iter().enumerate() {
            if at > 0 {
                name.push('_');
            }
            name.push_str(&sanitize(key));
        }
        fields.set_parsed(&name, value.as_label());
    });
    if walked.is_err() {
        fields.fail(JSON_ERROR, NO_OBJECT);
    }
}

fn parse_logfmt(
    line: &str,
    fields: &mut Fields<'_>,
    strict: bool,
    keep_empty: bool,
    keys: &[(String, String)],
) {
    for pair in logfmt::scan(line) {
        let Ok((key, value)) = pair else {
            if strict {
                return fields.fail(LOGFMT_ERROR, "logfmt syntax error");
            }
            continue;
        };
        if value.is_empty() && !keep_empty {
            continue;
        }
        let value = logfmt::unquote(value);
        if keys.is_empty() {
            let name = sanitize(key);
            if !name.is_empty() {
                fields.set_parsed(&name, &value);
            }
            continue;
        }
        for (label, wanted) in keys {
            if wanted == key {
                fields.set_parsed(label, &value);
            }
        }
    }
}

/// A path of `| json`: `a.b[0]["c d"]`.
fn path(input: &mut &str) -> ModalResult<Vec<Step>> {
    let first = opt(key).parse_next(input)?;
    let rest: Vec<Step> = repeat(0.., alt((preceded('.', key), bracket))).parse_next(input)?;
    Ok(first.into_iter().chain(rest).collect())
}

fn key(input: &mut &str) -> ModalResult<Step> {
    take_while(1.., |c: char| c.is_alphanumeric() || matches!(c, '_' | '-'))
        .map(|key: &str| Step::Key(key.to_owned()))
        .parse_next(input)
}

fn bracket(input: &mut &str) -> ModalResult<Step> {
    let index = take_while(1.., '0'..='9')
        .verify_map(|digits: &str| digits.parse().ok())
        .map(Step::Index);
    delimited('[', alt((index, quoted_text.map(Step::Key))), ']').parse_next(input)
}
