//! Fields that a search shows of a matching span: the attributes that the query mentions, where their
//! condition holds.

use opentelemetry_proto::tonic::common::v1::AnyValue;

use super::eval::{Node, Patterns, Subject};
use super::value::Computed;
use crate::traces::lang::ast::{
    Aggregate, AttributeScope, BinaryOp, Const, Expr, Field, Intrinsic, Query, Spansets, Stage,
};
use crate::traces::store::Dictionary;

/// The fields that a query mentions.
pub(crate) struct ShownFields {
    conditions: Vec<(Field, Expr)>,
}

/// [`ShownFields`] with its texts looked up.
pub(crate) struct ShownPlan<'q> {
    conditions: Vec<(&'q Field, Node<'q>, Node<'q>)>,
}

/// Fields to show of one span.
#[derive(Default)]
pub(crate) struct SpanDetails {
    /// The query mentions the span's name.
    pub(crate) name: bool,
    pub(crate) attributes: Vec<(String, AnyValue)>,
}

impl ShownFields {
    pub(crate) fn new(query: &Query) -> Self {
        let mut shown = Self {
            conditions: Vec::new(),
        };
        shown.pipeline(&query.pipeline);
        if let Some(metrics) = &query.metrics {
            let fields = metrics.by.iter().chain(metrics.function.of());
            fields.for_each(|field| shown.always(field));
        }
        shown
    }

    pub(crate) fn plan(&self, dictionary: &Dictionary, patterns: &mut Patterns) -> ShownPlan<'_> {
        let conditions = self.conditions.iter().map(|(field, test)| {
            let test = Node::new(test, dictionary, patterns);
            (field, Node::field(field, dictionary), test)
        });
        ShownPlan {
            conditions: conditions.collect(),
        }
    }

    fn pipeline(&mut self, stages: &[Stage]) {
        for stage in stages {
            match stage {
                Stage::Spansets(spansets) => self.spansets(spansets),
                Stage::By(expr) => self.expr(expr),
                Stage::Coalesce => {}
                Stage::Select(fields) => fields.iter().for_each(|field| self.always(field)),
                Stage::Filter(filter) => match &filter.aggregate {
                    Aggregate::Count => {}
                    Aggregate::Avg(expr)
                    | Aggregate::Max(expr)
                    | Aggregate::Min(expr)
                    | Aggregate::Sum(expr) => self.expr(expr),
                },
            }
        }
    }

    fn spansets(&mut self, spansets: &Spansets) {
        match spansets {
            Spansets::Filter(expr) => self.expr(expr),
            Spansets::Binary(_, left, right) => {
                self.spansets(left);
                self.spansets(right);
            }
            Spansets::Pipeline(stages) => self.pipeline(stages),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Const(_) => {}
            Expr::Field(field) => self.always(field),
            Expr::Exists(inner, _) => match &**inner {
                Expr::Field(field) => self.when(field, expr),
                inner => self.expr(inner),
            },
            Expr::Not(inner) | Expr::Negative(inner) => self.expr(inner),
            Expr::Binary(op, left, right) => match (&**left, &**right) {
                (Expr::Field(field), Expr::Const(value))
                | (Expr::Const(value), Expr::Field(field)) => {
                    let logic = matches!(op, BinaryOp::And | BinaryOp::Or);
                    if !op.is_boolean() || (logic && matches!(value, Const::Bool(_))) {
                        self.always(field);
                    } else {
                        self.when(field, expr);
                    }
                }
                (left, right) => {
                    self.expr(left);
                    self.expr(right);
                }
            },
        }
    }

    fn always(&mut self, field: &Field) {
        self.when(field, &Expr::Const(Const::Bool(true)));
    }

    fn when(&mut self, field: &Field, test: &Expr) {
        self.conditions.push((field.clone(), test.clone()));
    }
}

impl ShownPlan<'_> {
    /// Fields of one span of a trace.
    pub(crate) fn of(&self, subject: &Subject<'_>, at: usize) -> SpanDetails {
        let mut details = SpanDetails::default();
        let mut shown: Vec<&Field> = Vec::new();
        for (field, node, test) in &self.conditions {
            if shown.contains(field) || !test.holds(subject, at) {
                continue;
            }
            let value = node.eval(subject, at);
            let key = match field {
                Field::Attribute(_, name) => name.as_str(),
                Field::Intrinsic(Intrinsic::Name) => {
                    details.name = true;
                    continue;
                }
                // These stand elsewhere in the response.
                Field::Intrinsic(
                    Intrinsic::Duration
                    | Intrinsic::TraceDuration
                    | Intrinsic::RootService
                    | Intrinsic::RootName
                    | Intrinsic::TraceId
                    | Intrinsic::SpanId,
                ) => continue,
                Field::Intrinsic(intrinsic) => intrinsic.text(),
            };
            let missing = value == Computed::Nil;
            if missing && !matches!(test, Node::Exists(_, false)) {
                continue;
            }
            shown.push(field);
            let value = value.wire(subject.dictionary);
            details.attributes.push((key.to_owned(), value));
        }
        details
    }

    /// Fields of one span that the query mentions, under their full names.
    pub(crate) fn attributes(&self, subject: &Subject<'_>, at: usize) -> Vec<(String, AnyValue)> {
        let mut attributes: Vec<(String, AnyValue)> = Vec::new();
        for (field, node, test) in &self.conditions {
            let name = match field {
                // Without a scope it is told where it was found.
                Field::Attribute(AttributeScope::Any, name) => {
                    let own = Field::Attribute(AttributeScope::Span, name.clone());
                    let own = Node::field(&own, subject.dictionary);
                    match own.eval(subject, at) {
                        Computed::Nil => format!("resource.{name}"),
                        _ => format!("span.{name}"),
                    }
                }
                field => field.to_string(),
            };
            if attributes.iter().any(|(shown, _)| *shown == name) || !test.holds(subject, at) {
                continue;
            }
            let value = node.eval(subject, at);
            if value != Computed::Nil {
                attributes.push((name, value.wire(subject.dictionary)));
            }
        }
        attributes
    }
}
