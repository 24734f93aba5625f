//! Dictionary of texts, resources and scopes that spans share. Spans are converted here into and out of
//! their kept form.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span as WireSpan, Status, span,
};
use prost::Message;

use super::pool::Pool;
use super::span::{Attribute, Event, Extra, Link, Span, Value, Word, attributes_bytes};

/// The resource attribute that names a service.
const SERVICE_NAME: &str = "service.name";

/// Where a span came from. The full message is its key in the pool.
pub(crate) struct Resource {
    pub(crate) attributes: Box<[Attribute]>,
    pub(crate) service: Option<Word>,
}

/// The library that made a span. The full message is its key in the pool.
pub(crate) struct Scope {
    pub(crate) name: Word,
    pub(crate) version: Word,
    pub(crate) attributes: Box<[Attribute]>,
}

/// Everything that spans refer to by number.
pub(crate) struct Dictionary {
    words: Pool<str, ()>,
    resources: Pool<[u8], Resource>,
    scopes: Pool<[u8], Scope>,
    /// Attributes of resources and scopes.
    attribute_bytes: usize,
}

impl Dictionary {
    pub(super) fn new() -> Self {
        Self {
            words: Pool::new(),
            resources: Pool::new(),
            scopes: Pool::new(),
            attribute_bytes: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.bytes() + self.resources.bytes() + self.scopes.bytes() + self.attribute_bytes
    }

    /// The number of a text, if any span, resource or scope uses it.
    pub(crate) fn find(&self, text: &str) -> Option<Word> {
        self.words.find(text)
    }

    pub(crate) fn text(&self, word: Word) -> &str {
        self.words.key(word)
    }

    pub(crate) fn resource(&self, number: u32) -> &Resource {
        self.resources.value(number)
    }

    pub(crate) fn scope(&self, number: u32) -> &Scope {
        self.scopes.value(number)
    }

    /// The service of a resource.
    pub(crate) fn service(&self, resource: u32) -> Option<Word> {
        self.resource(resource).service
    }

    pub(super) fn word(&mut self, text: &str) -> Word {
        match self.words.reuse(text) {
            Some(word) => word,
            None => self.words.insert(text, ()),
        }
    }

    /// Takes in a resource with its schema; the spans of `batch` are not looked at.
    /// The caller is its user until [`Self::release_resource`].
    pub(super) fn intern_resource(&mut self, batch: &ResourceSpans) -> u32 {
        let key = ResourceSpans {
            resource: batch.resource.clone(),
            scope_spans: Vec::new(),
            schema_url: batch.schema_url.clone(),
        };
        let encoded = key.encode_to_vec();
        if let Some(number) = self.resources.reuse(&encoded) {
            return number;
        }
        let attributes = key.resource.map(|resource| resource.attributes);
        let attributes = self.attributes(attributes.unwrap_or_default());
        self.attribute_bytes += attributes_bytes(&attributes);
        let name = self.words.find(SERVICE_NAME);
        let service = attributes.iter().find_map(|attribute| {
            match (Some(attribute.key) == name, &attribute.value) {
                (true, Value::Text(word)) => Some(*word),
                _ => None,
            }
        });
        let value = Resource {
            attributes,
            service,
        };
        self.resources.insert(&encoded, value)
    }

    pub(super) fn release_resource(&mut self, number: u32) {
        if let Some(resource) = self.resources.release(number) {
            self.attribute_bytes -= attributes_bytes(&resource.attributes);
            self.release_attributes(&resource.attributes);
        }
    }

    /// Takes in a scope with its schema, as [`Self::intern_resource`] does.
    pub(super) fn intern_scope(&mut self, batch: &ScopeSpans) -> u32 {
        let key = ScopeSpans {
            scope: batch.scope.clone(),
            spans: Vec::new(),
            schema_url: batch.schema_url.clone(),
        };
        let encoded = key.encode_to_vec();
        if let Some(number) = self.scopes.reuse(&encoded) {
            return number;
        }
        let scope = key.scope.unwrap_or_default();
        let value = Scope {
            name: self.word(&scope.name),
            version: self.word(&scope.version),
            attributes: self.attributes(scope.attributes),
        };
        self.attribute_bytes += attributes_bytes(&value.attributes);
        self.scopes.insert(&encoded, value)
    }

    pub(super) fn release_scope(&mut self, number: u32) {
        if let Some(scope) = self.scopes.release(number) {
            self.attribute_bytes -= attributes_bytes(&scope.attributes);
            self.words.release(scope.name);
            self.words.release(scope.version);
            self.release_attributes(&scope.attributes);
        }
    }

    /// Brings a span into its kept form and makes it a user of `resource` and `scope`.
    pub(super) fn keep(&mut self, wire: WireSpan, resource: u32, scope: u32) -> Span {
        self.resources.retain(resource);
        self.scopes.retain(scope);
        let status = wire.status.unwrap_or_default();
        let rare = !status.message.is_empty()
            || !wire.trace_state.is_empty()
            || !wire.events.is_empty()
            || !wire.links.is_empty()
            || wire.dropped_attributes_count > 0
            || wire.dropped_events_count > 0
            || wire.dropped_links_count > 0;
        let extra = rare.then(|| {
            Box::new(Extra {
                status_message: (!status.message.is_empty()).then(|| self.word(&status.message)),
                trace_state: wire.trace_state.into_boxed_str(),
                events: wire.events.into_iter().map(|e| self.event(e)).collect(),
                links: wire.links.into_iter().map(|l| self.link(l)).collect(),
                dropped_attributes: wire.dropped_attributes_count,
                dropped_events: wire.dropped_events_count,
                dropped_links: wire.dropped_links_count,
            })
        });
        Span {
            id: id_number(&wire.span_id),
            parent: id_number(&wire.parent_span_id),
            start: wire.start_time_unix_nano,
            end: wire.end_time_unix_nano,
            name: self.word(&wire.name),
            resource,
            scope,
            flags: wire.flags,
            kind: u8::try_from(wire.kind).unwrap_or(0),
            status: u8::try_from(status.code).unwrap_or(0),
            attributes: self.attributes(wire.attributes),
            extra,
        }
    }

    /// Gives back all that a span uses.
    pub(super) fn release(&mut self, span: &Span) {
        self.release_resource(span.resource);
        self.release_scope(span.scope);
        self.words.release(span.name);
        self.release_attributes(&span.attributes);
        let Some(extra) = &span.extra else { return };
        if let Some(message) = extra.status_message {
            self.words.release(message);
        }
        for event in &extra.events {
            self.words.release(event.name);
            self.release_attributes(&event.attributes);
        }
        for link in &extra.links {
            self.release_attributes(&link.attributes);
        }
    }

    /// A resource as it came, without spans.
    pub(crate) fn wire_resource(&self, number: u32) -> ResourceSpans {
        encoded(self.resources.key(number))
    }

    /// A scope as it came, without spans.
    pub(crate) fn wire_scope(&self, number: u32) -> ScopeSpans {
        encoded(self.scopes.key(number))
    }

    /// A span as it came.
    pub(super) fn wire_span(&self, trace_id: u128, span: &Span) -> WireSpan {
        let parent_span_id = match span.parent {
            0 => Vec::new(),
            parent => parent.to_be_bytes().to_vec(),
        };
        let message = span.status_message().map(|word| self.text(word).to_owned());
        let mut wire = WireSpan {
            trace_id: trace_id.to_be_bytes().to_vec(),
            span_id: span.id.to_be_bytes().to_vec(),
            parent_span_id,
            flags: span.flags,
            name: self.text(span.name).to_owned(),
            kind: span.kind.into(),
            start_time_unix_nano: span.start,
            end_time_unix_nano: span.end,
            attributes: self.wire_attributes(&span.attributes),
            status: Some(Status {
                message: message.unwrap_or_default(),
                code: span.status.into(),
            }),
            ..WireSpan::default()
        };
        if let Some(extra) = &span.extra {
            wire.trace_state = extra.trace_state.to_string();
            wire.dropped_attributes_count = extra.dropped_attributes;
            wire.dropped_events_count = extra.dropped_events;
            wire.dropped_links_count = extra.dropped_links;
            wire.events = extra.events.iter().map(|e| self.wire_event(e)).collect();
            wire.links = extra.links.iter().map(|l| self.wire_link(l)).collect();
        }
        wire
    }

    fn event(&mut self, wire: span::Event) -> Event {
        Event {
            time: wire.time_unix_nano,
            name: self.word(&wire.name),
            attributes: self.attributes(wire.attributes),
            dropped_attributes: wire.dropped_attributes_count,
        }
    }

    fn wire_event(&self, event: &Event) -> span::Event {
        span::Event {
            time_unix_nano: event.time,
            name: self.text(event.name).to_owned(),
            attributes: self.wire_attributes(&event.attributes),
            dropped_attributes_count: event.dropped_attributes,
        }
    }

    fn link(&mut self, wire: span::Link) -> Link {
        Link {
            trace_id: wire.trace_id.into_boxed_slice(),
            span_id: wire.span_id.into_boxed_slice(),
            trace_state: wire.trace_state.into_boxed_str(),
            attributes: self.attributes(wire.attributes),
            dropped_attributes: wire.dropped_attributes_count,
            flags: wire.flags,
        }
    }

    fn wire_link(&self, link: &Link) -> span::Link {
        span::Link {
            trace_id: link.trace_id.to_vec(),
            span_id: link.span_id.to_vec(),
            trace_state: link.trace_state.to_string(),
            attributes: self.wire_attributes(&link.attributes),
            dropped_attributes_count: link.dropped_attributes,
            flags: link.flags,
        }
    }

    fn attributes(&mut self, wire: Vec<KeyValue>) -> Box<[Attribute]> {
        // Collecting would reuse the larger allocation of the message and leave holes behind.
        let mut attributes = Vec::with_capacity(wire.len());
        for pair in wire {
            attributes.push(Attribute {
                key: self.word(&pair.key),
                value: self.value(pair.value.unwrap_or_default()),
            });
        }
        attributes.into_boxed_slice()
    }

    fn value(&mut self, wire: AnyValue) -> Value {
        match wire.value {
            Some(any_value::Value::StringValue(text)) => Value::Text(self.word(&text)),
            Some(any_value::Value::BoolValue(value)) => Value::Bool(value),
            Some(any_value::Value::IntValue(value)) => Value::Int(value),
            Some(any_value::Value::DoubleValue(value)) => Value::Double(value),
            _ => Value::Other(Box::new(wire)),
        }
    }

    fn release_attributes(&mut self, attributes: &[Attribute]) {
        for attribute in attributes {
            self.words.release(attribute.key);
            if let Value::Text(word) = attribute.value {
                self.words.release(word);
            }
        }
    }

    fn wire_attributes(&self, attributes: &[Attribute]) -> Vec<KeyValue> {
        attributes
            .iter()
            .map(|attribute| KeyValue {
                key: self.text(attribute.key).to_owned(),
                value: Some(self.wire_value(&attribute.value)),
                ..KeyValue::default()
            })
            .collect()
    }

    pub(crate) fn wire_value(&self, value: &Value) -> AnyValue {
        let value = match value {
            Value::Text(word) => any_value::Value::StringValue(self.text(*word).to_owned()),
            Value::Bool(value) => any_value::Value::BoolValue(*value),
            Value::Int(value) => any_value::Value::IntValue(*value),
            Value::Double(value) => any_value::Value::DoubleValue(*value),
            Value::Other(value) => return AnyValue::clone(value),
        };
        AnyValue { value: Some(value) }
    }
}

/// A message that this store encoded as the key of an entry.
#[expect(clippy::expect_used, reason = "the store encoded it itself")]
fn encoded<M: Message + Default>(key: &[u8]) -> M {
    M::decode(key).expect("what was encoded decodes")
}

/// An id of at most eight bytes as a number; longer ones have been refused before.
fn id_number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |id, byte| (id << 8) | u64::from(*byte))
}
