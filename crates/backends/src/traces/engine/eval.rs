//! Expressions made ready for one look at the store, and evaluated for a span.

use std::cell::OnceCell;
use std::collections::HashMap;

use regex::Regex;

use super::fetch::{Fetch, Seen};
use super::pipeline;
use super::relation::{NestedSet, Tree};
use super::value::{Computed, arithmetic, compare};
use super::work::Work;
use crate::traces::lang::ast::{AttributeScope, BinaryOp, Const, Expr, Field, Intrinsic};
use crate::traces::lang::check;
use crate::traces::store::{Attribute, Dictionary, Span, Trace, Word};

/// Lookups that a search does once: regular expressions by their text, and numbers for the names of
/// attributes.
#[derive(Default)]
pub(crate) struct Patterns {
    compiled: HashMap<String, Regex>,
    names: Vec<String>,
}

impl Patterns {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A regular expression that has to match a whole value.
    pub(super) fn compiled(&mut self, text: &str) -> Option<Regex> {
        if let Some(known) = self.compiled.get(text) {
            return Some(known.clone());
        }
        let regex = check::regex(text)?;
        self.compiled.insert(text.to_owned(), regex.clone());
        Some(regex)
    }

    /// The number of an attribute's name, whether a span has such an attribute or not.
    pub(super) fn name(&mut self, name: &str) -> usize {
        match self.names.iter().position(|known| known == name) {
            Some(number) => number,
            None => {
                self.names.push(name.to_owned());
                self.names.len() - 1
            }
        }
    }
}

/// A query with its texts looked up in the dictionary. It holds only as long as the store is not
/// changed, since numbers of texts are used again.
pub(crate) struct Plan<'q> {
    pub(super) fetch: Fetch<'q>,
    pub(super) stages: Vec<pipeline::Step<'q>>,
}

/// One trace under evaluation.
pub(crate) struct Subject<'a> {
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) trace: &'a Trace,
    pub(super) work: &'a Work<'a>,
    root: OnceCell<Option<&'a Span>>,
    tree: OnceCell<Tree>,
    nested_sets: OnceCell<Vec<NestedSet>>,
    /// Values that the query reads of each span.
    seen: OnceCell<Vec<Option<Seen<'a>>>>,
}

