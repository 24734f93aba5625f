//! The syntax tree of a query.

use std::sync::Arc;

use super::error::ParseError;
use crate::logs::store::{Comparison, LabelMatcher};

/// A query: lines or numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// Returns lines.
    Log(LogExpr),
    /// Returns numbers.
    Metric(MetricExpr),
    /// Several metric queries of one range, `variants(…) of ({…}[5m])`. Loki refuses it unless a
    /// tenant's limits allow it.
    Variants(Vec<MetricExpr>, LogRange),
}

/// A stream selector with its pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct LogExpr {
    /// The stream selector.
    pub matchers: Vec<Matcher>,
    /// The stages, in order.
    pub stages: Vec<Stage>,
}

/// The operator of a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// A matcher, such as `name="value"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matcher {
    /// Name of the label.
    pub name: String,
    /// The operator.
    pub op: MatchOp,
    /// The value or expression.
    pub value: Arc<str>,
}

impl Matcher {
    /// Compiles the matcher.
    ///
    /// # Errors
    /// The expression is invalid or too large.
    pub fn compile(&self) -> Result<LabelMatcher, ParseError> {
        let comparison = match self.op {
            MatchOp::Equal => Ok(Comparison::Equal(self.value.to_string())),
            MatchOp::NotEqual => Ok(Comparison::NotEqual(self.value.to_string())),
            MatchOp::Regex => Comparison::regex(&self.value, false),
            MatchOp::NotRegex => Comparison::regex(&self.value, true),
        };
        let comparison = comparison.map_err(|error| ParseError::plain(error.to_string()))?;
        Ok(LabelMatcher {
            name: self.name.clone(),
            comparison,
        })
    }
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// `|= "text"`
    LineFilter(LineFilter),
    /// `| json`
    Parser(Parser),
    /// `| status >= 500`
    LabelFilter(LabelFilter),
    /// `| line_format "{{.msg}}"`
    LineFormat(Arc<str>),
    /// `| decolorize`
    Decolorize,
    /// `| label_format a=b, c="{{.d}}"`
    LabelFormat(Vec<(String, LabelFormat)>),
    /// `| drop a, b="c"`
    Drop(Vec<NamedMatcher>),
    /// `| keep a, b="c"`
    Keep(Vec<NamedMatcher>),
}

/// The operator of a line filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineMatch {
    /// `|=`
    Contains,
    /// `!=`
    ContainsNot,
    /// `|~`
    Regex,
    /// `!~`
    NotRegex,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

impl LineMatch {
    /// True for operators that keep matching lines.
    #[must_use]
    pub(crate) fn is_positive(self) -> bool {
        matches!(self, Self::Contains | Self::Regex | Self::Pattern)
    }
}

/// An alternative of a line filter.
#[derive(Clone, Debug, PartialEq)]
pub enum LineOperand {
    /// A text, an expression or a pattern.
    Text(Arc<str>),
    /// `ip("10.0.0.0/8")`
    Ip(Arc<str>),
}

/// A line filter with its alternatives (`|= "a" or "b"`). Only those that keep lines have several:
/// `!= "a" or "b"` is read as `!= "a" != "b"`.
#[derive(Clone, Debug, PartialEq)]
pub struct LineFilter {
    /// The operator.
    pub op: LineMatch,
    /// At least one.
    pub alternatives: Vec<LineOperand>,
}

/// `name="path"` of `| json` and `| logfmt`.
#[derive(Clone, Debug, PartialEq)]
pub struct Extraction {
    /// The label that is set.
    pub label: String,
    /// The path to its value.
    pub path: Arc<str>,
}

/// Stages that turn a line into labels.
#[derive(Clone, Debug, PartialEq)]
pub enum Parser {
    /// `| json`; extracts everything if there are no extractions.
    Json(Vec<Extraction>),
    /// `| logfmt --strict --keep-empty`; extracts everything if there are no extractions.
    Logfmt {
        /// Malformed pairs are errors.
        strict: bool,
        /// Keys without a value become labels.
        keep_empty: bool,
        /// The extractions; all pairs if empty.
        extractions: Vec<Extraction>,
    },
    /// `| unpack`
    Unpack,
    /// `| regexp "(?P<name>…)"`
    Regexp(Arc<str>),
    /// `| pattern "<name> <_>"`
    Pattern(Arc<str>),
}

/// The comparison of a label filter with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `==`, `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl CompareOp {
    /// Computes `left op right`.
    #[must_use]
    pub fn holds<T: PartialOrd>(self, left: T, right: T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
        }
    }
}

/// A label filter.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    /// `level="error"`
    Match(Matcher),
    /// `status >= 500`
    Number(String, CompareOp, f64),
    /// `took > 1.5s`, nanoseconds
    Duration(String, CompareOp, i64),
    /// `size < 5MB`, bytes
    Bytes(String, CompareOp, u64),
    /// `address = ip("10.0.0.0/8")`
    Ip {
        /// Name of the label.
        name: String,
        /// `!=` instead of `=`.
        negated: bool,
        /// An address, a range or a network.
        pattern: Arc<str>,
    },
    /// Both hold.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// At least one holds.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

