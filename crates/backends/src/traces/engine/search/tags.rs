//! Names of attributes, and values of one: what fills a query editor's suggestions.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;

use super::SearchError;
use super::walk::walk;
use super::wanted::window;
use crate::traces::engine::{Computed, Patterns, Plan, Reader, Subject, Work};
use crate::traces::lang::{Field, Intrinsic, KINDS, Query, STATUSES};
use crate::traces::store::{Attribute, Candidates, Index, Store, Trace, Word};
use crate::wire::Stop;

/// Bytes of values that one answer may have, Tempo's default.
const MAX_VALUE_BYTES: usize = 10_000_000;

/// Where an attribute may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TagScope {
    /// On an event of a span.
    Event,
    /// On the library that made a span.
    Instrumentation,
    /// On a link to another span.
    Link,
    /// On the resource of a span.
    Resource,
    /// On the span itself.
    Span,
}

impl TagScope {
    /// All of them, in the order of their names.
    pub(crate) const ALL: [Self; 5] = [
        Self::Event,
        Self::Instrumentation,
        Self::Link,
        Self::Resource,
        Self::Span,
    ];

    /// The name in TraceQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Instrumentation => "instrumentation",
            Self::Link => "link",
            Self::Resource => "resource",
            Self::Span => "span",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A value that an attribute has somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TagValue {
    /// `string`, `int`, `float`, `bool`, `duration` or `keyword`.
    pub kind: &'static str,
    /// The value as text.
    pub value: String,
}

/// Names of all attributes in a window (seconds since the Unix epoch), sorted, by scope. With a
/// query only those of matching spans.
///
/// # Errors
///
/// [`SearchError`] if it takes too long.
pub fn tag_names(
    store: &Store,
    (start, end): (u64, u64),
    query: Option<&Query>,
    stop: &Stop,
) -> Result<BTreeMap<TagScope, BTreeSet<String>>, SearchError> {
    let work = &Work::new(stop, store.limits().max_query_bytes);
    let mut names: BTreeMap<TagScope, BTreeSet<String>> = BTreeMap::new();
    let mut patterns = Patterns::new();
    let (only, window) = (Candidates::default(), window(start, end));
    walk(store, &only, window, 0, work, |index, (_, traces)| {
        let plan = plan(query, index, &mut patterns);
        let mut seen = Vec::new();
        for trace in traces {
            for at in spans_of(plan.as_ref(), index, trace, work) {
                mark_names(&mut seen, index, trace, at);
            }
        }
        for (word, bits) in (0..).zip(seen).filter(|(_, bits)| *bits != 0) {
            let scopes = TagScope::ALL.into_iter().filter(|s| bits & s.bit() != 0);
            for scope in scopes {
                let name = index.dictionary.text(word).to_owned();
                names.entry(scope).or_default().insert(name);
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(names)
}

/// Marks the names of one span's attributes, a bit for each scope, by the number of the text.
fn mark_names(seen: &mut Vec<u8>, index: &Index, trace: &Trace, at: usize) {
    let span = &trace.spans[at];
    let mut mark = |attributes: &[Attribute], scope: TagScope| {
        for attribute in attributes {
            let word = attribute.key as usize;
            if seen.len() <= word {
                seen.resize(word + 1, 0);
            }
            seen[word] |= scope.bit();
        }
    };
    mark(&span.attributes, TagScope::Span);
    let dictionary = &index.dictionary;
    let resource = dictionary.resource(span.resource);
    mark(&resource.attributes, TagScope::Resource);
    let scope = dictionary.scope(span.scope);
    mark(&scope.attributes, TagScope::Instrumentation);
    for event in span.events() {
        mark(&event.attributes, TagScope::Event);
    }
    for link in span.links() {
        mark(&link.attributes, TagScope::Link);
    }
}

/// Values of one attribute or intrinsic in a window (seconds since the Unix epoch), sorted. With a
/// query only those of matching spans.
///
/// # Errors
///
/// [`SearchError`] if it takes too long.
pub(crate) fn values_of(
    store: &Store,
    field: &Field,
    (start, end): (u64, u64),
    query: Option<&Query>,
    stop: &Stop,
) -> Result<BTreeSet<TagValue>, SearchError> {
    let work = &Work::new(stop, store.limits().max_query_bytes);
    let mut values = BTreeSet::new();
    if let Field::Intrinsic(intrinsic) = field
        && let Some(known) = known_values(*intrinsic)
    {
        values.extend(known.iter().map(|value| TagValue {
            kind: "keyword",
            value: (*value).to_owned(),
        }));
        return Ok(values);
    }
    let mut bytes = 0;
    let mut patterns = Patterns::new();
    let (only, window) = (Candidates::default(), window(start, end));
    walk(store, &only, window, 0, work, |index, (_, traces)| {
        let plan = plan(query, index, &mut patterns);
        let reader = Reader::new(field, &index.dictionary);
        let mut words: HashSet<Word> = HashSet::new();
        let mut others = BTreeSet::new();
        for trace in traces {
            let subject = Subject::new(&index.dictionary, trace, work);
            for at in spans_of(plan.as_ref(), index, trace, work) {
                reader.each(&subject, at, &mut |value| match value {
                    Computed::Word(word) => {
                        words.insert(word);
                    }
                    // Of an array the elements are values.
                    Computed::Array(values) => {
                        let values = values.iter().map(Computed::element);
                        others.extend(values.filter_map(|value| tag_value(&subject, value)));
                    }
                    other => others.extend(tag_value(&subject, other)),
                });
            }
        }
        let words = words.into_iter().map(|word| TagValue {
            kind: "string",
            value: index.dictionary.text(word).to_owned(),
        });
        for value in words.chain(others) {
            let size = value.kind.len() + value.value.len();
            if values.insert(value) {
                bytes += size;
            }
            if bytes > MAX_VALUE_BYTES {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(values)
}

/// Values that need no search: all there can be, or none where listing them helps nobody.
fn known_values(intrinsic: Intrinsic) -> Option<&'static [&'static str]> {
    match intrinsic {
        Intrinsic::Status => Some(&STATUSES),
        Intrinsic::Kind => Some(&KINDS),
        Intrinsic::Duration
        | Intrinsic::TraceDuration
        | Intrinsic::TraceId
        | Intrinsic::SpanId
        | Intrinsic::ParentId
        | Intrinsic::LinkTraceId
        | Intrinsic::LinkSpanId => Some(&[]),
        _ => None,
    }
}

fn tag_value(subject: &Subject<'_>, value: Computed<'_>) -> Option<TagValue> {
    let kind = match value {
        Computed::Nil | Computed::Array(_) | Computed::Id(..) => return None,
        Computed::Text("") => return None,
        Computed::Word(_) | Computed::Text(_) | Computed::Absent(_) => "string",
        Computed::Int(_) => "int",
        Computed::Float(_) => "float",
        Computed::Bool(_) => "bool",
        Computed::Duration(_) => "duration",
        Computed::Status(_) | Computed::Kind(_) => "keyword",
    };
    Some(TagValue {
        kind,
        value: value.display(subject.dictionary),
    })
}

fn plan<'q>(query: Option<&'q Query>, index: &Index, patterns: &mut Patterns) -> Option<Plan<'q>> {
    query.map(|query| Plan::new(query, &index.dictionary, patterns))
}

/// The spans that a query selects out of a trace; all without a query.
fn spans_of(plan: Option<&Plan<'_>>, index: &Index, trace: &Trace, work: &Work<'_>) -> Vec<usize> {
    match plan {
        None => (0..trace.spans.len()).collect(),
        Some(plan) => {
            let sets = plan.run(&Subject::new(&index.dictionary, trace, work));
            sets.into_iter().flat_map(|set| set.spans).collect()
        }
    }
}
