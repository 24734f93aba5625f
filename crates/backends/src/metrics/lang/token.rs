//! The tokens of PromQL, and how an error message shows them.

use crate::wire::quote::{quoted, quoted_with};

/// A place in the query, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Place(pub(crate) usize);

/// Arithmetic, comparison and set operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    /// `</`, for native histograms.
    TrimUpper,
    /// `>/`, for native histograms.
    TrimLower,
    And,
    Or,
    Unless,
}

impl Op {
    pub(crate) fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal
                | Self::NotEqual
                | Self::Greater
                | Self::Less
                | Self::GreaterOrEqual
                | Self::LessOrEqual
        )
    }

    /// True for `</` and `>/`, which take observations out of histograms.
    pub(crate) fn trims(self) -> bool {
        matches!(self, Self::TrimUpper | Self::TrimLower)
    }

    /// True if the result is another quantity than the operands, so that the name no longer fits.
    pub(crate) fn changes_metric(self) -> bool {
        !self.is_comparison() && !self.trims() && !self.is_set()
    }

    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Unless)
    }

    /// Precedence; a higher one binds tighter.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Greater
            | Self::Less
            | Self::GreaterOrEqual
            | Self::LessOrEqual
            | Self::TrimUpper
            | Self::TrimLower => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod | Self::Atan2 => 5,
            Self::Pow => 6,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Atan2 => "atan2",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::GreaterOrEqual => ">=",
            Self::LessOrEqual => "<=",
            Self::TrimUpper => "</",
            Self::TrimLower => ">/",
            Self::And => "and",
            Self::Or => "or",
            Self::Unless => "unless",
        }
    }
}

/// Aggregation operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aggregation {
    Avg,
    Bottomk,
    Count,
    CountValues,
    Group,
    Limitk,
    LimitRatio,
    Max,
    Min,
    Quantile,
    Stddev,
    Stdvar,
    Sum,
    Topk,
}

impl Aggregation {
    /// True if it takes a parameter before the vector.
    pub(super) fn has_param(self) -> bool {
        matches!(
            self,
            Self::Bottomk
                | Self::CountValues
                | Self::Limitk
                | Self::LimitRatio
                | Self::Quantile
                | Self::Topk
        )
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Bottomk => "bottomk",
            Self::Count => "count",
            Self::CountValues => "count_values",
            Self::Group => "group",
            Self::Limitk => "limitk",
            Self::LimitRatio => "limit_ratio",
            Self::Max => "max",
            Self::Min => "min",
            Self::Quantile => "quantile",
            Self::Stddev => "stddev",
            Self::Stdvar => "stdvar",
            Self::Sum => "sum",
            Self::Topk => "topk",
        }
    }
}

/// Other words with a meaning. Most may also be the name of a metric or of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Anchored,
    Bool,
    By,
    End,
    Fill,
    FillLeft,
    FillRight,
    GroupLeft,
    GroupRight,
    Ignoring,
    MaxOf,
    MinOf,
    Offset,
    On,
    Range,
    Smoothed,
    Start,
    Step,
    Without,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    /// An error of the lexer; always the last token.
    Error,
    /// A name without a colon.
    Identifier,
    /// A name with a colon.
    MetricIdentifier,
    String,
    Number,
    Duration,
    Op(Op),
    Aggregation(Aggregation),
    Word(Word),
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    /// `=`
    Assign,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
}

/// A token with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) place: Place,
}

impl Token<'_> {
    /// Name in error messages.
    pub(super) fn describe(&self) -> String {
        let text = self.text;
        match self.kind {
            Kind::End => "end of input".to_owned(),
            Kind::Error => "error".to_owned(),
            Kind::Identifier => format!("identifier {}", quote(text)),
            Kind::MetricIdentifier => format!("metric identifier {}", quote(text)),
            Kind::String => format!("string {}", short(text)),
            Kind::Number => format!("number {}", short(text)),
            Kind::Duration => format!("duration {}", short(text)),
            Kind::Op(_) | Kind::Matches | Kind::MatchesNot | Kind::At => format!("<op:{text}>"),
            Kind::Aggregation(_) => format!("<aggr:{text}>"),
            Kind::Word(
                Word::Start | Word::End | Word::Step | Word::Range | Word::MaxOf | Word::MinOf,
            ) => short(text),
            Kind::Word(_) => format!("<{text}>"),
            _ => short(text),
        }
    }
}

/// A text in quotes, of which at most ten characters are shown.
fn short(text: &str) -> String {
    if text.len() > 10 {
        let start: String = text.chars().take(10).collect();
        format!("{}...", quote(&start))
    } else {
        quote(text)
    }
}

/// A text as Go's `%q` writes it.
pub(crate) fn quote(text: &str) -> String {
    quoted(text.as_bytes())
}

/// A character as Go's `%q` writes it.
pub(super) fn quote_char(one: char) -> String {
    quoted_with(one.encode_utf8(&mut [0; 4]).as_bytes(), '\'', false)
}

/// The word, aggregation, operator or number that a name is, whatever its case.
pub(super) fn keyword(name: &str) -> Option<Kind> {
    use Aggregation as A;
    use Word as W;
    Some(match name.to_ascii_lowercase().as_str() {
        "and" => Kind::Op(Op::And),
        "or" => Kind::Op(Op::Or),
        "unless" => Kind::Op(Op::Unless),
        "atan2" => Kind::Op(Op::Atan2),
        "sum" => Kind::Aggregation(A::Sum),
        "avg" => Kind::Aggregation(A::Avg),
        "count" => Kind::Aggregation(A::Count),
        "min" => Kind::Aggregation(A::Min),
        "max" => Kind::Aggregation(A::Max),
        "group" => Kind::Aggregation(A::Group),
        "stddev" => Kind::Aggregation(A::Stddev),
        "stdvar" => Kind::Aggregation(A::Stdvar),
        "topk" => Kind::Aggregation(A::Topk),
        "bottomk" => Kind::Aggregation(A::Bottomk),
        "count_values" => Kind::Aggregation(A::CountValues),
        "quantile" => Kind::Aggregation(A::Quantile),
        "limitk" => Kind::Aggregation(A::Limitk),
        "limit_ratio" => Kind::Aggregation(A::LimitRatio),
        "offset" => Kind::Word(W::Offset),
        "smoothed" => Kind::Word(W::Smoothed),
        "anchored" => Kind::Word(W::Anchored),
        "by" => Kind::Word(W::By),
        "without" => Kind::Word(W::Without),
        "on" => Kind::Word(W::On),
        "ignoring" => Kind::Word(W::Ignoring),
        "group_left" => Kind::Word(W::GroupLeft),
        "group_right" => Kind::Word(W::GroupRight),
        "fill" => Kind::Word(W::Fill),
        "fill_left" => Kind::Word(W::FillLeft),
        "fill_right" => Kind::Word(W::FillRight),
        "bool" => Kind::Word(W::Bool),
        "start" => Kind::Word(W::Start),
        "end" => Kind::Word(W::End),
        "step" => Kind::Word(W::Step),
        "range" => Kind::Word(W::Range),
        "max_of" => Kind::Word(W::MaxOf),
        "min_of" => Kind::Word(W::MinOf),
        "inf" | "nan" => Kind::Number,
        _ => return None,
    })
}
