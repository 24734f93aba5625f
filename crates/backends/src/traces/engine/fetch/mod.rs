//! Input of the evaluation: the spans and the values that fit the query's comparisons, as Tempo's
//! storage reads them.
//!
//! Tempo takes every comparison out of a query, whatever stands around it, reads only values that
//! fulfil one, and evaluates the query over those. Answers depend on it: `{ !(.a = 1) }` finds
//! nothing, since no other value of `a` than 1 is ever read. The documentation does not say so;
//! it was seen on Tempo 2.10.
//!
//! * this module: the comparisons of a query
//! * [`seen`]: which spans and values fulfil them
//! * [`attributes`]: the same for attributes
//! * [`mod@test`]: one comparison over one value
//! * [`columns`]: attributes that Tempo stores apart from the others

mod attributes;
pub(super) mod columns;
mod seen;
mod test;

use super::eval::Patterns;
use crate::traces::lang::ast::{
    Aggregate, AttributeScope, BinaryOp, Const, Expr, Field, Intrinsic, Query, SpansetOp, Spansets,
    Stage,
};
use crate::traces::store::{Dictionary, Word};

pub(super) use seen::Seen;
use test::Test;

/// A comparison of a query.
struct Condition<'q> {
    field: &'q Field,
    /// The attribute's name, or the intrinsic's; the same for equal names of different scopes.
    name: &'q str,
    /// The number of that name where it is an attribute's that the query mentions.
    id: usize,
    key: Option<Word>,
    test: Test,
}

/// All comparisons of a query, by what they are about.
#[derive(Default)]
pub(super) struct Fetch<'q> {
    /// A span must fulfil all of them instead of any.
    all: bool,
    trace: Vec<Condition<'q>>,
    resource: Vec<Condition<'q>>,
    scope: Vec<Condition<'q>>,
    span: Vec<Condition<'q>>,
    event: Vec<Condition<'q>>,
    link: Vec<Condition<'q>>,
    /// `{ }` asks for every span.
    every_span: bool,
    /// The places in the tree that the query's operators look at.
    tree: bool,
    /// It asks for what Tempo does not store, and so finds nothing.
    unknown: bool,
}

/// Collects the comparisons in the order of the query.
struct Collector<'q> {
    found: Vec<(&'q Field, Test)>,
    all: bool,
    every_span: bool,
    /// The query has operators between spansets that look at the tree.
    tree: bool,
    /// A `select` has been seen: what follows is read only for spans that are found without it.
    selected: bool,
}

impl<'q> Fetch<'q> {
    pub(super) fn new(
        query: &'q Query,
        dictionary: &Dictionary,
        patterns: &mut Patterns,
    ) -> Fetch<'q> {
        let mut collector = Collector {
            found: Vec::new(),
            all: true,
            every_span: false,
            tree: false,
            selected: false,
        };
        collector.pipeline(&query.pipeline);
        if !collector.all {
            collector.join();
        }
        let mut fetch = Fetch {
            all: collector.all,
            every_span: collector.every_span,
            tree: collector.tree,
            ..Fetch::default()
        };
        for (field, test) in collector.found {
            fetch.add(field, test, dictionary, patterns);
        }
        fetch
    }

    fn add(
        &mut self,
        field: &'q Field,
        mut test: Test,
        dictionary: &Dictionary,
        patterns: &mut Patterns,
    ) {
        use AttributeScope::{Any, Event, Instrumentation, Link, Parent, Resource, Span};
        test.compile(patterns);
        let name = match field {
            Field::Attribute(_, name) => name,
            Field::Intrinsic(intrinsic) => intrinsic.text(),
        };
        let mut condition = Condition {
            field,
            name,
            id: 0,
            key: None,
            test,
        };
        if let Field::Attribute(_, name) = field {
            condition.id = patterns.name(name);
            condition.key = dictionary.find(name);
        }
        let list = match field {
            Field::Intrinsic(Intrinsic::ChildCount) => {
                self.unknown = true;
                return;
            }
            Field::Attribute(Any, _) => {
                // It may be the span's or the resource's, so neither has to have it.
                self.all = false;
                self.resource.push(condition.clone());
                &mut self.span
            }
            Field::Attribute(Span | Parent, _) => &mut self.span,
            Field::Attribute(Resource, _) => &mut self.resource,
            Field::Attribute(Event, _) => &mut self.event,
            Field::Attribute(Link, _) => &mut self.link,
            Field::Attribute(Instrumentation, _) => &mut self.scope,
            Field::Intrinsic(intrinsic) => match intrinsic {
                Intrinsic::RootName
                | Intrinsic::RootService
                | Intrinsic::TraceDuration
                | Intrinsic::TraceId => &mut self.trace,
                Intrinsic::EventName | Intrinsic::EventTimeSinceStart => &mut self.event,
                Intrinsic::LinkTraceId | Intrinsic::LinkSpanId => &mut self.link,
                Intrinsic::InstrumentationName | Intrinsic::InstrumentationVersion => {
                    &mut self.scope
                }
                _ => &mut self.span,
            },
        };
        list.push(condition);
    }

    /// True if a span that fulfils no condition at all is left out.
    fn needs_one(&self) -> bool {
        let span = [&self.span, &self.resource, &self.scope];
        let some = span.into_iter().any(|list| !list.is_empty())
            || !self.event.is_empty()
            || !self.link.is_empty()
            || self.every_span
            || self.tree;
        some && self.trace.is_empty()
    }
}