impl LabelFilter {
    /// Number of regular expressions in it.
    #[must_use]
    pub fn expressions(&self) -> usize {
        match self {
            Self::Match(matcher) => {
                usize::from(matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex))
            }
            Self::And(left, right) | Self::Or(left, right) => {
                left.expressions() + right.expressions()
            }
            _ => 0,
        }
    }
}

/// The new value of a label.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelFormat {
    /// The value of another label, which is removed.
    Rename(String),
    /// A template.
    Template(Arc<str>),
}

/// A label of `drop` or `keep`, with a condition on its value.
#[derive(Clone, Debug, PartialEq)]
pub enum NamedMatcher {
    /// With any value.
    Name(String),
    /// Only with a matching value.
    Matcher(Matcher),
}

/// A log query over a range, `{…} | … [5m] offset 1h`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRange {
    /// The lines.
    pub log: LogExpr,
    /// Nanoseconds.
    pub range: i64,
    /// Nanoseconds into the past.
    pub offset: i64,
    /// `| unwrap`
    pub unwrap: Option<Unwrap>,
}

/// The conversion of an unwrapped value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnwrapConversion {
    /// A number.
    None,
    /// A size in bytes.
    Bytes,
    /// A duration, as `duration(…)`.
    Duration,
    /// A duration, as `duration_seconds(…)`.
    DurationSeconds,
}

/// `| unwrap label | filters`
#[derive(Clone, Debug, PartialEq)]
pub struct Unwrap {
    /// The label whose value is the sample.
    pub label: String,
    /// The conversion.
    pub conversion: UnwrapConversion,
    /// Filters that apply after the value was read.
    pub filters: Vec<LabelFilter>,
}

/// Functions of ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RangeOp {
    Rate,
    RateCounter,
    CountOverTime,
    BytesRate,
    BytesOverTime,
    AbsentOverTime,
    SumOverTime,
    AvgOverTime,
    MinOverTime,
    MaxOverTime,
    FirstOverTime,
    LastOverTime,
    StddevOverTime,
    StdvarOverTime,
    QuantileOverTime,
}

/// Aggregations of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum VectorOp {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Stddev,
    Stdvar,
    TopK,
    BottomK,
    Sort,
    SortDesc,
    ApproxTopK,
}

/// `by (…)` or `without (…)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grouping {
    /// `without` instead of `by`.
    pub without: bool,
    /// Names of labels.
    pub labels: Vec<String>,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOpKind {
    Or,
    And,
    Unless,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// The labels that must be equal for two series to match.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// `on` instead of `ignoring`.
    pub on: bool,
    /// Names of labels.
    pub labels: Vec<String>,
    /// `group_left` or `group_right`: a series of one side may match several of the other.
    pub group: Option<Group>,
}

/// `group_left (…)` or `group_right (…)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// `group_right`: the "many" side is the right one.
    pub right: bool,
    /// Labels copied from the "one" side.
    pub include: Vec<String>,
}

/// A binary operator with its modifiers.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryOp {
    /// The operator.
    pub kind: BinaryOpKind,
    /// `bool`: comparisons give 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// `on (…)` or `ignoring (…)`; all labels when absent.
    pub matching: Option<Matching>,
}

/// A query that returns numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricExpr {
    /// `rate({…}[5m])`
    Range {
        /// The function.
        op: RangeOp,
        /// The quantile of `quantile_over_time`.
        param: Option<f64>,
        /// The operand.
        range: Box<LogRange>,
        /// Grouping of functions of unwrapped values.
        grouping: Option<Grouping>,
    },
    /// `sum by (a) (…)`
    Aggregation {
        /// The function.
        op: VectorOp,
        /// The k of `topk` and `bottomk`.
        param: Option<u32>,
        /// The operand.
        inner: Box<MetricExpr>,
        /// Grouping; one group when absent.
        grouping: Option<Grouping>,
    },
    /// `a / b`
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Left side.
        left: Box<MetricExpr>,
        /// Right side.
        right: Box<MetricExpr>,
    },
    /// `label_replace(v, "dst", "replacement", "src", "regex")`
    LabelReplace {
        /// The operand.
        inner: Box<MetricExpr>,
        /// The label that is set.
        dst: Arc<str>,
        /// Its value, with `$1` for captures.
        replacement: Arc<str>,
        /// The label that is read.
        src: Arc<str>,
        /// The expression that its value has to match.
        regex: Arc<str>,
    },
    /// A number.
    Literal(f64),
    /// `vector(1)`
    Vector(f64),
    /// A semantic error. Loki reports it only after the whole query was parsed.
    Refused(ParseError),
}

impl MetricExpr {
    /// True if it contains `sort` or `sort_desc`: the result then keeps their order.
    #[must_use]
    pub(crate) fn sorts(&self) -> bool {
        match self {
            Self::Aggregation { op, inner, .. } => {
                matches!(op, VectorOp::Sort | VectorOp::SortDesc) || inner.sorts()
            }
            Self::Binary { left, right, .. } => left.sorts() || right.sorts(),
            Self::LabelReplace { inner, .. } => inner.sorts(),
            _ => false,
        }
    }
}
