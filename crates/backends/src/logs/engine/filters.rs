//! Compiled line filters and label filters.

use memchr::memmem::Finder;
use regex::Regex;

use super::error::QueryError;
use super::fields::{ERROR, Fields};
use super::ip::IpPattern;
use crate::logs::lang::units::parse_bytes;
use crate::logs::lang::{
    CompareOp, LabelFilter, LineFilter, LineMatch, LineOperand, MatchOp, Matcher, ParseError,
    parse_float,
};
use crate::logs::lines::pattern::Pattern;
use crate::logs::store::{Comparison, LabelMatcher, compile_alternatives, compile_anchored};
use crate::wire::duration::go;
use crate::wire::regex as re2;

/// `__error__` of a label filter that could not read its label.
const LABEL_FILTER: &str = "LabelFilterErr";

/// The alternative of a line filter.
#[derive(Clone, Debug)]
enum Wanted {
    /// A substring.
    Text(Box<Finder<'static>>),
    /// An expression, or several substrings.
    Regex(Regex),
    Pattern(Pattern),
    Ip(IpPattern),
}

/// A line filter.
#[derive(Clone, Debug)]
pub(crate) struct LineTest {
    /// Alternatives, of which one has to match.
    wanted: Vec<Wanted>,
    positive: bool,
}

impl LineTest {
    pub(crate) fn new(filter: &LineFilter) -> Result<Self, String> {
        let mut expressions: Vec<String> = Vec::new();
        let mut wanted: Vec<Wanted> = Vec::new();
        for operand in &filter.alternatives {
            match (operand, filter.op) {
                (LineOperand::Ip(pattern), LineMatch::Contains | LineMatch::ContainsNot) => {
                    wanted.push(Wanted::Ip(IpPattern::new(pattern)?));
                }
                (LineOperand::Ip(_), _) => return Err("ip: invalid operation".to_owned()),
                (LineOperand::Text(text), LineMatch::Contains | LineMatch::ContainsNot)
                    if filter.alternatives.len() == 1 =>
                {
                    let finder = Finder::new(&**text).into_owned();
                    wanted.push(Wanted::Text(Box::new(finder)));
                }
                (LineOperand::Text(text), LineMatch::Contains | LineMatch::ContainsNot) => {
                    expressions.push(regex::escape(text));
                }
                (LineOperand::Text(text), LineMatch::Regex | LineMatch::NotRegex) => {
                    let text = re2::translate_exact(text).map_err(|error| error.to_string())?;
                    expressions.push(format!("(?:{text})"));
                }
                (LineOperand::Text(text), LineMatch::Pattern | LineMatch::NotPattern) => {
                    wanted.push(Wanted::Pattern(Pattern::filter(text)?));
                }
            }
        }
        if !expressions.is_empty() {
            let regex = compile_alternatives(&expressions)?;
            wanted.push(Wanted::Regex(regex));
        }
        Ok(Self {
            wanted,
            positive: filter.op.is_positive(),
        })
    }

    pub(crate) fn passes(&self, line: &str) -> bool {
        let found = self.wanted.iter().any(|wanted| match wanted {
            Wanted::Text(text) => text.find(line.as_bytes()).is_some(),
            Wanted::Regex(regex) => regex.is_match(line),
            Wanted::Pattern(pattern) => pattern.matches(line),
            Wanted::Ip(pattern) => pattern.is_in(line),
        });
        found == self.positive
    }

    /// Tests whether certainly no part of a text passes.
    pub(crate) fn excludes(&self, text: &str) -> bool {
        match self.wanted.as_slice() {
            [Wanted::Text(wanted)] => self.positive && wanted.find(text.as_bytes()).is_none(),
            _ => false,
        }
    }
}

/// A label filter.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Match(LabelMatcher),
    Number(String, CompareOp, f64),
    Duration(String, CompareOp, i64),
    Bytes(String, CompareOp, u64),
    Ip {
        name: String,
        negated: bool,
        /// `None` if the text is not an address; as in Loki no line passes then.
        pattern: Option<IpPattern>,
    },
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
}

impl Condition {
    /// Compiles a label filter that is a stage of its own.
    ///
    /// # Errors
    /// An invalid expression or address.
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, QueryError> {
        if let LabelFilter::Ip { pattern, .. } = filter {
            IpPattern::new(pattern).map_err(|reason| QueryError::Stage {
                stage: format!("| {filter}"),
                reason,
            })?;
        }
        Self::part(filter)
    }

