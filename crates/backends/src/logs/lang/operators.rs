//! Names and precedence of operators and functions, and constant folding.

use super::ast::{BinaryOp, BinaryOpKind, CompareOp, Expr, MetricExpr, RangeOp, VectorOp};
use super::error::ParseError;
use super::tokens::{FUNCTIONS, Tok};

impl BinaryOpKind {
    /// Precedence; higher binds stronger.
    pub(crate) fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod => 5,
            Self::Pow => 6,
        }
    }

    /// True for set operators, which work on whole series.
    pub(crate) fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }

    /// The comparison, if the operator is one.
    pub(crate) fn comparison(self) -> Option<CompareOp> {
        Some(match self {
            Self::Equal => CompareOp::Equal,
            Self::NotEqual => CompareOp::NotEqual,
            Self::Greater => CompareOp::Greater,
            Self::GreaterOrEqual => CompareOp::GreaterOrEqual,
            Self::Less => CompareOp::Less,
            Self::LessOrEqual => CompareOp::LessOrEqual,
            _ => return None,
        })
    }

    /// Computes the operator; a comparison gives 1 or 0.
    pub(crate) fn apply(self, left: f64, right: f64) -> f64 {
        if let Some(comparison) = self.comparison() {
            return f64::from(u8::from(comparison.holds(left, right)));
        }
        match self {
            Self::Add => left + right,
            Self::Sub => left - right,
            Self::Mul => left * right,
            // Loki gives NaN where Prometheus gives an infinity.
            Self::Div | Self::Mod if right == 0.0 => f64::NAN,
            Self::Div => left / right,
            Self::Mod => left % right,
            _ => left.powf(right),
        }
    }

    /// The operator as text.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Unless => "unless",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

impl RangeOp {
    /// All functions by name.
    pub(crate) const ALL: [(&'static str, Self); 15] = [
        ("rate", Self::Rate),
        ("rate_counter", Self::RateCounter),
        ("count_over_time", Self::CountOverTime),
        ("bytes_rate", Self::BytesRate),
        ("bytes_over_time", Self::BytesOverTime),
        ("absent_over_time", Self::AbsentOverTime),
        ("sum_over_time", Self::SumOverTime),
        ("avg_over_time", Self::AvgOverTime),
        ("min_over_time", Self::MinOverTime),
        ("max_over_time", Self::MaxOverTime),
        ("first_over_time", Self::FirstOverTime),
        ("last_over_time", Self::LastOverTime),
        ("stddev_over_time", Self::StddevOverTime),
        ("stdvar_over_time", Self::StdvarOverTime),
        ("quantile_over_time", Self::QuantileOverTime),
    ];
}

impl VectorOp {
    /// All aggregations by name.
    pub(crate) const ALL: [(&'static str, Self); 12] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
        ("stddev", Self::Stddev),
        ("stdvar", Self::Stdvar),
        ("topk", Self::TopK),
        ("bottomk", Self::BottomK),
        ("sort", Self::Sort),
        ("sort_desc", Self::SortDesc),
        ("approx_topk", Self::ApproxTopK),
    ];

    /// True for aggregations whose first argument is a number.
    pub(crate) fn takes_number(self) -> bool {
        matches!(self, Self::TopK | Self::BottomK | Self::ApproxTopK)
    }
}

/// The name of a function by the name that messages give it.
fn written(shown: &str) -> Option<&'static str> {
    let found = FUNCTIONS.iter().find(|(_, own)| *own == shown);
    found.map(|(name, _)| *name)
}

/// The range function with this name.
pub(crate) fn range_op(shown: &str) -> Option<RangeOp> {
    let name = written(shown)?;
    let found = RangeOp::ALL.iter().find(|(own, _)| *own == name);
    found.map(|(_, op)| *op)
}

/// The aggregation with this name.
pub(crate) fn vector_op(shown: &str) -> Option<VectorOp> {
    let name = written(shown)?;
    let found = VectorOp::ALL.iter().find(|(own, _)| *own == name);
    found.map(|(_, op)| *op)
}

/// The binary operator of a token.
pub(crate) fn binary_op(tok: &Tok<'_>) -> Option<BinaryOpKind> {
    use BinaryOpKind as Kind;
    let Tok::Word(word) = tok else {
        return None;
    };
    const ALL: [BinaryOpKind; 15] = [
        Kind::Or,
        Kind::And,
        Kind::Unless,
        Kind::Add,
        Kind::Sub,
        Kind::Mul,
        Kind::Div,
        Kind::Mod,
        Kind::Pow,
        Kind::Equal,
        Kind::NotEqual,
        Kind::Greater,
        Kind::GreaterOrEqual,
        Kind::Less,
        Kind::LessOrEqual,
    ];
    ALL.into_iter().find(|kind| kind.text() == *word)
}

/// Builds an operator. As in Loki two numbers are folded into one; semantic errors are reported
/// after the whole query was parsed.
pub(crate) fn combine(op: BinaryOp, left: Expr, right: Expr) -> MetricExpr {
    let name = op.kind.text();
    let refused = |reason: String| MetricExpr::Refused(ParseError::plain(reason));
    let of_lines = |side: &str, expr: &Expr| {
        let kind = match expr {
            Expr::Log(log) if log.stages.is_empty() => "*syntax.MatchersExpr",
            Expr::Log(_) => "*syntax.PipelineExpr",
            _ => "*syntax.MultiVariantExpr",
        };
        refused(format!(
            "unexpected type for {side} leg of binary operation ({name}): {kind}"
        ))
    };
    let (left, right) = match (left, right) {
        (Expr::Metric(left), Expr::Metric(right)) => (left, right),
        (Expr::Metric(_), other) => return of_lines("right", &other),
        (other, _) => return of_lines("left", &other),
    };
    let literal = |expr: &MetricExpr| match expr {
        MetricExpr::Literal(value) => Some(*value),
        _ => None,
    };
    match (literal(&left), literal(&right)) {
        (Some(value), _) if op.kind.is_set() => refused(format!(
            "unexpected literal for left leg of logical/set binary operation ({name}): {value:.6}"
        )),
        (_, Some(value)) if op.kind.is_set() => refused(format!(
            "unexpected literal for right leg of logical/set binary operation ({name}): {value:.6}"
        )),
        // A result that cannot be written as a number literal is not folded.
        (Some(left), Some(right)) if op.kind.apply(left, right).is_finite() => {
            MetricExpr::Literal(op.kind.apply(left, right))
        }
        _ => MetricExpr::Binary {
            op,
            left: Box::new(left),
            right: Box::new(right),
        },
    }
}
