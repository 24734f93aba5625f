//! The spans of one trace, whenever they arrived.

use std::collections::HashSet;
use std::time::SystemTime;

use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use super::dictionary::Dictionary;
use super::extent::Extent;
use super::span::{Span, Word};

/// From this many spans on, a set tells which ones are there already.
const SEEN_SET_FROM: usize = 48;

/// Bytes of an entry of the seen set and of the index of traces, at their usual load.
const SEEN_BYTES: usize = 32;
const INDEX_BYTES: usize = 64;

/// One trace. Its spans are in order of arrival.
pub(crate) struct Trace {
    pub(crate) id: u128,
    /// When its first span came in.
    pub(crate) arrived: SystemTime,
    pub(crate) spans: Vec<Span>,
    /// Start of the earliest span, nanoseconds since the Unix epoch.
    pub(crate) start: u64,
    /// End of the latest span, nanoseconds since the Unix epoch.
    pub(crate) end: u64,
    /// Bounds of all spans.
    pub(super) extent: Extent,
    /// The services that took part.
    pub(super) services: Vec<Word>,
    /// Bytes of all spans on the wire.
    pub(super) wire_bytes: usize,
    heap_bytes: usize,
    seen: Option<HashSet<(u64, u8)>>,
}

/// Spans of one scope, within spans of one resource, as positions in [`Trace::spans`].
pub(crate) struct Group {
    resource: u32,
    scopes: Vec<(u32, Vec<usize>)>,
}

/// A part of a trace in the order of OTLP: resources with scopes with spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A resource begins.
    Resource(u32),
    /// A scope begins.
    Scope(u32),
    /// A span, by its position in [`Trace::spans`].
    Span(usize),
    /// A scope ends.
    EndScope(u32),
    /// A resource ends.
    EndResource(u32),
}

impl Trace {
    pub(super) fn new(id: u128, arrived: SystemTime) -> Self {
        Self {
            id,
            arrived,
            spans: Vec::new(),
            start: 0,
            end: 0,
            extent: Extent::new(),
            services: Vec::new(),
            wire_bytes: 0,
            heap_bytes: 0,
            seen: None,
        }
    }

    /// True if a span is there already. Client and server may share an id, so the kind counts too.
    pub(super) fn contains(&self, id: u64, kind: u8) -> bool {
        match &self.seen {
            Some(seen) => seen.contains(&(id, kind)),
            None => self.spans.iter().any(|s| s.id == id && s.kind == kind),
        }
    }

    pub(super) fn push(&mut self, span: Span, wire_bytes: usize) {
        // A start of 0 is a missing time, not the epoch.
        if self.start == 0 || (span.start > 0 && span.start < self.start) {
            self.start = span.start;
        }
        self.end = self.end.max(span.end);
        self.extent.add(&span);
        self.wire_bytes += wire_bytes;
        self.heap_bytes += span.heap_bytes();
        if let Some(seen) = &mut self.seen {
            seen.insert((span.id, span.kind));
        } else if self.spans.len() >= SEEN_SET_FROM {
            let all = self.spans.iter().chain([&span]);
            self.seen = Some(all.map(|s| (s.id, s.kind)).collect());
        }
        if self.spans.len() == self.spans.capacity() {
            self.spans.reserve_exact(1 + self.spans.len() / 2);
        }
        self.spans.push(span);
    }

    /// Bytes that this trace takes, without what it shares with others, estimated.
    pub(super) fn bytes(&self) -> usize {
        // The queue of traces may have up to twice the room it needs.
        size_of::<Self>() * 3 / 2
            + INDEX_BYTES
            + self.spans.capacity() * size_of::<Span>()
            + self.heap_bytes
            + self.services.capacity() * size_of::<Word>()
            + self.seen.as_ref().map_or(0, |s| s.len() * SEEN_BYTES)
    }

    /// Nanoseconds from the earliest start to the latest end.
    pub(crate) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// The span without a parent; of several the last one, as Tempo takes it.
    pub(crate) fn root(&self) -> Option<&Span> {
        let mut roots = self.spans.iter().filter(|span| span.parent == 0);
        let first = roots.next()?;
        if roots.next().is_none() {
            return Some(first);
        }
        let last = self
            .in_order()
            .into_iter()
            .rfind(|&at| self.spans[at].parent == 0);
        last.map(|at| &self.spans[at])
    }

    /// Positions of all spans: by resource, scope and time, groups by their first span.
    pub(crate) fn in_order(&self) -> Vec<usize> {
        self.groups()
            .into_iter()
            .flat_map(|group| group.scopes)
            .flat_map(|(_, spans)| spans)
            .collect()
    }

    /// The trace as a list of what has to be written, one after the other.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(self.spans.len() + 4);
        for group in self.groups() {
            pieces.push(Piece::Resource(group.resource));
            for (scope, spans) in group.scopes {
                pieces.push(Piece::Scope(scope));
                pieces.extend(spans.into_iter().map(Piece::Span));
                pieces.push(Piece::EndScope(scope));
            }
            pieces.push(Piece::EndResource(group.resource));
        }
        pieces
    }

    fn groups(&self) -> Vec<Group> {
        let mut order: Vec<usize> = (0..self.spans.len()).collect();
        order.sort_by_key(|&at| (self.spans[at].start, self.spans[at].id));
        let mut groups: Vec<Group> = Vec::new();
        for at in order {
            let span = &self.spans[at];
            let group = match groups.iter().position(|g| g.resource == span.resource) {
                Some(there) => &mut groups[there],
                None => {
                    groups.push(Group {
                        resource: span.resource,
                        scopes: Vec::new(),
                    });
                    let last = groups.len() - 1;
                    &mut groups[last]
                }
            };
            match group
                .scopes
                .iter_mut()
                .find(|(scope, _)| *scope == span.scope)
            {
                Some((_, spans)) => spans.push(at),
                None => group.scopes.push((span.scope, vec![at])),
            }
        }
        groups
    }

    /// The whole trace as OTLP messages.
    pub(super) fn wire(&self, dictionary: &Dictionary) -> Vec<ResourceSpans> {
        let groups = self.groups().into_iter();
        groups
            .map(|group| {
                let mut batch = dictionary.wire_resource(group.resource);
                let scopes = group.scopes.into_iter();
                batch.scope_spans = scopes
                    .map(|(scope, spans)| {
                        let mut batch = dictionary.wire_scope(scope);
                        let spans = spans.into_iter().map(|at| &self.spans[at]);
                        batch.spans = spans.map(|s| dictionary.wire_span(self.id, s)).collect();
                        batch
                    })
                    .collect();
                batch
            })
            .collect()
    }
}
