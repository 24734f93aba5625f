//! All attributes of a span, as the metrics function `compare` looks at them, and its condition.

use super::eval::{Node, Patterns, Subject};
use super::fetch::columns;
use super::value::Computed;
use crate::traces::lang::ast::AttributeScope;
use crate::traces::lang::{Compare, Field, Intrinsic};
use crate::traces::store::{Attribute, Dictionary, Word};

/// Intrinsics that are compared: those with few different values.
const INTRINSICS: [Intrinsic; 8] = [
    Intrinsic::Name,
    Intrinsic::Status,
    Intrinsic::StatusMessage,
    Intrinsic::Kind,
    Intrinsic::RootName,
    Intrinsic::RootService,
    Intrinsic::InstrumentationName,
    Intrinsic::InstrumentationVersion,
];

/// The name of something that is compared. It holds only as long as the dictionary is not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Named {
    /// By its place in a list of this module.
    Intrinsic(usize),
    /// The number of an attribute's name.
    Attribute(Scope, Word),
    /// An attribute that no span has, but which has a column.
    Column(Scope, &'static str),
}

/// Where an attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Span,
    Resource,
    Instrumentation,
}

/// The comparison, with its texts looked up.
pub(crate) struct Compared<'q> {
    selection: Node<'q>,
    window: Option<(u64, u64)>,
    /// Attributes that are read as `nil` where a span has none, because Tempo has a column for them.
    columns: Vec<(Scope, &'static str, Option<Word>)>,
    intrinsics: [Node<'static>; INTRINSICS.len()],
}

impl Named {
    /// The name with its scope, as in a query.
    pub(crate) fn text(self, dictionary: &Dictionary) -> String {
        let (scope, name) = match self {
            Self::Intrinsic(nth) => return INTRINSICS[nth].text().to_owned(),
            Self::Attribute(scope, word) => (scope, dictionary.text(word)),
            Self::Column(scope, name) => (scope, name),
        };
        let scope = match scope {
            Scope::Span => AttributeScope::Span,
            Scope::Resource => AttributeScope::Resource,
            Scope::Instrumentation => AttributeScope::Instrumentation,
        };
        Field::Attribute(scope, name.to_owned()).to_string()
    }
}

impl<'q> Compared<'q> {
    pub(crate) fn new(
        compare: &'q Compare,
        dictionary: &Dictionary,
        patterns: &mut Patterns,
    ) -> Self {
        let of = |scope, names: &[&'static str]| -> Vec<_> {
            let names = names.iter();
            names
                .map(|name| (scope, *name, dictionary.find(name)))
                .collect()
        };
        let mut columns = of(Scope::Span, &columns::OF_EVERY_SPAN);
        columns.extend(of(Scope::Resource, &columns::OF_EVERY_RESOURCE));
        let time = |nanos| u64::try_from(nanos).unwrap_or(0);
        Self {
            selection: Node::over_all(&compare.selection, dictionary, patterns),
            window: match compare.window {
                (0, 0) => None,
                (start, end) => Some((time(start), time(end))),
            },
            columns,
            intrinsics: INTRINSICS.map(Node::Intrinsic),
        }
    }

    /// True if a span belongs to the selection.
    pub(crate) fn selects(&self, subject: &Subject<'_>, at: usize) -> bool {
        let start = subject.trace.spans[at].start;
        self.window
            .is_none_or(|(from, to)| start > from && start <= to)
            && self.selection.holds(subject, at)
    }

    /// Shows what a span has.
    pub(crate) fn each<'a>(
        &'a self,
        subject: &'a Subject<'_>,
        at: usize,
        mut show: impl FnMut(Named, Computed<'a>),
    ) {
        for (nth, node) in self.intrinsics.iter().enumerate() {
            show(Named::Intrinsic(nth), node.eval(subject, at));
        }
        let span = &subject.trace.spans[at];
        let resource = &subject.dictionary.resource(span.resource).attributes;
        let scope = &subject.dictionary.scope(span.scope).attributes;
        let mut all = |scope, attributes: &'a [Attribute]| {
            for attribute in attributes {
                let value = Computed::attribute(&attribute.value);
                show(Named::Attribute(scope, attribute.key), value);
            }
        };
        all(Scope::Span, &span.attributes);
        all(Scope::Resource, resource);
        all(Scope::Instrumentation, scope);
        for (scope, name, word) in &self.columns {
            let own: &[Attribute] = match scope {
                Scope::Span => &span.attributes,
                _ => resource,
            };
            let missing = Computed::Text("nil");
            match word {
                None => show(Named::Column(*scope, name), missing),
                Some(word) if own.iter().all(|a| a.key != *word) => {
                    show(Named::Attribute(*scope, *word), missing);
                }
                Some(_) => {}
            }
        }
    }
}
