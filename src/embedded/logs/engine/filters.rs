//! Line filters and conditions on labels, ready to run.

use regex::Regex;

use super::error::QueryError;
use super::fields::Fields;
use crate::embedded::logs::logql::units::{parse_bytes, parse_duration};
use crate::embedded::logs::logql::{CompareOp, LabelFilter, LineFilter, LineMatch};
use crate::embedded::logs::store::{LabelMatcher, compile_regex};

/// What `__error__` says of a condition that could not read its label.
const LABEL_FILTER: &str = "LabelFilterErr";

/// A line filter. Texts are searched by the same engine as expressions: for plain literals it
/// falls back to a vectorised substring search.
#[derive(Clone, Debug)]
pub(crate) struct LineTest {
    regex: Regex,
    wanted: bool,
}

impl LineTest {
    pub(crate) fn new(filter: &LineFilter) -> Result<Self, regex::Error> {
        let literal = matches!(filter.op, LineMatch::Contains | LineMatch::ContainsNot);
        let alternatives: Vec<String> = filter
            .alternatives
            .iter()
            .map(|text| match literal {
                true => regex::escape(text),
                false => format!("(?:{text})"),
            })
            .collect();
        Ok(Self {
            regex: compile_regex(&alternatives.join("|"))?,
            wanted: matches!(filter.op, LineMatch::Contains | LineMatch::Regex),
        })
    }

    pub(crate) fn passes(&self, line: &str) -> bool {
        self.regex.is_match(line) == self.wanted
    }
}

/// A condition on labels.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Match(LabelMatcher),
    Number(String, CompareOp, f64),
    Duration(String, CompareOp, i64),
    Bytes(String, CompareOp, u64),
    And(Vec<Condition>),
    Or(Vec<Condition>),
}

impl Condition {
    pub(crate) fn new(filter: &LabelFilter) -> Result<Self, QueryError> {
        let all = |filters: &[LabelFilter]| filters.iter().map(Self::new).collect::<Result<_, _>>();
        Ok(match filter {
            LabelFilter::Match(matcher) => Self::Match(matcher.compile()?),
            LabelFilter::Number(name, op, value) => Self::Number(name.clone(), *op, *value),
            LabelFilter::Duration(name, op, nanos) => Self::Duration(name.clone(), *op, *nanos),
            LabelFilter::Bytes(name, op, bytes) => Self::Bytes(name.clone(), *op, *bytes),
            LabelFilter::And(filters) => Self::And(all(filters)?),
            LabelFilter::Or(filters) => Self::Or(all(filters)?),
        })
    }

    /// Whether the line stays. A value that cannot be read keeps the line and marks it.
    pub(crate) fn holds(&self, fields: &mut Fields<'_>) -> bool {
        match self {
            Self::Match(matcher) => {
                let value = fields.get(&matcher.name).unwrap_or_default();
                matcher.comparison.accepts(value)
            }
            Self::Number(name, op, wanted) => compare(fields, name, *op, *wanted, |text| {
                text.parse::<f64>()
                    .map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
            }),
            Self::Duration(name, op, wanted) => compare(fields, name, *op, *wanted, |text| {
                parse_duration(text).ok_or_else(|| format!("time: invalid duration {text:?}"))
            }),
            Self::Bytes(name, op, wanted) => compare(fields, name, *op, *wanted, |text| {
                parse_bytes(text).ok_or_else(|| format!("unhandled size name: {text:?}"))
            }),
            Self::And(conditions) => conditions.iter().all(|c| c.holds(fields)),
            Self::Or(conditions) => conditions.iter().any(|c| c.holds(fields)),
        }
    }
}

fn compare<T: PartialOrd>(
    fields: &mut Fields<'_>,
    name: &str,
    op: CompareOp,
    wanted: T,
    read: impl Fn(&str) -> Result<T, String>,
) -> bool {
    let Some(value) = fields.get(name) else {
        return false;
    };
    match read(value) {
        Ok(value) => op.holds(value, wanted),
        Err(details) => {
            fields.fail(LABEL_FILTER, &details);
            true
        }
    }
}
