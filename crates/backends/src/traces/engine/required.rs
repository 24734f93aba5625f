//! The index filter: what a query requires of every trace that it matches. Other traces are never visited.

use crate::traces::lang::ast::{
    AttributeScope, BinaryOp, Const, Expr, Field, Intrinsic, Query, SpansetOp, Spansets, Stage,
};
use crate::traces::store::{Candidates, Needs};

/// Properties that every match of a query has, so that an index can be asked first.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Required {
    service: Option<String>,
    trace_id: Option<u128>,
    needs: Needs,
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
            needs: self.needs,
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
                        ..Self::default()
                    }
                }
                Field::Intrinsic(Intrinsic::RootService) if !text.is_empty() => Self {
                    service: Some(text.clone()),
                    ..Self::default()
                },
                Field::Intrinsic(Intrinsic::TraceId) => Self {
                    trace_id: u128::from_str_radix(text, 16).ok(),
                    ..Self::default()
                },
                _ => Self::default(),
            },
            (op, Expr::Field(Field::Intrinsic(intrinsic)), Expr::Const(value)) => Self {
                needs: needs(*op, *intrinsic, value),
                ..Self::default()
            },
            _ => Self::default(),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            service: self.service.or(other.service),
            trace_id: self.trace_id.or(other.trace_id),
            needs: self.needs.and(other.needs),
        }
    }
}

/// What a trace must have if a comparison holds for one of its spans.
fn needs(op: BinaryOp, intrinsic: Intrinsic, value: &Const) -> Needs {
    use BinaryOp::{Eq, Ge, Gt, Le, Lt};
    match (intrinsic, op, value) {
        (Intrinsic::Status, Eq, Const::Status(number)) => Needs::status(*number),
        (Intrinsic::Kind, Eq, Const::Kind(number)) => Needs::kind(*number),
        // A duration is never negative, and one beyond the largest constant is taken as that.
        (Intrinsic::Duration, op, Const::Duration(nanos)) => {
            let bound = u64::try_from(*nanos).unwrap_or(0);
            let longest = if *nanos == i64::MAX { u64::MAX } else { bound };
            match op {
                Eq => Needs::lasting(bound, longest),
                Gt | Ge => Needs::lasting(bound, u64::MAX),
                Lt | Le => Needs::lasting(0, longest),
                _ => Needs::default(),
            }
        }
        _ => Needs::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::lang::parse;

    #[test]
    fn a_trace_needs_what_every_match_has() {
        let of = |text: &str| Required::new(&parse(text).unwrap()).needs;
        let lasting = Needs::lasting;
        let second = 1_000_000_000;
        for (query, needs) in [
            ("{ duration > 1s }", lasting(second, u64::MAX)),
            ("{ duration <= 1s }", lasting(0, second)),
            ("{ duration = 1s }", lasting(second, second)),
            (
                "{ duration >= 1s && duration < 2s }",
                lasting(second, 2 * second),
            ),
            (
                "{ duration > 1s } >> { duration > 2s }",
                lasting(2 * second, u64::MAX),
            ),
            ("{ status = error && .a = 1 }", Needs::status(2)),
            (
                "{ status = error } && { kind = server } | count() > 1",
                Needs::status(2).and(Needs::kind(2)),
            ),
            // What another span or no span has.
            ("{ duration > 1s } !>> { kind = client }", Needs::kind(3)),
            ("{ duration > 1s || status = error }", Needs::default()),
            ("{ duration > 1s } || { status = error }", Needs::default()),
            ("{ !(status = error) }", Needs::default()),
            ("{ status != error }", Needs::default()),
            ("{ 1s < duration }", Needs::default()),
            ("{ trace:duration > 1s }", Needs::default()),
        ] {
            assert_eq!(of(query), needs, "{query}");
        }
    }
}
