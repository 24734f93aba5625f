//! Selects the spans of a trace, and the values of each, that a query is evaluated over.

use super::super::eval::Subject;
use super::super::relation::NestedSet;
use super::super::value::Computed;
use super::test::Id;
use super::{Condition, Fetch};
use crate::traces::lang::ast::{AttributeScope, Field, Intrinsic};
use crate::traces::store::{Event, Link, Span};

/// The name of a value that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::traces::engine) enum Name {
    /// The number is that of [`Patterns::name`](super::super::eval::Patterns::name).
    Attribute(AttributeScope, usize),
    Intrinsic(Intrinsic),
}

/// The values of a span that were read. An attribute that is there with none of the wanted values is
/// read as nothing, and hides the same attribute of the resource.
#[derive(Default)]
pub(in crate::traces::engine) struct Seen<'a> {
    values: Vec<(Name, Computed<'a>)>,
    /// Zeros where the place in the tree was not read.
    pub(in crate::traces::engine) place: NestedSet,
}

impl<'a> Seen<'a> {
    /// The first value of an attribute; without a scope the span's comes before its resource's.
    pub(in crate::traces::engine) fn attribute(
        &self,
        scope: AttributeScope,
        id: usize,
    ) -> Computed<'a> {
        self.first(|name| match name {
            Name::Attribute(other, other_id) => {
                id == other_id && (scope == AttributeScope::Any || scope == other)
            }
            Name::Intrinsic(_) => false,
        })
    }

    pub(in crate::traces::engine) fn intrinsic(&self, intrinsic: Intrinsic) -> Computed<'a> {
        match intrinsic {
            Intrinsic::NestedSetLeft => Computed::Int(self.place.left),
            Intrinsic::NestedSetRight => Computed::Int(self.place.right),
            Intrinsic::NestedSetParent => Computed::Int(self.place.parent),
            other => self.first(|name| name == Name::Intrinsic(other)),
        }
    }

    fn first(&self, wanted: impl Fn(Name) -> bool) -> Computed<'a> {
        let mut values = self.values.iter();
        let found = values.find(|(name, _)| wanted(*name));
        found.map_or(Computed::Nil, |(_, value)| *value)
    }
}

/// The values of one carrier, or nothing if it has not what it must have.
type Read<'a> = Option<Vec<(Name, Computed<'a>)>>;

