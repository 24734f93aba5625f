//! A parsed query.

use super::signature::Signature;
use super::token::{Aggregation, Op, Place};
use crate::metrics::store::Selector;

/// Type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Scalar,
    Vector,
    Matrix,
    Text,
}

impl Type {
    /// Its name in messages and documentation.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::Text => "string",
        }
    }
}

/// A string literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    /// Its text; each byte that is no UTF-8 is U+FFFD.
    pub value: String,
    /// What was written, if that is not UTF-8: no name of a label and no regular expression.
    pub invalid: Option<Vec<u8>>,
    pub place: Place,
}

/// Any expression.
#[derive(Debug)]
pub(crate) enum Expr {
    Aggregate(Aggregate),
    Binary(Binary),
    Call(Call),
    Matrix(MatrixSelector),
    Number(Number),
    Paren(Box<Expr>, Place),
    Subquery(Subquery),
    Text(Text),
    Unary(Unary),
    Vector(VectorSelector),
}

/// A number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) value: f64,
    /// True if it is written as a duration, `5m`.
    pub(crate) is_duration: bool,
    pub(crate) place: Place,
}

impl Number {
    /// What stands for an expression that is refused.
    pub(super) fn zero(place: Place) -> Self {
        Self {
            value: 0.0,
            is_duration: false,
            place,
        }
    }
}

/// The arithmetic of a duration, as written.
#[derive(Debug, Clone)]
pub(crate) enum DurationExpr {
    /// Seconds.
    Number { value: f64, is_duration: bool },
    Operation {
        /// The operator or the function.
        op: &'static str,
        left: Option<Box<Self>>,
        right: Option<Box<Self>>,
        /// True if it stands in parentheses.
        wrapped: bool,
    },
}

/// `sum by (label) (expr)`.
#[derive(Debug)]
pub(crate) struct Aggregate {
    pub(crate) op: Aggregation,
    pub(crate) expr: Box<Expr>,
    pub(crate) param: Option<Box<Expr>>,
    pub(crate) grouping: Vec<String>,
    pub(crate) without: bool,
    pub(crate) place: Place,
}

/// `left op right`.
#[derive(Debug)]
pub(crate) struct Binary {
    pub(crate) op: Op,
    pub(crate) op_place: Place,
    pub(crate) left: Box<Expr>,
    pub(crate) right: Box<Expr>,
    pub(crate) return_bool: bool,
    pub(crate) matching: Matching,
}

/// Vector matching of a binary expression.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    /// True if the labels are those to meet by, or those to ignore.
    pub(crate) on: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) card: Card,
    /// Labels that the side of many takes over from the side of one.
    pub(crate) include: Vec<String>,
}

/// Cardinality of a vector matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Card {
    #[default]
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

/// `function(args)`.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) function: &'static Signature,
    pub(crate) args: Vec<Expr>,
    pub(crate) place: Place,
}

/// `-expr`. A `+` leaves its operand as it is, but for the name.
#[derive(Debug)]
pub(crate) struct Unary {
    pub(crate) negates: bool,
    pub(crate) expr: Box<Expr>,
    pub(crate) place: Place,
}

impl Unary {
    pub(crate) fn sign(&self) -> &'static str {
        if self.negates { "-" } else { "+" }
    }
}

/// The time of `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Milliseconds.
    Time(i64),
    Start,
    End,
}

/// `offset` and `@`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moved {
    /// Milliseconds.
    pub(crate) offset: i64,
    /// The offset as written, if it is more than a number.
    pub(crate) offset_expr: Option<DurationExpr>,
    pub(crate) offset_given: bool,
    pub(crate) at: Option<At>,
}

/// `name{label="value"}`.
#[derive(Debug)]
pub(crate) struct VectorSelector {
    /// The name before the braces, `""` when there is none.
    pub(crate) name: String,
    /// All conditions, that of the name last.
    pub(crate) selector: Selector,
    pub(crate) moved: Moved,
    pub(crate) place: Place,
}

/// `selector[5m]`.
#[derive(Debug)]
pub(crate) struct MatrixSelector {
    pub(crate) vector: VectorSelector,
    /// Milliseconds.
    pub(crate) range: i64,
    /// The range as written, if it is more than a number.
    pub(crate) range_expr: Option<DurationExpr>,
}

/// `expr[5m:1m]`.
#[derive(Debug)]
pub(crate) struct Subquery {
    pub(crate) expr: Box<Expr>,
    /// Milliseconds.
    pub(crate) range: i64,
    /// The range as written, if it is more than a number.
    pub(crate) range_expr: Option<DurationExpr>,
    /// Milliseconds.
    pub(crate) step: Option<i64>,
    /// The step as written, if it is more than a number.
    pub(crate) step_expr: Option<DurationExpr>,
    pub(crate) moved: Moved,
}

impl Expr {
    /// Its type.
    pub(crate) fn kind(&self) -> Type {
        match self {
            Self::Aggregate(_) | Self::Vector(_) => Type::Vector,
            Self::Binary(binary) => match (binary.left.kind(), binary.right.kind()) {
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                _ => Type::Vector,
            },
            Self::Call(call) => call.function.returns,
            Self::Matrix(_) | Self::Subquery(_) => Type::Matrix,
            Self::Number(..) => Type::Scalar,
            Self::Paren(inner, _) => inner.kind(),
            Self::Text(..) => Type::Text,
            Self::Unary(unary) => unary.expr.kind(),
        }
    }

    /// Where it starts.
    pub(crate) fn place(&self) -> Place {
        match self {
            Self::Aggregate(aggregate) => aggregate.place,
            Self::Binary(binary) => binary.left.place(),
            Self::Call(call) => call.place,
            Self::Matrix(matrix) => matrix.vector.place,
            Self::Number(number) => number.place,
            Self::Paren(_, place) => *place,
            Self::Text(text) => text.place,
            Self::Subquery(subquery) => subquery.expr.place(),
            Self::Unary(unary) => unary.place,
            Self::Vector(vector) => vector.place,
        }
    }

    /// The parts it is made of, from left to right.
    pub(crate) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Aggregate(aggregate) => {
                let param = aggregate.param.as_deref();
                param.into_iter().chain([&*aggregate.expr]).collect()
            }
            Self::Binary(binary) => vec![&binary.left, &binary.right],
            Self::Call(call) => call.args.iter().collect(),
            Self::Paren(inner, _) => vec![inner],
            Self::Subquery(subquery) => vec![&subquery.expr],
            Self::Unary(unary) => vec![&unary.expr],
            Self::Matrix(_) | Self::Number(..) | Self::Text(..) | Self::Vector(_) => Vec::new(),
        }
    }

    /// The expression inside any parentheses around it.
    pub(crate) fn bare(&self) -> &Self {
        let mut expr = self;
        while let Self::Paren(inner, _) = expr {
            expr = inner;
        }
        expr
    }
}
