//! A span as it is kept: fixed-size numbers, and words for every text.

use opentelemetry_proto::tonic::common::v1::AnyValue;
use prost::Message;

/// The number of a text in the [`Dictionary`](super::dictionary::Dictionary).
pub(crate) type Word = u32;

/// One span. Ids are the big-endian bytes read as a number; a parent of 0 is none.
pub(crate) struct Span {
    pub(crate) id: u64,
    pub(crate) parent: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) start: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) end: u64,
    pub(crate) name: Word,
    pub(crate) resource: u32,
    pub(crate) scope: u32,
    pub(crate) flags: u32,
    /// OTLP's number: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    pub(crate) kind: u8,
    /// OTLP's number: 0 unset, 1 ok, 2 error.
    pub(crate) status: u8,
    pub(crate) attributes: Box<[Attribute]>,
    /// Fields that most spans lack.
    pub(crate) extra: Option<Box<Extra>>,
}

/// A key and its value.
pub(crate) struct Attribute {
    pub(crate) key: Word,
    pub(crate) value: Value,
}

/// An attribute's value; the rare shapes stay as they came.
pub(crate) enum Value {
    Text(Word),
    Bool(bool),
    Int(i64),
    Double(f64),
    Other(Box<AnyValue>),
}

/// The parts of a span that are usually empty.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) status_message: Option<Word>,
    pub(crate) trace_state: Box<str>,
    pub(crate) events: Box<[Event]>,
    pub(crate) links: Box<[Link]>,
    pub(crate) dropped_attributes: u32,
    pub(crate) dropped_events: u32,
    pub(crate) dropped_links: u32,
}

/// Something that happened during a span.
pub(crate) struct Event {
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: u64,
    pub(crate) name: Word,
    pub(crate) attributes: Box<[Attribute]>,
    pub(crate) dropped_attributes: u32,
}

/// A reference to another span.
pub(crate) struct Link {
    pub(crate) trace_id: Box<[u8]>,
    pub(crate) span_id: Box<[u8]>,
    pub(crate) trace_state: Box<str>,
    pub(crate) attributes: Box<[Attribute]>,
    pub(crate) dropped_attributes: u32,
    pub(crate) flags: u32,
}

/// Bytes of an allocation besides its content.
const ALLOCATION: usize = 16;

impl Span {
    /// Nanoseconds from start to end; 0 where a clock ran backwards.
    pub(crate) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    pub(crate) fn events(&self) -> &[Event] {
        self.extra.as_ref().map_or(&[], |extra| &extra.events)
    }

    pub(crate) fn links(&self) -> &[Link] {
        self.extra.as_ref().map_or(&[], |extra| &extra.links)
    }

    pub(crate) fn status_message(&self) -> Option<Word> {
        self.extra.as_ref()?.status_message
    }

    /// Bytes behind the span's own fixed size, estimated.
    pub(crate) fn heap_bytes(&self) -> usize {
        attributes_bytes(&self.attributes)
            + self.extra.as_ref().map_or(0, |extra| extra.heap_bytes())
    }
}

impl Extra {
    fn heap_bytes(&self) -> usize {
        let events: usize = self
            .events
            .iter()
            .map(|event| size_of::<Event>() + attributes_bytes(&event.attributes))
            .sum();
        let links: usize = self
            .links
            .iter()
            .map(|link| {
                size_of::<Link>()
                    + 3 * ALLOCATION
                    + link.trace_id.len()
                    + link.span_id.len()
                    + link.trace_state.len()
                    + attributes_bytes(&link.attributes)
            })
            .sum();
        size_of::<Self>() + 4 * ALLOCATION + self.trace_state.len() + events + links
    }
}

/// Bytes of a list of attributes, estimated.
pub(crate) fn attributes_bytes(attributes: &[Attribute]) -> usize {
    let others: usize = attributes
        .iter()
        .map(|attribute| match &attribute.value {
            // A decoded value takes a few times what it takes on the wire.
            Value::Other(value) => 64 + 8 * value.encoded_len(),
            _ => 0,
        })
        .sum();
    ALLOCATION + size_of_val(attributes) + others
}
