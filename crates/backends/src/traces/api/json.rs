//! A trace in Tempo's JSON: ids in base64, 64-bit numbers as strings, enums by name, and nothing
//! that has its default. It is written portion by portion straight from the store, so that a
//! large trace is never in memory a second time.

use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::KeyValue;

use super::writer::{Json, Object};
use crate::traces::Store;
use crate::traces::store::{Attribute, Dictionary, Event, Index, Link, Piece, Span, Value};

/// Bytes from which on a portion is given away.
const PORTION: usize = 64 << 10;

/// JSON around the resources of a trace.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

/// A trace that is being written.
pub(super) struct TraceJson {
    id: u128,
    /// Which tells this trace from a later one of the same id.
    arrived: SystemTime,
    pieces: Vec<Piece>,
    next: usize,
    frame: Frame,
}

/// The trace was thrown away while it was being written.
#[derive(Debug, thiserror::Error)]
#[error("the trace was evicted while it was being read")]
pub(super) struct Gone;

impl TraceJson {
    /// Lays out a trace; `None` if there is none of this id.
    pub(super) fn new(store: &Store, id: u128, frame: Frame) -> Option<Self> {
        store.read(|index| {
            let trace = index.by_id(id)?;
            Some(Self {
                id,
                arrived: trace.arrived,
                pieces: trace.pieces(),
                next: 0,
                frame,
            })
        })
    }

    /// The next part of the text, and whether it is the last one.
    pub(super) fn portion(&mut self, store: &Store) -> Result<(Vec<u8>, bool), Gone> {
        let mut json = Json::default();
        if self.next == 0 {
            json.raw(self.frame.before);
        }
        store.read(|index| self.write(&mut json, index))?;
        let last = self.next == self.pieces.len();
        if last {
            json.raw(self.frame.after);
        }
        Ok((json.into_bytes(), last))
    }

    fn write(&mut self, json: &mut Json, index: &Index) -> Result<(), Gone> {
        // Positions of spans and numbers of resources hold as long as the trace is there.
        let trace = index
            .by_id(self.id)
            .filter(|trace| trace.arrived == self.arrived);
        let trace = trace.ok_or(Gone)?;
        let dictionary = &index.dictionary;
        while let Some(piece) = self.pieces.get(self.next)
            && json.len() < PORTION
        {
            let before = self.next.checked_sub(1).map(|at| self.pieces[at]);
            let first = !matches!(
                before,
                Some(Piece::Span(_) | Piece::EndScope(_) | Piece::EndResource(_))
            );
            match *piece {
                Piece::Resource(number) => {
                    json.raw(if first {
                        "{\"resource\":"
                    } else {
                        ",{\"resource\":"
                    });
                    let resource = dictionary
                        .wire_resource(number)
                        .resource
                        .unwrap_or_default();
                    json.object(|object| {
                        object.list("attributes", &resource.attributes, pair);
                        object.number("droppedAttributesCount", resource.dropped_attributes_count);
                    });
                    json.raw(",\"scopeSpans\":[");
                }
                Piece::Scope(number) => {
                    json.raw(if first { "{\"scope\":" } else { ",{\"scope\":" });
                    let scope = dictionary.wire_scope(number).scope.unwrap_or_default();
                    json.object(|object| {
                        object.text("name", &scope.name);
                        object.text("version", &scope.version);
                        object.list("attributes", &scope.attributes, pair);
                        object.number("droppedAttributesCount", scope.dropped_attributes_count);
                    });
                    json.raw(",\"spans\":[");
                }
                Piece::Span(at) => {
                    if !first {
                        json.raw(",");
                    }
                    let span = trace.spans.get(at).ok_or(Gone)?;
                    json.object(|object| self::span(object, dictionary, self.id, span));
                }
                Piece::EndScope(number) => {
                    end(json, &dictionary.wire_scope(number).schema_url);
                }
                Piece::EndResource(number) => {
                    end(json, &dictionary.wire_resource(number).schema_url);
                }
            }
            self.next += 1;
        }
        Ok(())
    }
}