fn count(values: &[(Name, Computed<'_>)]) -> usize {
    let there = |(_, value): &&(Name, Computed<'_>)| *value != Computed::Nil;
    values.iter().filter(there).count()
}

impl Fetch<'_> {
    /// Reads the spans of a trace; `None` for those that the query is not evaluated over.
    pub(in crate::traces::engine) fn read<'a>(
        &self,
        subject: &Subject<'a>,
    ) -> Vec<Option<Seen<'a>>> {
        let spans = &subject.trace.spans;
        let of_trace = match self.of_trace(subject) {
            Some(values) if !self.unknown => values,
            _ => return Vec::new(),
        };
        let mut resource: Option<(u32, Read<'a>)> = None;
        let mut scope: Option<(u32, Read<'a>)> = None;
        let mut seen = Vec::with_capacity(spans.len());
        for (at, span) in spans.iter().enumerate() {
            if !subject.work.goes_on() {
                break;
            }
            // Spans of one resource come one after the other.
            if resource
                .as_ref()
                .is_none_or(|(last, _)| *last != span.resource)
            {
                resource = Some((span.resource, self.of_resource(subject, span)));
            }
            if scope.as_ref().is_none_or(|(last, _)| *last != span.scope) {
                scope = Some((span.scope, self.of_scope(subject, span)));
            }
            seen.push(match (&resource, &scope) {
                (Some((_, Some(resource))), Some((_, Some(scope)))) => {
                    self.of_span(subject, at, [resource, &of_trace, scope])
                }
                _ => None,
            });
        }
        seen
    }

    /// Ends a carrier: the values, unless too few of what must be there is.
    fn enough<'a>(
        &self,
        conditions: &[Condition<'_>],
        found: usize,
        values: Vec<(Name, Computed<'a>)>,
    ) -> Read<'a> {
        if self.all {
            let mut names: Vec<&str> = conditions.iter().map(|c| c.name).collect();
            names.sort_unstable();
            names.dedup();
            if found < names.len() {
                return None;
            }
        }
        Some(values)
    }

    fn of_trace<'a>(&self, subject: &Subject<'a>) -> Read<'a> {
        let mut values = Vec::new();
        for condition in &self.trace {
            let Field::Intrinsic(intrinsic) = condition.field else {
                continue;
            };
            let value = subject.of_trace(*intrinsic);
            let text = || value.as_text(subject.dictionary);
            let holds = match value {
                Computed::Id(id, _) => condition.test.id(&id.to_be_bytes(), Id::Trace),
                Computed::Duration(nanos) => condition.test.duration(nanos),
                _ => condition.test.text(text()),
            };
            if holds {
                values.push((Name::Intrinsic(*intrinsic), value));
            } else if self.all {
                return None;
            }
        }
        Some(values)
    }

    fn of_resource<'a>(&self, subject: &Subject<'a>, span: &Span) -> Read<'a> {
        let resource = subject.dictionary.resource(span.resource);
        let attributes = &resource.attributes;
        let mut values = Vec::new();
        if !self.attributes(
            subject,
            &self.resource,
            AttributeScope::Resource,
            attributes,
            &mut values,
        ) {
            return None;
        }
        self.enough(&self.resource, values.len(), values)
    }

    fn of_scope<'a>(&self, subject: &Subject<'a>, span: &Span) -> Read<'a> {
        let scope = subject.dictionary.scope(span.scope);
        let attributes = &scope.attributes;
        let mut values = Vec::new();
        let level = AttributeScope::Instrumentation;
        if !self.attributes(subject, &self.scope, level, attributes, &mut values) {
            return None;
        }
        for condition in &self.scope {
            let Field::Intrinsic(intrinsic) = condition.field else {
                continue;
            };
            let word = match intrinsic {
                Intrinsic::InstrumentationVersion => scope.version,
                _ => scope.name,
            };
            if condition.test.text(Some(subject.dictionary.text(word))) {
                values.push((Name::Intrinsic(*intrinsic), Computed::Word(word)));
            } else if self.all {
                return None;
            }
        }
        self.enough(&self.scope, values.len(), values)
    }

    fn of_span<'a>(
        &self,
        subject: &Subject<'a>,
        at: usize,
        [resource, of_trace, scope]: [&Vec<(Name, Computed<'a>)>; 3],
    ) -> Option<Seen<'a>> {
        let span: &'a Span = &subject.trace.spans[at];
        let mut seen = Seen::default();
        self.intrinsics(subject, at, &mut seen)?;
        if !self.attributes(
            subject,
            &self.span,
            AttributeScope::Span,
            &span.attributes,
            &mut seen.values,
        ) {
            return None;
        }
        let events = self.of_events(subject, span)?;
        let links = self.of_links(subject, span)?;
        let mut own = count(&seen.values) + count(&events) + count(&links);
        own += usize::from(self.every_span);
        own += usize::from(seen.place != NestedSet::default());
        let read_id = |c: &&Condition<'_>| *c.field == Field::Intrinsic(Intrinsic::SpanId);
        own += self.span.iter().filter(read_id).count();
        let mut seen_values = self.enough(&self.span, own, seen.values)?;
        if self.needs_one() && own + count(resource) + count(scope) == 0 {
            return None;
        }
        seen_values.extend_from_slice(resource);
        seen_values.extend_from_slice(of_trace);
        seen_values.extend(events);
        seen_values.extend(links);
        seen_values.extend_from_slice(scope);
        seen.values = seen_values;
        Some(seen)
    }

    /// The span's own intrinsics. Several comparisons of one let a value through together, even where
    /// all have to hold: that is left to the evaluation.
    fn intrinsics<'a>(&self, subject: &Subject<'a>, at: usize, seen: &mut Seen<'a>) -> Option<()> {
        let span = &subject.trace.spans[at];
        if self.tree {
            seen.place = subject.nested_set(at);
        }
        for condition in &self.span {
            let Field::Intrinsic(intrinsic) = *condition.field else {
                continue;
            };
            let holds = |c: &Condition<'_>| {
                let test = &c.test;
                c.field == condition.field
                    && match intrinsic {
                        Intrinsic::SpanId => test.id(&span.id.to_be_bytes(), Id::Span),
                        Intrinsic::ParentId if span.parent == 0 => test.id(&[], Id::Span),
                        Intrinsic::ParentId => test.id(&span.parent.to_be_bytes(), Id::Span),
                        intrinsic => match subject.of_span(at, intrinsic) {
                            Computed::Duration(nanos) => test.duration(nanos),
                            Computed::Int(n) => test.int(Some(n)),
                            Computed::Status(n) | Computed::Kind(n) => test.int(Some(n.into())),
                            value => test.text(value.as_text(subject.dictionary)),
                        },
                    }
            };
            if self.span.iter().any(holds) {
                let value = subject.of_span(at, intrinsic);
                match (intrinsic, value) {
                    (Intrinsic::NestedSetLeft, Computed::Int(n)) => seen.place.left = n,
                    (Intrinsic::NestedSetRight, Computed::Int(n)) => seen.place.right = n,
                    (Intrinsic::NestedSetParent, Computed::Int(n)) => seen.place.parent = n,
                    _ => {}
                }
                let name = Name::Intrinsic(intrinsic);
                if !seen.values.iter().any(|(known, _)| *known == name) {
                    seen.values.push((name, value));
                }
            } else if self.all {
                return None;
            }
        }
        Some(())
    }

    /// A span without events is read as if it had one without a name.
    fn of_events<'a>(&self, subject: &Subject<'a>, span: &'a Span) -> Read<'a> {
        if self.event.is_empty() {
            return Some(Vec::new());
        }
        let events: Vec<Option<&'a Event>> = match span.events() {
            [] => vec![None],
            events => events.iter().map(Some).collect(),
        };
        let one = |event: Option<&'a Event>| -> Read<'a> {
            let attributes = event.map_or(&[][..], |event| &event.attributes);
            let mut values = Vec::new();
            let level = AttributeScope::Event;
            if !self.attributes(subject, &self.event, level, attributes, &mut values) {
                return None;
            }
            for condition in &self.event {
                let Field::Intrinsic(intrinsic) = *condition.field else {
                    continue;
                };
                let (holds, value) = if intrinsic == Intrinsic::EventName {
                    let name = event.map(|event| event.name);
                    let text = name.map(|name| subject.dictionary.text(name));
                    let value = name.map_or(Computed::Text(""), Computed::Word);
                    (condition.test.text(text), value)
                } else {
                    let since = event.map(|event| event.time.saturating_sub(span.start));
                    let since = since.map(|nanos| i64::try_from(nanos).unwrap_or(i64::MAX));
                    let value = Computed::Duration(since.unwrap_or_default());
                    (condition.test.int(since), value)
                };
                if holds {
                    values.push((Name::Intrinsic(intrinsic), value));
                } else if self.all {
                    return None;
                }
            }
            self.enough(&self.event, values.len(), values)
        };
        joined(events.into_iter().map(one))
    }

    /// A span without links is read as if it had one without ids.
    fn of_links<'a>(&self, subject: &Subject<'a>, span: &'a Span) -> Read<'a> {
        if self.link.is_empty() {
            return Some(Vec::new());
        }
        let links: Vec<Option<&'a Link>> = match span.links() {
            [] => vec![None],
            links => links.iter().map(Some).collect(),
        };
        let one = |link: Option<&'a Link>| -> Read<'a> {
            let attributes = link.map_or(&[][..], |link| &link.attributes);
            let mut values = Vec::new();
            let level = AttributeScope::Link;
            if !self.attributes(subject, &self.link, level, attributes, &mut values) {
                return None;
            }
            for condition in &self.link {
                let Field::Intrinsic(intrinsic) = *condition.field else {
                    continue;
                };
                let (id, kind, digits) = match intrinsic {
                    Intrinsic::LinkTraceId => {
                        (link.map_or(&[][..], |link| &link.trace_id), Id::Trace, 0)
                    }
                    _ => (link.map_or(&[][..], |link| &link.span_id), Id::Span, 16),
                };
                if condition.test.id(id, kind) {
                    let number = id.iter().fold(0, |id, byte| (id << 8) | u128::from(*byte));
                    let value = Computed::Id(number, digits);
                    values.push((Name::Intrinsic(intrinsic), value));
                } else if self.all {
                    return None;
                }
            }
            self.enough(&self.link, values.len(), values)
        };
        joined(links.into_iter().map(one))
    }
}

/// The values of all events or links that have what they must have, of which there has to be one.
fn joined<'a>(all: impl Iterator<Item = Read<'a>>) -> Read<'a> {
    all.flatten().reduce(|mut values, more| {
        values.extend(more);
        values
    })
}
