//! Pipelines over one trace: which spans remain, in which sets, with which computed attributes.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::AnyValue;

use super::eval::{Node, Patterns, Plan, Subject};
use super::fetch::Fetch;
use super::relation::relate;
use super::value::{Computed, compare};
use crate::traces::lang::ast::{
    Aggregate, BinaryOp, Const, Query, ScalarFilter, SpansetOp, Spansets, Stage,
};
use crate::traces::store::Dictionary;

/// Spans that belong together, by position in their trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spanset {
    pub(crate) spans: Vec<usize>,
    /// Results of the pipeline: `by(…)`, `count()` and so on.
    pub(crate) attributes: Vec<(String, AnyValue)>,
}

/// A stage with its texts looked up.
pub(super) enum Step<'q> {
    Spansets(Select<'q>),
    By(String, Node<'q>),
    Coalesce,
    /// It only asks for more attributes to be shown.
    Show,
    Filter(Measure<'q>),
}

pub(super) enum Select<'q> {
    Filter(Node<'q>),
    Binary(SpansetOp, Box<Select<'q>>, Box<Select<'q>>),
    Pipeline(Vec<Step<'q>>),
}

/// An aggregate and what it is compared with.
pub(super) struct Measure<'q> {
    name: String,
    kind: &'q Aggregate,
    of: Option<Node<'q>>,
    op: BinaryOp,
    value: &'q Const,
}

impl<'q> Plan<'q> {
    /// Looks up what a query mentions.
    pub(crate) fn new(query: &'q Query, dictionary: &Dictionary, patterns: &mut Patterns) -> Self {
        Self {
            fetch: Fetch::new(query, dictionary, patterns),
            stages: steps(&query.pipeline, dictionary, patterns),
        }
    }

    /// The spansets of a trace that match; none if it does not.
    pub(crate) fn run(&self, subject: &Subject<'_>) -> Vec<Spanset> {
        // Most traces do not match, and that is cheaper to see than to work out in order.
        let seen = subject.read(&self.fetch);
        if seen.iter().all(Option::is_none) {
            return Vec::new();
        }
        if let Some(Step::Spansets(select)) = self.stages.first()
            && !select.possible(subject)
        {
            return Vec::new();
        }
        let mut spans = subject.trace.in_order();
        spans.retain(|at| subject.seen(*at).is_some());
        let all = Spanset {
            spans,
            attributes: Vec::new(),
        };
        run(&self.stages, subject, vec![all])
    }
}

impl Plan<'_> {
    /// Shows the spans of a trace that match, one by one.
    pub(crate) fn each_span(&self, subject: &Subject<'_>, mut show: impl FnMut(usize)) {
        // A single condition needs neither order nor sets.
        if let [Step::Spansets(Select::Filter(node))] = self.stages.as_slice() {
            let seen = subject.read(&self.fetch);
            for (at, seen) in seen.iter().enumerate() {
                if seen.is_some() && node.holds(subject, at) {
                    show(at);
                }
            }
            return;
        }
        let sets = self.run(subject).into_iter();
        sets.flat_map(|set| set.spans).for_each(show);
    }
}

fn steps<'q>(
    stages: &'q [Stage],
    dictionary: &Dictionary,
    patterns: &mut Patterns,
) -> Vec<Step<'q>> {
    let step = |stage: &'q Stage| match stage {
        Stage::Spansets(spansets) => Step::Spansets(select(spansets, dictionary, patterns)),
        Stage::By(expr) => Step::By(format!("by({expr})"), Node::new(expr, dictionary, patterns)),
        Stage::Coalesce => Step::Coalesce,
        Stage::Select(_) => Step::Show,
        Stage::Filter(filter) => Step::Filter(measure(filter, dictionary, patterns)),
    };
    stages.iter().map(step).collect()
}

fn select<'q>(
    spansets: &'q Spansets,
    dictionary: &Dictionary,
    patterns: &mut Patterns,
) -> Select<'q> {
    match spansets {
        Spansets::Filter(expr) => Select::Filter(Node::new(expr, dictionary, patterns)),
        Spansets::Binary(op, left, right) => Select::Binary(
            *op,
            Box::new(select(left, dictionary, patterns)),
            Box::new(select(right, dictionary, patterns)),
        ),
        Spansets::Pipeline(stages) => Select::Pipeline(steps(stages, dictionary, patterns)),
    }
}

fn measure<'q>(
    filter: &'q ScalarFilter,
    dictionary: &Dictionary,
    patterns: &mut Patterns,
) -> Measure<'q> {
    let of = match &filter.aggregate {
        Aggregate::Count => None,
        Aggregate::Avg(expr)
        | Aggregate::Max(expr)
        | Aggregate::Min(expr)
        | Aggregate::Sum(expr) => Some(Node::new(expr, dictionary, patterns)),
    };
    Measure {
        name: filter.aggregate.to_string(),
        kind: &filter.aggregate,
        of,
        op: filter.op,
        value: &filter.value,
    }
}

