//! A query as a tree. Every node can be printed in TraceQL's own form, for error messages and for
//! the names of computed attributes.

use std::fmt;

use super::metrics::Metrics;

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub(crate) pipeline: Vec<Stage>,
    /// Metrics function, if the query has one.
    pub(crate) metrics: Option<Metrics>,
    pub(crate) hints: Hints,
}

impl Query {
    /// True if it says `{ false }` and so asks for nothing.
    pub(crate) fn selects_nothing(&self) -> bool {
        let nothing = Stage::Spansets(Spansets::Filter(Expr::Const(Const::Bool(false))));
        self.pipeline.contains(&nothing)
    }
}

/// `with (…)` at the end of a query; hints that are not known are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    /// `most_recent=true`: of too many matches the newest are wanted.
    pub(crate) most_recent: bool,
    /// `exemplars=10`, `exemplars=false`: how many exemplars time series may have.
    pub(crate) exemplars: Option<usize>,
}

/// One step between bars.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    Spansets(Spansets),
    By(Expr),
    Coalesce,
    Select(Vec<Field>),
    Filter(ScalarFilter),
}

/// An expression that selects spans.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Spansets {
    Filter(Expr),
    Binary(SpansetOp, Box<Spansets>, Box<Spansets>),
    Pipeline(Vec<Stage>),
}

impl Spansets {
    /// True if pipelines are among the operands; each finds its spans on its own then.
    pub(crate) fn has_pipelines(&self) -> bool {
        match self {
            Self::Filter(_) => false,
            Self::Binary(_, left, right) => left.has_pipelines() || right.has_pipelines(),
            Self::Pipeline(_) => true,
        }
    }
}

/// `count() > 2`: a number computed from a spanset, compared with a constant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScalarFilter {
    pub(crate) aggregate: Aggregate,
    pub(crate) op: BinaryOp,
    pub(crate) value: Const,
    /// The constant stands on the left, which Tempo reads but does not answer.
    pub(crate) number_first: bool,
}

/// A number computed from all spans of a spanset.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Aggregate {
    Count,
    Avg(Expr),
    Max(Expr),
    Min(Expr),
    Sum(Expr),
}

/// An expression over one span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Const(Const),
    Field(Field),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    /// `x != nil` (true) or `x = nil` (false).
    Exists(Box<Expr>, bool),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
}

/// Something that a span has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Field {
    Attribute(AttributeScope, String),
    Intrinsic(Intrinsic),
}

/// Where an attribute is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttributeScope {
    Any,
    Span,
    Resource,
    Event,
    Link,
    Instrumentation,
    /// `parent.`, which Tempo parses but does not answer.
    Parent,
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),* }

        impl $name {
            pub(crate) fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

named! {
    /// Intrinsics, which every span has.
    Intrinsic {
        Duration = "duration",
        Name = "name",
        Status = "status",
        StatusMessage = "statusMessage",
        Kind = "kind",
        Parent = "parent",
        ChildCount = "span:childCount",
        SpanId = "span:id",
        ParentId = "span:parentID",
        RootName = "rootName",
        RootService = "rootServiceName",
        TraceDuration = "traceDuration",
        TraceId = "trace:id",
        NestedSetLeft = "nestedSetLeft",
        NestedSetRight = "nestedSetRight",
        NestedSetParent = "nestedSetParent",
        EventName = "event:name",
        EventTimeSinceStart = "event:timeSinceStart",
        LinkTraceId = "link:traceID",
        LinkSpanId = "link:spanID",
        InstrumentationName = "instrumentation:name",
        InstrumentationVersion = "instrumentation:version",
    }
}

named! {
    /// Operators between values.
    BinaryOp {
        And = "&&",
        Or = "||",
        Eq = "=",
        Ne = "!=",
        Lt = "<",
        Le = "<=",
        Gt = ">",
        Ge = ">=",
        Re = "=~",
        NotRe = "!~",
        Add = "+",
        Sub = "-",
        Mul = "*",
        Div = "/",
        Mod = "%",
        Pow = "^",
    }
}

impl BinaryOp {
    /// True if the result is true or false.
    pub(crate) fn is_boolean(self) -> bool {
        use BinaryOp::{Add, Div, Mod, Mul, Pow, Sub};
        !matches!(self, Add | Sub | Mul | Div | Mod | Pow)
    }
}

/// Operators between spansets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpansetOp {
    And,
    Or,
    Child,
    Parent,
    Descendant,
    Ancestor,
    Sibling,
    NotChild,
    NotParent,
    NotDescendant,
    NotAncestor,
    NotSibling,
    UnionChild,
    UnionParent,
    UnionDescendant,
    UnionAncestor,
    UnionSibling,
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Const {
    Nil,
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
    /// Nanoseconds.
    Duration(i64),
    /// OTLP's number.
    Status(u8),
    /// OTLP's number.
    Kind(u8),
}

/// The names of status codes by OTLP's number.
pub(crate) const STATUSES: [&str; 3] = ["unset", "ok", "error"];

/// The names of span kinds by OTLP's number.
pub(crate) const KINDS: [&str; 6] = [
    "unspecified",
    "internal",
    "server",
    "client",
    "producer",
    "consumer",
];

impl fmt::Display for Const {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Float(n) => f.write_str(&super::literal::float_text(*n)),
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Duration(nanos) => f.write_str(&crate::wire::duration::go::format(*nanos)),
            Self::Status(n) => f.write_str(STATUSES.get(usize::from(*n)).unwrap_or(&"unset")),
            Self::Kind(n) => f.write_str(KINDS.get(usize::from(*n)).unwrap_or(&"unspecified")),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic(intrinsic) => f.write_str(intrinsic.text()),
            Self::Attribute(scope, name) => {
                let prefix = match scope {
                    AttributeScope::Any => "",
                    AttributeScope::Span => "span",
                    AttributeScope::Resource => "resource",
                    AttributeScope::Event => "event",
                    AttributeScope::Link => "link",
                    AttributeScope::Instrumentation => "instrumentation",
                    AttributeScope::Parent => "parent",
                };
                write!(f, "{prefix}.{name}")
            }
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(value) => value.fmt(f),
            Self::Field(field) => field.fmt(f),
            Self::Not(expr) => write!(f, "!({expr})"),
            Self::Negative(expr) => write!(f, "-({expr})"),
            Self::Exists(expr, true) => write!(f, "{expr} != nil"),
            Self::Exists(expr, false) => write!(f, "{expr} = nil"),
            Self::Binary(op, left, right) => {
                operand(f, left)?;
                write!(f, " {} ", op.text())?;
                operand(f, right)
            }
        }
    }
}

/// Puts what is itself an operation into parentheses.
fn operand(f: &mut fmt::Formatter<'_>, expr: &Expr) -> fmt::Result {
    match expr {
        Expr::Binary(..) => write!(f, "({expr})"),
        _ => fmt::Display::fmt(expr, f),
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count()"),
            Self::Avg(expr) => write!(f, "avg({expr})"),
            Self::Max(expr) => write!(f, "max({expr})"),
            Self::Min(expr) => write!(f, "min({expr})"),
            Self::Sum(expr) => write!(f, "sum({expr})"),
        }
    }
}
