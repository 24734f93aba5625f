//! The index filter: what a query requires of every trace that it matches. Other traces are never visited.

use crate::traces::lang::ast::{
    AttributeScope, BinaryOp, Const, Expr, Field, Intrinsic, Query, SpansetOp, Spansets, Stage,
};
use crate::traces::store::Candidates;

/// Properties that every match of a query has, so that an index can be asked first.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Required {
    service: Option<String>,
    trace_id: Option<u128>,
}

impl Required {
    pub(crate) fn new(query: &Query) -> Self {
        match query.pipeline.first() {
            Some(Stage::Spansets(spansets)) => Self::spansets(spansets),
            _ => Self::default(),
        }
    }

    /// The traces that may match: those which the index has under these properties.
    pub(crate) fn candidates(&self) -> Candidates<'_> {
        Candidates {
            service: self.service.as_deref(),
            trace_id: self.trace_id,
        }
    }

    fn spansets(spansets: &Spansets) -> Self {
        use SpansetOp::{NotAncestor, NotChild, NotDescendant, NotParent, NotSibling, Or};
        match spansets {
            Spansets::Filter(expr) => Self::expr(expr),
            Spansets::Binary(Or, ..) => Self::default(),
            Spansets::Binary(
                NotAncestor | NotChild | NotDescendant | NotParent | NotSibling,
                _,
                right,
            ) => Self::spansets(right),
            Spansets::Binary(_, left, right) => Self::spansets(left).or(Self::spansets(right)),
            Spansets::Pipeline(stages) => match stages.first() {
                Some(Stage::Spansets(spansets)) => Self::spansets(spansets),
                _ => Self::default(),
            },
        }
    }

    fn expr(expr: &Expr) -> Self {
        let Expr::Binary(op, left, right) = expr else {
            return Self::default();
        };
        match (op, &**left, &**right) {
            (BinaryOp::And, left, right) => Self::expr(left).or(Self::expr(right)),
            (BinaryOp::Eq, Expr::Field(field), Expr::Const(Const::Text(text)))
            | (BinaryOp::Eq, Expr::Const(Const::Text(text)), Expr::Field(field)) => match field {
                Field::Attribute(AttributeScope::Resource, name) if name == "service.name" => {
                    Self {
                        service: Some(text.clone()),
                        trace_id: None,
                    }
                }
                Field::Intrinsic(Intrinsic::RootService) if !text.is_empty() => Self {
                    service: Some(text.clone()),
                    trace_id: None,
                },
                Field::Intrinsic(Intrinsic::TraceId) => Self {
                    service: None,
                    trace_id: u128::from_str_radix(text, 16).ok(),
                },
                _ => Self::default(),
            },
            _ => Self::default(),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            service: self.service.or(other.service),
            trace_id: self.trace_id.or(other.trace_id),
        }
    }
}