/// An expression with its texts looked up.
pub(super) enum Node<'q> {
    Value(Computed<'q>),
    Attribute(AttributeScope, Option<Word>),
    Intrinsic(Intrinsic),
    /// An attribute as far as the query reads it.
    SeenAttribute(AttributeScope, usize),
    /// An intrinsic as far as the query reads it.
    SeenIntrinsic(Intrinsic),
    Not(Box<Node<'q>>),
    Negative(Box<Node<'q>>),
    Exists(Box<Node<'q>>, bool),
    Logic(BinaryOp, Box<Node<'q>>, Box<Node<'q>>),
    Compare(BinaryOp, Box<Node<'q>>, Box<Node<'q>>, Option<Regex>),
    Arithmetic(BinaryOp, Box<Node<'q>>, Box<Node<'q>>),
}

impl<'a> Subject<'a> {
    pub(crate) fn new(dictionary: &'a Dictionary, trace: &'a Trace, work: &'a Work<'a>) -> Self {
        Self {
            dictionary,
            trace,
            work,
            root: OnceCell::new(),
            tree: OnceCell::new(),
            nested_sets: OnceCell::new(),
            seen: OnceCell::new(),
        }
    }

    pub(crate) fn root(&self) -> Option<&'a Span> {
        *self.root.get_or_init(|| self.trace.root())
    }

    pub(super) fn tree(&self) -> &Tree {
        self.tree.get_or_init(|| Tree::new(self.trace))
    }

    /// Reads the trace for a query. A subject is for one query.
    pub(super) fn read(&self, fetch: &Fetch<'_>) -> &[Option<Seen<'a>>] {
        self.seen.get_or_init(|| fetch.read(self))
    }

    /// Values that the query reads of a span; `None` if it is not evaluated over the span.
    pub(super) fn seen(&self, at: usize) -> Option<&Seen<'a>> {
        self.seen.get()?.get(at)?.as_ref()
    }

    pub(super) fn nested_set(&self, at: usize) -> NestedSet {
        let sets = self
            .nested_sets
            .get_or_init(|| self.tree().nested_sets(self.trace));
        sets[at]
    }

    /// The service of the root span.
    pub(crate) fn root_service(&self) -> Option<Word> {
        self.dictionary.service(self.root()?.resource)
    }
}

impl<'q> Node<'q> {
    pub(super) fn new(expr: &'q Expr, dictionary: &Dictionary, patterns: &mut Patterns) -> Self {
        Self::reading(expr, dictionary, patterns, false)
    }

    /// An expression over all values that a span has, whatever a query reads of it.
    pub(super) fn over_all(
        expr: &'q Expr,
        dictionary: &Dictionary,
        patterns: &mut Patterns,
    ) -> Self {
        Self::reading(expr, dictionary, patterns, true)
    }

    fn reading(
        expr: &'q Expr,
        dictionary: &Dictionary,
        patterns: &mut Patterns,
        all: bool,
    ) -> Self {
        let mut node = |expr| Box::new(Self::reading(expr, dictionary, patterns, all));
        match expr {
            Expr::Const(value) => Self::Value(Computed::constant(value, dictionary)),
            Expr::Field(field) if all => Self::field(field, dictionary),
            Expr::Field(Field::Attribute(scope, name)) => {
                Self::SeenAttribute(*scope, patterns.name(name))
            }
            Expr::Field(Field::Intrinsic(intrinsic)) => Self::SeenIntrinsic(*intrinsic),
            Expr::Not(inner) => Self::Not(node(inner)),
            Expr::Negative(inner) => Self::Negative(node(inner)),
            Expr::Exists(inner, wanted) => Self::Exists(node(inner), *wanted),
            Expr::Binary(op @ (BinaryOp::And | BinaryOp::Or), left, right) => {
                Self::Logic(*op, node(left), node(right))
            }
            Expr::Binary(op, left, right) if op.is_boolean() => {
                let (left_node, right_node) = (node(left), node(right));
                let pattern = match (op, &**right) {
                    (BinaryOp::Re | BinaryOp::NotRe, Expr::Const(Const::Text(text))) => {
                        patterns.compiled(text)
                    }
                    _ => None,
                };
                Self::Compare(*op, left_node, right_node, pattern)
            }
            Expr::Binary(op, left, right) => Self::Arithmetic(*op, node(left), node(right)),
        }
    }

    pub(super) fn field(field: &Field, dictionary: &Dictionary) -> Self {
        match field {
            Field::Attribute(scope, name) => Self::Attribute(*scope, dictionary.find(name)),
            Field::Intrinsic(intrinsic) => Self::Intrinsic(*intrinsic),
        }
    }

    /// Value for one span of a trace.
    pub(super) fn eval<'a>(&'a self, subject: &'a Subject<'_>, at: usize) -> Computed<'a> {
        let mut first = Computed::Nil;
        match self {
            Self::Value(value) => *value,
            Self::Attribute(scope, key) => {
                if let Some(key) = key {
                    each_attribute(subject, at, *scope, *key, &mut |value| {
                        first = value;
                        true
                    });
                }
                first
            }
            Self::Intrinsic(intrinsic) => {
                each_intrinsic(subject, at, *intrinsic, &mut |value| {
                    first = value;
                    true
                });
                first
            }
            Self::SeenAttribute(scope, id) => subject
                .seen(at)
                .map_or(Computed::Nil, |seen| seen.attribute(*scope, *id)),
            Self::SeenIntrinsic(intrinsic) => subject
                .seen(at)
                .map_or(Computed::Nil, |seen| seen.intrinsic(*intrinsic)),
            Self::Not(inner) => match inner.eval(subject, at) {
                Computed::Bool(b) => Computed::Bool(!b),
                _ => Computed::Nil,
            },
            Self::Negative(inner) => match inner.eval(subject, at) {
                Computed::Int(n) => Computed::Int(n.wrapping_neg()),
                Computed::Float(n) => Computed::Float(-n),
                Computed::Duration(n) => Computed::Duration(n.wrapping_neg()),
                _ => Computed::Nil,
            },
            Self::Exists(inner, true) => Computed::Bool(inner.eval(subject, at) != Computed::Nil),
            // A missing attribute is read as this text.
            Self::Exists(inner, false) => {
                let value = inner.eval(subject, at);
                Computed::Bool(value.as_text(subject.dictionary) == Some("nil"))
            }
            // Both sides have to be true or false, whatever the first one is.
            Self::Logic(op, left, right) => Computed::Bool(
                match (left.eval(subject, at), right.eval(subject, at), op) {
                    (Computed::Bool(left), Computed::Bool(right), BinaryOp::And) => left && right,
                    (Computed::Bool(left), Computed::Bool(right), _) => left || right,
                    _ => false,
                },
            ),
            Self::Compare(op, left, right, pattern) => {
                let (left, right) = (left.eval(subject, at), right.eval(subject, at));
                let pattern = pattern.as_ref();
                Computed::Bool(compare(*op, left, right, pattern, subject.dictionary))
            }
            Self::Arithmetic(op, left, right) => {
                arithmetic(*op, left.eval(subject, at), right.eval(subject, at))
            }
        }
    }

    /// True if a test holds for one of the values that this has for a span.
    fn any<'a>(
        &'a self,
        subject: &'a Subject<'_>,
        at: usize,
        test: &mut dyn FnMut(Computed<'a>) -> bool,
    ) -> bool {
        match self {
            Self::Attribute(scope, Some(key)) => each_attribute(subject, at, *scope, *key, test),
            Self::Attribute(_, None) => false,
            Self::Intrinsic(intrinsic) => each_intrinsic(subject, at, *intrinsic, test),
            other => test(other.eval(subject, at)),
        }
    }

    /// True if a span fulfils this. None does once the work is given up.
    pub(super) fn holds(&self, subject: &Subject<'_>, at: usize) -> bool {
        subject.work.goes_on() && self.eval(subject, at) == Computed::Bool(true)
    }
}

