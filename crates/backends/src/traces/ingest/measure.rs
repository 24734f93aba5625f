//! The size of a protobuf message in memory, read off the wire without decoding it.

use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};

use crate::traces::store::budget::{Budget, Spent};
use crate::wire::measure::field;

/// The messages of a trace request that contain others.
#[derive(Clone, Copy)]
enum Message {
    Request,
    ResourceSpans,
    Resource,
    EntityRef,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    KeyValue,
    AnyValue,
    ArrayValue,
    KeyValueList,
    /// Without messages in it: a status.
    Leaf,
}

/// Kind of a field of a message.
enum Field {
    Message(Message, usize),
    /// A text or bytes.
    Bytes,
    /// An element of a list of texts.
    Text,
    /// Nothing that takes memory.
    Nothing,
}

/// Messages within messages that decoders follow.
const MAX_DEPTH: usize = 100;

impl Message {
    /// The numbers are those of `opentelemetry/proto`.
    fn field(self, number: u32) -> Field {
        use Message as M;
        let one = |message, size| Field::Message(message, size);
        match (self, number) {
            (M::Request, 1) => one(M::ResourceSpans, 2 * size_of::<ResourceSpans>()),
            (M::ResourceSpans, 1) => one(M::Resource, size_of::<Resource>()),
            (M::ResourceSpans, 2) => one(M::ScopeSpans, 2 * size_of::<ScopeSpans>()),
            (M::ScopeSpans, 1) => one(M::Scope, size_of::<InstrumentationScope>()),
            (M::ScopeSpans, 2) => one(M::Span, 2 * size_of::<Span>()),
            (M::Span, 11) => one(M::Event, 2 * size_of::<span::Event>()),
            (M::Span, 13) => one(M::Link, 2 * size_of::<span::Link>()),
            (M::Span, 15) => one(M::Leaf, 0),
            (M::Resource, 1) | (M::Scope | M::Event, 3) | (M::Span, 9) | (M::Link, 4) => {
                one(M::KeyValue, 2 * size_of::<KeyValue>())
            }
            (M::Resource, 3) => one(M::EntityRef, 2 * size_of::<EntityRef>()),
            (M::KeyValue, 2) => one(M::AnyValue, 0),
            (M::AnyValue, 5) => one(M::ArrayValue, 0),
            (M::AnyValue, 6) => one(M::KeyValueList, 0),
            (M::ArrayValue, 1) => one(M::AnyValue, 2 * size_of::<AnyValue>()),
            (M::KeyValueList, 1) => one(M::KeyValue, 2 * size_of::<KeyValue>()),
            (M::EntityRef, 3 | 4) => Field::Text,
            (M::ResourceSpans | M::ScopeSpans, 3)
            | (M::EntityRef | M::Scope | M::Link, 1 | 2)
            | (M::Span, 1..=5)
            | (M::Event | M::Leaf, 2)
            | (M::Link, 3)
            | (M::KeyValue, 1)
            | (M::AnyValue, 1 | 7) => Field::Bytes,
            _ => Field::Nothing,
        }
    }
}

/// Counts what a request takes. Where the bytes stop making sense it stops as well: decoding will
/// stop there, too, and say so.
///
/// # Errors
///
/// [`Spent`], as soon as the budget does not suffice.
pub(super) fn request(body: &[u8], budget: &mut Budget) -> Result<(), Spent> {
    // Open messages, each with its bytes that are left.
    let mut open: Vec<(Message, &[u8])> = vec![(Message::Request, body)];
    while let Some((message, rest)) = open.last_mut() {
        let message = *message;
        if rest.is_empty() {
            open.pop();
            continue;
        }
        let Some((number, content)) = field(rest) else {
            return Ok(());
        };
        let Some(content) = content else { continue };
        match message.field(number) {
            Field::Message(inner, size) => {
                budget.pay(size)?;
                if open.len() >= MAX_DEPTH {
                    return Ok(());
                }
                open.push((inner, content));
            }
            Field::Bytes => budget.bytes(content.len())?,
            Field::Text => {
                budget.element::<String>()?;
                budget.bytes(content.len())?;
            }
            Field::Nothing => {}
        }
    }
    Ok(())
}
