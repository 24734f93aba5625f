//! The words of LogQL.

use std::fmt;
use std::sync::Arc;

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok<'i> {
    /// A name, or a character that means nothing.
    Ident(&'i str),
    /// A quoted text without its quotes.
    Text(Arc<str>),
    /// A number as written.
    Number(&'i str),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A size in bytes.
    Bytes(u64),
    /// `[5m]` in nanoseconds.
    Range(i64),
    /// `--strict`
    Flag(&'i str),
    /// An operator, a bracket or a keyword, by the name that Loki's messages give it.
    Word(&'static str),
    /// A function before its bracket, by the name that Loki's messages give it.
    Function(&'static str),
    /// What cannot be read, and why.
    Bad(String),
    /// The end of the text.
    End,
}

/// A word and where it starts.
#[derive(Clone, Debug)]
pub(crate) struct Token<'i> {
    pub(crate) tok: Tok<'i>,
    /// Line, from 1. Loki's scanner forgets the line of a word that it puts together from several
    /// characters; it is 0 then.
    pub(crate) line: usize,
    /// Character in the line, from 1.
    pub(crate) col: usize,
}

impl fmt::Display for Tok<'_> {
    /// The name that Loki's messages give a word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ident(_) => "IDENTIFIER",
            Self::Text(_) => "STRING",
            Self::Number(_) => "NUMBER",
            Self::Duration(_) => "DURATION",
            Self::Bytes(_) => "BYTES",
            Self::Range(_) => "RANGE",
            Self::Flag(_) => "FUNCTION_FLAG",
            Self::Word(name) | Self::Function(name) => name,
            Self::Bad(_) | Self::End => "$end",
        })
    }
}

/// Operators and brackets; a longer one comes before its own beginning.
pub(crate) const SYMBOLS: [&str; 27] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "]", ",", ".",
    "=", "|", ">", "<", "+", "-", "*", "/", "%", "^",
];

/// Names that are words of the language wherever they stand.
pub(crate) const KEYWORDS: [&str; 24] = [
    "by",
    "without",
    "bool",
    "unwrap",
    "offset",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "or",
    "and",
    "unless",
    "json",
    "regexp",
    "logfmt",
    "unpack",
    "pattern",
    "label_format",
    "line_format",
    "decolorize",
    "drop",
    "keep",
    "variants",
    "of",
];

/// Names that are functions where a bracket or a grouping follows and plain names elsewhere, with
/// the name that messages give them.
pub(crate) const FUNCTIONS: [(&str, &str); 33] = [
    ("rate", "RATE"),
    ("rate_counter", "RATE_COUNTER"),
    ("count_over_time", "COUNT_OVER_TIME"),
    ("bytes_rate", "BYTES_RATE"),
    ("bytes_over_time", "BYTES_OVER_TIME"),
    ("avg_over_time", "AVG_OVER_TIME"),
    ("sum_over_time", "SUM_OVER_TIME"),
    ("min_over_time", "MIN_OVER_TIME"),
    ("max_over_time", "MAX_OVER_TIME"),
    ("stdvar_over_time", "STDVAR_OVER_TIME"),
    ("stddev_over_time", "STDDEV_OVER_TIME"),
    ("quantile_over_time", "QUANTILE_OVER_TIME"),
    ("first_over_time", "FIRST_OVER_TIME"),
    ("last_over_time", "LAST_OVER_TIME"),
    ("absent_over_time", "ABSENT_OVER_TIME"),
    ("vector", "VECTOR"),
    ("sum", "SUM"),
    ("avg", "AVG"),
    ("max", "MAX"),
    ("min", "MIN"),
    ("count", "COUNT"),
    ("stddev", "STDDEV"),
    ("stdvar", "STDVAR"),
    ("bottomk", "BOTTOMK"),
    ("topk", "TOPK"),
    ("sort", "SORT"),
    ("sort_desc", "SORT_DESC"),
    ("approx_topk", "APPROX_TOPK"),
    ("bytes", "BYTES_CONV"),
    ("duration", "DURATION_CONV"),
    ("duration_seconds", "DURATION_SECONDS_CONV"),
    ("label_replace", "label_replace"),
    ("ip", "ip"),
];