/// Reads all values of one field. Without a scope those of all scopes count.
pub(crate) struct Reader(Vec<Node<'static>>);

impl Reader {
    pub(crate) fn new(field: &Field, dictionary: &Dictionary) -> Self {
        use AttributeScope::{Any, Event, Instrumentation, Link, Resource, Span};
        Self(match field {
            Field::Attribute(Any, name) => {
                let key = dictionary.find(name);
                let scopes = [Span, Resource, Event, Link, Instrumentation];
                scopes.map(|scope| Node::Attribute(scope, key)).into()
            }
            other => vec![Node::field(other, dictionary)],
        })
    }

    /// Shows the values that a span has.
    pub(crate) fn each<'a>(
        &'a self,
        subject: &'a Subject<'_>,
        at: usize,
        visit: &mut dyn FnMut(Computed<'a>),
    ) {
        for node in &self.0 {
            node.any(subject, at, &mut |value| {
                visit(value);
                false
            });
        }
    }
}

/// Reads the values of a span that metrics are about. All values count here, not only those that fit the
/// query's comparisons.
#[derive(Default)]
pub(crate) struct Grouping(Vec<Node<'static>>);

impl Grouping {
    pub(crate) fn new(fields: &[Field], dictionary: &Dictionary) -> Self {
        let nodes = fields.iter().map(|field| match field {
            // Tempo reads the span's own attribute here.
            Field::Attribute(AttributeScope::Parent, name) => {
                Node::Attribute(AttributeScope::Span, dictionary.find(name))
            }
            field => Node::field(field, dictionary),
        });
        Self(nodes.collect())
    }

    /// The value of a field, nothing where a span has none. A span without events or links is read as if it had
    /// one without a name or an id.
    pub(crate) fn value<'a>(
        &'a self,
        subject: &'a Subject<'_>,
        at: usize,
        nth: usize,
    ) -> Computed<'a> {
        let Some(node) = self.0.get(nth) else {
            return Computed::Nil;
        };
        match (node.eval(subject, at), node) {
            (Computed::Nil, Node::Intrinsic(intrinsic)) => match intrinsic {
                Intrinsic::EventName => Computed::Text(""),
                Intrinsic::EventTimeSinceStart => Computed::Duration(0),
                Intrinsic::LinkTraceId => Computed::Id(0, 0),
                Intrinsic::LinkSpanId => Computed::Id(0, 16),
                _ => Computed::Nil,
            },
            (value, _) => value,
        }
    }
}

type Visit<'v, 'a> = &'v mut dyn FnMut(Computed<'a>) -> bool;