    fn part(filter: &LabelFilter) -> Result<Self, QueryError> {
        let side = |filter: &LabelFilter| Self::part(filter).map(Box::new);
        Ok(match filter {
            LabelFilter::Match(matcher) => Self::Match(comparison(matcher)?),
            LabelFilter::Number(name, op, value) => Self::Number(name.clone(), *op, *value),
            LabelFilter::Duration(name, op, nanos) => Self::Duration(name.clone(), *op, *nanos),
            LabelFilter::Bytes(name, op, bytes) => Self::Bytes(name.clone(), *op, *bytes),
            LabelFilter::Ip {
                name,
                negated,
                pattern,
            } => Self::Ip {
                name: name.clone(),
                negated: *negated,
                pattern: IpPattern::new(pattern).ok(),
            },
            LabelFilter::And(left, right) => Self::And(side(left)?, side(right)?),
            LabelFilter::Or(left, right) => Self::Or(side(left)?, side(right)?),
        })
    }

    /// Names of the labels that it reads.
    pub(crate) fn names(&self, names: &mut Vec<String>) {
        match self {
            Self::Match(matcher) => names.push(matcher.name.clone()),
            Self::Number(name, ..)
            | Self::Duration(name, ..)
            | Self::Bytes(name, ..)
            | Self::Ip { name, .. } => names.push(name.clone()),
            Self::And(left, right) | Self::Or(left, right) => {
                left.names(names);
                right.names(names);
            }
        }
    }

    /// Tests a line. A line whose value cannot be read passes and gets an error label.
    pub(crate) fn holds(&self, fields: &mut Fields<'_>) -> bool {
        match self {
            Self::Match(matcher) => {
                let value = match matcher.name.as_str() {
                    ERROR => fields.error(),
                    name => fields.label(name),
                };
                matcher.comparison.accepts(value.unwrap_or_default())
            }
            Self::Number(name, op, wanted) => compare(fields, name, *op, *wanted, parse_float),
            Self::Duration(name, op, wanted) => compare(fields, name, *op, *wanted, go::parse),
            Self::Bytes(name, op, wanted) => compare(fields, name, *op, *wanted, parse_bytes),
            Self::Ip {
                name,
                negated,
                pattern,
            } => {
                if fields.error().is_some() {
                    return true;
                }
                match (fields.label(name), pattern) {
                    (Some(value), Some(pattern)) => pattern.is_in(value) != *negated,
                    _ => false,
                }
            }
            Self::And(left, right) => {
                let left = left.holds(fields);
                right.holds(fields) && left
            }
            Self::Or(left, right) => left.holds(fields) || right.holds(fields),
        }
    }
}

/// Compiles the condition of a label filter. Unlike in selectors `.` does not match a newline,
/// except in expressions that accept everything.
fn comparison(matcher: &Matcher) -> Result<LabelMatcher, ParseError> {
    let refused = |error: String| ParseError::plain(error);
    let compiled = || compile_anchored(&matcher.value).map_err(|error| refused(error.to_string()));
    if let Some(text) = contained(&matcher.value) {
        let found = re2::compile(&regex::escape(text)).map_err(|e| refused(e.to_string()))?;
        let comparison = match matcher.op {
            MatchOp::Regex => Comparison::Matches(found),
            MatchOp::NotRegex => Comparison::MatchesNot(found),
            _ => return matcher.compile(),
        };
        return Ok(LabelMatcher {
            name: matcher.name.clone(),
            comparison,
        });
    }
    let comparison = match (matcher.op, &*matcher.value) {
        (MatchOp::Regex | MatchOp::NotRegex, ".*" | ".+") => return matcher.compile(),
        (MatchOp::Regex, _) => Comparison::Matches(compiled()?),
        (MatchOp::NotRegex, _) => Comparison::MatchesNot(compiled()?),
        _ => return matcher.compile(),
    };
    Ok(LabelMatcher {
        name: matcher.name.clone(),
        comparison,
    })
}

/// The literal of an expression that is plain except for `.*` before or after it. Loki runs a label
/// filter with such an expression as a substring search.
fn contained(expression: &str) -> Option<&str> {
    let text = expression.strip_prefix(".*").unwrap_or(expression);
    let text = text.strip_suffix(".*").unwrap_or(text);
    let is_plain = !text.is_empty() && regex::escape(text) == text;
    (is_plain && text.len() < expression.len()).then_some(text)
}

fn compare<T: PartialOrd>(
    fields: &mut Fields<'_>,
    name: &str,
    op: CompareOp,
    wanted: T,
    read: impl Fn(&str) -> Result<T, String>,
) -> bool {
    let Some(value) = fields.label(name) else {
        return false;
    };
    match read(value) {
        Ok(value) => op.holds(value, wanted),
        Err(details) => {
            if fields.error().is_none() {
                fields.fail(LABEL_FILTER, &details);
            }
            true
        }
    }
}
