//! The words of LogQL.

use std::fmt;
use std::sync::Arc;

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tok<'i> {
    /// A name or keyword; which of the two the grammar decides by its place.
    Ident(&'i str),
    /// A quoted text without its quotes.
    Text(Arc<str>),
    /// A number.
    Number(f64),
    /// A duration in nanoseconds.
    Duration(i64),
    /// A size in bytes.
    Bytes(u64),
    /// `[5m]` in nanoseconds.
    Range(i64),
    /// `--strict`
    Flag(&'i str),
    /// An operator or bracket.
    Sym(&'static str),
}

/// A word and where it starts.
#[derive(Clone, Debug)]
pub(crate) struct Token<'i> {
    pub(crate) tok: Tok<'i>,
    /// Byte in the text.
    pub(crate) at: usize,
}

impl fmt::Display for Tok<'_> {
    /// The name that Loki's messages give a word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ident(name) if is_keyword(name) => f.write_str(name),
            Self::Ident(_) => f.write_str("IDENTIFIER"),
            Self::Text(_) => f.write_str("STRING"),
            Self::Number(_) => f.write_str("NUMBER"),
            Self::Duration(_) => f.write_str("DURATION"),
            Self::Bytes(_) => f.write_str("BYTES"),
            Self::Range(_) => f.write_str("RANGE"),
            Self::Flag(_) => f.write_str("FUNCTION_FLAG"),
            Self::Sym(symbol) => f.write_str(symbol),
        }
    }
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: [&str; 26] = [
        "by",
        "without",
        "bool",
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
        "ip",
        "decolorize",
        "drop",
        "keep",
        "unwrap",
        "label_replace",
        "vector",
        "sum",
    ];
    KEYWORDS.contains(&name)
}