/// Shows the values of an attribute until one is accepted. Without a scope there is one at most: the
/// span's own, or else its resource's.
fn each_attribute<'a>(
    subject: &'a Subject<'_>,
    at: usize,
    scope: AttributeScope,
    key: Word,
    visit: Visit<'_, 'a>,
) -> bool {
    let span = &subject.trace.spans[at];
    let dictionary = subject.dictionary;
    let find =
        |attributes: &'a [Attribute]| attributes.iter().find(|attribute| attribute.key == key);
    let of_resource = || find(&dictionary.resource(span.resource).attributes);
    let mut show = |found: Option<&'a Attribute>| {
        found.is_some_and(|attribute| visit(Computed::attribute(&attribute.value)))
    };
    match scope {
        AttributeScope::Any => show(find(&span.attributes).or_else(of_resource)),
        AttributeScope::Span => show(find(&span.attributes)),
        AttributeScope::Resource => show(of_resource()),
        AttributeScope::Event => {
            let mut events = span.events().iter();
            events.any(|event| show(find(&event.attributes)))
        }
        AttributeScope::Link => span.links().iter().any(|link| show(find(&link.attributes))),
        AttributeScope::Instrumentation => show(find(&dictionary.scope(span.scope).attributes)),
        AttributeScope::Parent => false,
    }
}

impl<'a> Subject<'a> {
    /// An intrinsic that all spans of the trace share.
    pub(super) fn of_trace(&self, intrinsic: Intrinsic) -> Computed<'a> {
        let word = |word: Option<Word>| word.map_or(Computed::Text(""), Computed::Word);
        match intrinsic {
            Intrinsic::RootName => word(self.root().map(|root| root.name)),
            Intrinsic::RootService => word(self.root_service()),
            Intrinsic::TraceDuration => nanos(self.trace.duration()),
            Intrinsic::TraceId => Computed::Id(self.trace.id, 0),
            _ => Computed::Nil,
        }
    }

    /// An intrinsic of one span.
    pub(super) fn of_span(&self, at: usize, intrinsic: Intrinsic) -> Computed<'a> {
        let span: &'a Span = &self.trace.spans[at];
        match intrinsic {
            Intrinsic::Duration => nanos(span.duration()),
            Intrinsic::Name => Computed::Word(span.name),
            Intrinsic::Status => Computed::Status(span.status),
            Intrinsic::StatusMessage => span
                .status_message()
                .map_or(Computed::Text(""), Computed::Word),
            Intrinsic::Kind => Computed::Kind(span.kind),
            Intrinsic::ChildCount => Computed::Int(self.tree().child_count(at) as i64),
            Intrinsic::SpanId => Computed::Id(span.id.into(), 16),
            Intrinsic::ParentId => Computed::Id(span.parent.into(), 16),
            Intrinsic::NestedSetLeft => Computed::Int(self.nested_set(at).left),
            Intrinsic::NestedSetRight => Computed::Int(self.nested_set(at).right),
            // Roots are known without counting.
            Intrinsic::NestedSetParent if span.parent == 0 => Computed::Int(-1),
            Intrinsic::NestedSetParent => Computed::Int(self.nested_set(at).parent),
            _ => Computed::Nil,
        }
    }
}

fn nanos(n: u64) -> Computed<'static> {
    Computed::Duration(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Shows the values of an intrinsic until one is accepted.
fn each_intrinsic<'a>(
    subject: &'a Subject<'_>,
    at: usize,
    intrinsic: Intrinsic,
    visit: Visit<'_, 'a>,
) -> bool {
    let (trace, dictionary) = (subject.trace, subject.dictionary);
    let span = &trace.spans[at];
    let value = match intrinsic {
        Intrinsic::RootName
        | Intrinsic::RootService
        | Intrinsic::TraceDuration
        | Intrinsic::TraceId => subject.of_trace(intrinsic),
        Intrinsic::EventName => {
            return span.events().iter().any(|e| visit(Computed::Word(e.name)));
        }
        Intrinsic::EventTimeSinceStart => {
            let times = span.events().iter().map(|e| e.time);
            return times
                .map(|time| nanos(time.saturating_sub(span.start)))
                .any(visit);
        }
        Intrinsic::LinkTraceId => {
            return span.links().iter().any(|l| visit(id(&l.trace_id, 0)));
        }
        Intrinsic::LinkSpanId => {
            return span.links().iter().any(|l| visit(id(&l.span_id, 16)));
        }
        Intrinsic::InstrumentationName => Computed::Word(dictionary.scope(span.scope).name),
        Intrinsic::InstrumentationVersion => Computed::Word(dictionary.scope(span.scope).version),
        own => subject.of_span(at, own),
    };
    visit(value)
}

fn id(bytes: &[u8], digits: usize) -> Computed<'static> {
    let number = bytes
        .iter()
        .fold(0u128, |id, byte| (id << 8) | u128::from(*byte));
    Computed::Id(number, digits)
}