/// Ends a list and the object that it is the last but one member of.
fn end(json: &mut Json, schema_url: &str) {
    json.raw("]");
    if !schema_url.is_empty() {
        json.raw(",\"schemaUrl\":");
        json.text(schema_url);
    }
    json.raw("}");
}

fn span(object: &mut Object<'_>, dictionary: &Dictionary, trace_id: u128, span: &Span) {
    object.bytes("traceId", &trace_id.to_be_bytes());
    object.bytes("spanId", &span.id.to_be_bytes());
    if span.parent != 0 {
        object.bytes("parentSpanId", &span.parent.to_be_bytes());
    }
    let extra = span.extra.as_deref();
    object.text("traceState", extra.map_or("", |extra| &extra.trace_state));
    object.number("flags", span.flags);
    object.text("name", dictionary.text(span.name));
    choice(object, "kind", span.kind, kind(span.kind));
    object.long("startTimeUnixNano", span.start);
    object.long("endTimeUnixNano", span.end);
    object.list("attributes", &span.attributes, |json, kept| {
        attribute(json, dictionary, kept);
    });
    if let Some(extra) = extra {
        object.number("droppedAttributesCount", extra.dropped_attributes);
        object.list("events", &extra.events, |json, kept| {
            json.object(|object| event(object, dictionary, kept));
        });
        object.number("droppedEventsCount", extra.dropped_events);
        object.list("links", &extra.links, |json, kept| {
            json.object(|object| link(object, dictionary, kept));
        });
        object.number("droppedLinksCount", extra.dropped_links);
    }
    object.key("status").object(|object| {
        let message = span.status_message();
        object.text("message", message.map_or("", |word| dictionary.text(word)));
        choice(object, "code", span.status, status(span.status));
    });
}

fn event(object: &mut Object<'_>, dictionary: &Dictionary, event: &Event) {
    object.long("timeUnixNano", event.time);
    object.text("name", dictionary.text(event.name));
    object.list("attributes", &event.attributes, |json, kept| {
        attribute(json, dictionary, kept);
    });
    object.number("droppedAttributesCount", event.dropped_attributes);
}

fn link(object: &mut Object<'_>, dictionary: &Dictionary, link: &Link) {
    object.bytes("traceId", &link.trace_id);
    object.bytes("spanId", &link.span_id);
    object.text("traceState", &link.trace_state);
    object.list("attributes", &link.attributes, |json, kept| {
        attribute(json, dictionary, kept);
    });
    object.number("droppedAttributesCount", link.dropped_attributes);
    object.number("flags", link.flags);
}

/// Writes one of a list of names, or a number that has none. The first, 0, is left out.
fn choice(object: &mut Object<'_>, member: &str, number: u8, name: &str) {
    match name {
        "" => object.number(member, number.into()),
        name => object.text(member, name),
    }
}

fn kind(number: u8) -> &'static str {
    match number {
        1 => "SPAN_KIND_INTERNAL",
        2 => "SPAN_KIND_SERVER",
        3 => "SPAN_KIND_CLIENT",
        4 => "SPAN_KIND_PRODUCER",
        5 => "SPAN_KIND_CONSUMER",
        _ => "",
    }
}

fn status(number: u8) -> &'static str {
    match number {
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "",
    }
}

/// A kept attribute.
fn attribute(json: &mut Json, dictionary: &Dictionary, attribute: &Attribute) {
    json.object(|object| {
        object.text("key", dictionary.text(attribute.key));
        let json = object.key("value");
        match &attribute.value {
            Value::Text(word) => json.object(|object| {
                object.key("stringValue").text(dictionary.text(*word));
            }),
            other => json.any(&dictionary.wire_value(other)),
        }
    });
}

/// An attribute of a message.
fn pair(json: &mut Json, pair: &KeyValue) {
    match &pair.value {
        Some(value) => json.key_value(&pair.key, value),
        None => json.key_value(&pair.key, &Default::default()),
    }
}