impl Clone for Condition<'_> {
    fn clone(&self) -> Self {
        Self {
            test: self.test.clone(),
            ..*self
        }
    }
}

impl<'q> Collector<'q> {
    fn pipeline(&mut self, stages: &'q [Stage]) {
        for stage in stages {
            if self.selected {
                continue;
            }
            match stage {
                Stage::Spansets(spansets) => self.spansets(spansets),
                Stage::By(expr) => {
                    self.expr(expr);
                    self.all = false;
                }
                Stage::Coalesce => {}
                Stage::Select(_) => self.selected = true,
                Stage::Filter(filter) => {
                    self.all = false;
                    match &filter.aggregate {
                        Aggregate::Count => {}
                        Aggregate::Avg(expr)
                        | Aggregate::Max(expr)
                        | Aggregate::Min(expr)
                        | Aggregate::Sum(expr) => self.expr(expr),
                    }
                }
            }
        }
    }

    fn spansets(&mut self, spansets: &'q Spansets) {
        match spansets {
            Spansets::Filter(expr) => match folded(expr) {
                Some(Const::Bool(true)) => {
                    let other = |(field, test): &(&Field, Test)| {
                        matches!(field, Field::Intrinsic(_)) && matches!(test, Test::Any)
                    };
                    // Tempo reads the start of every span for `{ }`, unless it reads something
                    // else of every span; the places in the tree count as that.
                    if !self.tree && !self.found.iter().any(other) {
                        self.every_span = true;
                    }
                }
                Some(_) => {}
                None => self.expr(expr),
            },
            Spansets::Binary(op, left, right) => {
                self.tree |= !matches!(op, SpansetOp::And | SpansetOp::Or);
                self.spansets(left);
                self.spansets(right);
                self.all = false;
            }
            Spansets::Pipeline(stages) => {
                let outside = std::mem::replace(&mut self.selected, false);
                self.pipeline(stages);
                self.selected = outside;
            }
        }
    }

    fn expr(&mut self, expr: &'q Expr) {
        match expr {
            Expr::Const(_) => {}
            Expr::Field(field) => self.found.push((field, Test::Any)),
            Expr::Exists(inner, wanted) => match &**inner {
                Expr::Field(field) => {
                    let test = if *wanted { Test::Exists } else { Test::Missing };
                    self.found.push((field, test));
                }
                inner => self.expr(inner),
            },
            // `!` changes nothing about what is read.
            Expr::Not(inner) | Expr::Negative(inner) => self.expr(inner),
            Expr::Binary(op, left, right) => self.binary(*op, left, right),
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &'q Expr, right: &'q Expr) {
        let constants = (folded(left), folded(right));
        match (left, right, constants) {
            (_, _, (Some(_), Some(_))) => {}
            // A constant on the left is taken as if it stood on the right: `1s < duration` reads
            // durations below a second, of which none is above it.
            (Expr::Field(field), _, (_, Some(value)))
            | (_, Expr::Field(field), (Some(value), _)) => {
                let logic = matches!(op, BinaryOp::And | BinaryOp::Or);
                let test = match value {
                    Const::Bool(_) if logic => Test::Any,
                    _ if !op.is_boolean() => Test::Any,
                    value => Test::compare(op, value),
                };
                self.found.push((field, test));
            }
            (Expr::Field(left), Expr::Field(right), _) => {
                self.found.push((left, Test::Any));
                self.found.push((right, Test::Any));
            }
            (Expr::Field(field), right, _) => {
                self.found.push((field, Test::Any));
                self.expr(right);
            }
            (_, right, (Some(_), None)) => self.expr(right),
            (left, right, _) => {
                self.expr(left);
                self.expr(right);
                self.all &= op != BinaryOp::Or;
            }
        }
    }

    /// Joins comparisons of one field that together let every value through.
    fn join(&mut self) {
        let found = std::mem::take(&mut self.found);
        for (field, test) in &found {
            let same = || found.iter().filter(|(other, _)| other == field);
            let whole = same().any(|(_, one)| same().any(|(_, other)| one.completes(other)));
            let test = if whole { Test::Any } else { test.clone() };
            let pair = (*field, test);
            if !self.found.contains(&pair) {
                self.found.push(pair);
            }
        }
    }
}

/// The value of an expression that mentions nothing of a span.
pub(super) fn folded(expr: &Expr) -> Option<Const> {
    match expr {
        Expr::Const(value) => Some(value.clone()),
        Expr::Field(_) => None,
        Expr::Not(inner) => match folded(inner)? {
            Const::Bool(b) => Some(Const::Bool(!b)),
            _ => None,
        },
        Expr::Negative(inner) => match folded(inner)? {
            Const::Int(n) => Some(Const::Int(n.wrapping_neg())),
            Const::Float(n) => Some(Const::Float(-n)),
            Const::Duration(n) => Some(Const::Duration(n.wrapping_neg())),
            _ => None,
        },
        Expr::Exists(inner, wanted) => folded(inner).map(|value| match value {
            Const::Nil => Const::Bool(false),
            _ => Const::Bool(*wanted),
        }),
        Expr::Binary(op, left, right) => test::operation(*op, &folded(left)?, &folded(right)?),
    }
}