fn run(stages: &[Step<'_>], subject: &Subject<'_>, mut sets: Vec<Spanset>) -> Vec<Spanset> {
    for stage in stages {
        sets = match stage {
            Step::Spansets(select) => sets
                .into_iter()
                .flat_map(|set| select.run(subject, set))
                .collect(),
            Step::By(name, node) => sets
                .into_iter()
                .flat_map(|set| group(subject, set, name, node))
                .collect(),
            Step::Coalesce => {
                let spans = sets.into_iter().flat_map(|set| set.spans).collect();
                vec![Spanset {
                    spans,
                    attributes: Vec::new(),
                }]
            }
            Step::Show => sets,
            Step::Filter(measure) => sets
                .into_iter()
                .filter_map(|set| measure.pass(subject, set))
                .collect(),
        };
        sets.retain(|set| !set.spans.is_empty());
        if sets.is_empty() {
            break;
        }
    }
    sets
}

impl Select<'_> {
    /// True if a trace may match, without saying which spans do.
    fn possible(&self, subject: &Subject<'_>) -> bool {
        use SpansetOp::{NotAncestor, NotChild, NotDescendant, NotParent, NotSibling, Or};
        match self {
            Self::Filter(node) => {
                let mut spans = 0..subject.trace.spans.len();
                spans.any(|at| subject.seen(at).is_some() && node.holds(subject, at))
            }
            Self::Binary(Or, left, right) => left.possible(subject) || right.possible(subject),
            Self::Binary(
                NotAncestor | NotChild | NotDescendant | NotParent | NotSibling,
                _,
                right,
            ) => right.possible(subject),
            Self::Binary(_, left, right) => left.possible(subject) && right.possible(subject),
            Self::Pipeline(steps) => match steps.first() {
                Some(Step::Spansets(select)) => select.possible(subject),
                _ => true,
            },
        }
    }

    fn run(&self, subject: &Subject<'_>, mut set: Spanset) -> Vec<Spanset> {
        match self {
            Self::Filter(node) => {
                set.spans.retain(|at| node.holds(subject, *at));
                vec![set]
            }
            Self::Pipeline(steps) => run(steps, subject, vec![set]),
            Self::Binary(op, left, right) => {
                let flat = |side: &Self| -> Vec<usize> {
                    let sets = side.run(subject, set.clone()).into_iter();
                    sets.flat_map(|set| set.spans).collect()
                };
                let (left, right) = (flat(left), flat(right));
                set.spans = match op {
                    SpansetOp::And if left.is_empty() || right.is_empty() => Vec::new(),
                    SpansetOp::And | SpansetOp::Or => {
                        let mut seen = vec![false; subject.trace.spans.len()];
                        let all = left.into_iter().chain(right);
                        all.filter(|at| !std::mem::replace(&mut seen[*at], true))
                            .collect()
                    }
                    op => relate(subject, *op, &left, &right),
                };
                vec![set]
            }
        }
    }
}

/// Splits a set by the value of an expression, in order of appearance.
fn group(subject: &Subject<'_>, set: Spanset, name: &str, node: &Node<'_>) -> Vec<Spanset> {
    let mut groups: Vec<Spanset> = Vec::new();
    let mut by_value: HashMap<String, usize> = HashMap::new();
    for at in set.spans {
        if !subject.work.goes_on() {
            break;
        }
        let value = node.eval(subject, at);
        let key =
            format!("{:?}", std::mem::discriminant(&value)) + &value.display(subject.dictionary);
        let place = *by_value.entry(key).or_insert_with(|| {
            // An attribute has a name, a value and room for a few more.
            subject.work.makes((set.attributes.len() + 1) * 256);
            let mut attributes = set.attributes.clone();
            attributes.push((name.to_owned(), value.wire(subject.dictionary)));
            groups.push(Spanset {
                spans: Vec::new(),
                attributes,
            });
            groups.len() - 1
        });
        groups[place].spans.push(at);
    }
    groups
}

impl Measure<'_> {
    /// The set with what was computed of it, if it passes.
    fn pass(&self, subject: &Subject<'_>, mut set: Spanset) -> Option<Spanset> {
        let found = self.compute(subject, &set)?;
        let wanted = Computed::constant(self.value, subject.dictionary);
        let holds = match found {
            // An array as a whole equals no constant.
            Computed::Array(_) => self.op == BinaryOp::Ne,
            found => compare(self.op, found, wanted, None, subject.dictionary),
        };
        if !holds {
            return None;
        }
        let value = found.wire(subject.dictionary);
        set.attributes.push((self.name.clone(), value));
        Some(set)
    }

    /// The aggregate of a set; nothing if no span has a value.
    fn compute<'a>(&'a self, subject: &'a Subject<'_>, set: &Spanset) -> Option<Computed<'a>> {
        let Some(node) = &self.of else {
            return Some(Computed::Int(set.spans.len() as i64));
        };
        let spans = set.spans.iter().take_while(|_| subject.work.goes_on());
        let values = spans.map(|at| node.eval(subject, *at));
        let mut values = values.filter(|value| *value != Computed::Nil);
        let first = values.next()?;
        // A value of another type than the first is counted, but not added.
        let added = |values: &mut dyn Iterator<Item = Computed<'a>>| {
            let mut count = 1.0;
            let sum = values.fold(first, |sum, value| {
                count += 1.0;
                sum.plus(value)
            });
            (sum, count)
        };
        Some(match self.kind {
            Aggregate::Count => Computed::Int(set.spans.len() as i64),
            Aggregate::Sum(_) => added(&mut values).0,
            Aggregate::Avg(_) => match added(&mut values) {
                (Computed::Int(sum), count) => Computed::Float(sum as f64 / count),
                (Computed::Float(sum), count) => Computed::Float(sum / count),
                (Computed::Duration(sum), count) => Computed::Duration(sum / count as i64),
                (other, _) => other,
            },
            Aggregate::Max(_) => values.fold(first, |most, value| {
                match value.order(&most, subject.dictionary).is_gt() {
                    true => value,
                    false => most,
                }
            }),
            Aggregate::Min(_) => values.fold(first, |least, value| {
                match value.order(&least, subject.dictionary).is_lt() {
                    true => value,
                    false => least,
                }
            }),
        })
    }
}
