//! The tokens of LogQL.

use std::fmt;
use std::sync::Arc;

/// The kind and value of a token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok<'i> {
    /// An identifier, or a character without a meaning of its own.
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
    /// An operator, bracket or keyword, by its name in Loki's messages.
    Word(&'static str),
    /// A function before its parenthesis, by its name in Loki's messages.
    Function(&'static str),
    /// An invalid token with its error.
    Bad(String),
    /// The end of the text.
    End,
}

/// A token and its position.
#[derive(Clone, Debug)]
pub(crate) struct Token<'i> {
    pub(crate) tok: Tok<'i>,
    /// Line, from 1. It is 0 for a token that Loki's scanner builds from several characters,
    /// because Loki loses its line.
    pub(crate) line: usize,
    /// Character in the line, from 1.
    pub(crate) col: usize,
}

impl fmt::Display for Tok<'_> {
    /// The name of a token in Loki's messages.
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

/// Operators and brackets; a longer one comes before its prefixes.
pub(crate) const SYMBOLS: [&str; 27] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "]", ",", ".",
    "=", "|", ">", "<", "+", "-", "*", "/", "%", "^",
];

/// Names that are keywords everywhere.
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

/// Names that are functions before a parenthesis or a grouping and identifiers elsewhere, with
/// their names in messages.
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
