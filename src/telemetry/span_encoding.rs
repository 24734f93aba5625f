//! A finished span as the bytes of its OTLP message.
//!
//! `opentelemetry-proto` builds a tree of owned messages from a span first: a text for each name and each
//! value, which are then measured, copied and freed. At ten thousands of spans a second that costs more
//! than to make the spans. Here the bytes are written straight from the span, once: what waits in the
//! queue is what is sent.
//!
//! Fields and their numbers: [trace.proto], [common.proto], [resource.proto]. A field with its default value is
//! left out, as Protocol Buffers have it.
//!
//! [trace.proto]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/trace/v1/trace.proto
//! [common.proto]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/common/v1/common.proto
//! [resource.proto]: https://github.com/open-telemetry/opentelemetry-proto/blob/v1.9.0/opentelemetry/proto/resource/v1/resource.proto

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Event, Link, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

use super::live;

/// Attribute in which a span takes its `tracestate` along to the export, where it becomes the
/// field that OTLP has for it. The SDK's own type refuses keys that are allowed.
pub(super) const TRACE_STATE: &str = "w3c.tracestate";

/// Bytes of a span of this service, roughly.
pub(super) const USUAL_BYTES: usize = 512;

/// Field of `ScopeSpans` that holds a span.
const SCOPE_SPANS_SPAN: u64 = 2;

/// `SpanFlags`: the second says that the first is known.
const PARENT_IS_REMOTE: u32 = 0x200;
const PARENT_IS_REMOTE_IS_KNOWN: u32 = 0x100;

/// Appends a span as a field of `ScopeSpans`.
pub(super) fn push_span(out: &mut Vec<u8>, span: &SpanData) {
    let ids = &span.span_context;
    let carried = span.attributes.iter().find(|it| is_trace_state(it));
    message(out, SCOPE_SPANS_SPAN, |out| {
        bytes(out, 1, &ids.trace_id().to_bytes());
        bytes(out, 2, &ids.span_id().to_bytes());
        match carried {
            Some(carried) => text(out, 3, &carried.value.as_str()),
            None => trace_state(out, 3, ids),
        }
        if span.parent_span_id != SpanId::INVALID {
            bytes(out, 4, &span.parent_span_id.to_bytes());
        }
        text(out, 5, &span.name);
        number(out, 6, kind(&span.span_kind));
        fixed64(out, 7, nanoseconds(span.start_time));
        fixed64(out, 8, nanoseconds(span.end_time));
        for attribute in span.attributes.iter().filter(|it| !is_trace_state(it)) {
            key_value(out, 9, &attribute.key, &attribute.value);
        }
        number(out, 10, u64::from(span.dropped_attributes_count));
        for it in span.events.iter() {
            event(out, 11, it);
        }
        number(out, 12, u64::from(span.events.dropped_count));
        for it in span.links.iter() {
            link(out, 13, it);
        }
        number(out, 14, u64::from(span.links.dropped_count));
        status(out, 15, &span.status);
        fixed32(out, 16, flags(ids, span.parent_span_is_remote));
    });
}

/// The fields of `ResourceSpans` that are the same for all spans of a process.
pub(super) fn resource(resource: &Resource) -> Vec<u8> {
    let mut out = Vec::new();
    message(&mut out, 1, |out| {
        for (key, value) in resource.iter() {
            key_value(out, 1, key, value);
        }
    });
    text(&mut out, 3, resource.schema_url().unwrap_or_default());
    out
}

/// The fields of `ScopeSpans` that are not spans.
pub(super) fn scope(scope: &InstrumentationScope) -> Vec<u8> {
    let mut out = Vec::new();
    message(&mut out, 1, |out| {
        text(out, 1, scope.name());
        text(out, 2, scope.version().unwrap_or_default());
        attributes(out, 3, scope.attributes());
    });
    text(&mut out, 3, scope.schema_url().unwrap_or_default());
    out
}

/// The key of a field that holds `length` bytes, and that length: what stands before a nested message.
pub(super) fn prefix(field: u64, length: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    key(&mut out, field, 2);
    varint(&mut out, length as u64);
    out
}

fn is_trace_state(attribute: &KeyValue) -> bool {
    attribute.key.as_str() == TRACE_STATE
}

fn attributes<'a>(out: &mut Vec<u8>, field: u64, all: impl IntoIterator<Item = &'a KeyValue>) {
    for attribute in all {
        key_value(out, field, &attribute.key, &attribute.value);
    }
}

fn key_value(out: &mut Vec<u8>, field: u64, name: &Key, value: &Value) {
    message(out, field, |out| {
        text(out, 1, name.as_str());
        message(out, 2, |out| any_value(out, value));
    });
}

/// The one field of `AnyValue`, which is there with a default value too.
fn any_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(value) => any_text(out, value.as_str()),
        Value::Bool(value) => any_bool(out, *value),
        Value::I64(value) => any_integer(out, *value),
        Value::F64(value) => any_double(out, *value),
        Value::Array(values) => message(out, 5, |out| array(out, values)),
        // A kind that a later version of the crate adds.
        other => any_text(out, &other.as_str()),
    }
}

fn array(out: &mut Vec<u8>, values: &Array) {
    fn each<T>(out: &mut Vec<u8>, values: &[T], one: impl Fn(&mut Vec<u8>, &T)) {
        for value in values {
            message(out, 1, |out| one(out, value));
        }
    }
    match values {
        Array::Bool(values) => each(out, values, |out, it| any_bool(out, *it)),
        Array::I64(values) => each(out, values, |out, it| any_integer(out, *it)),
        Array::F64(values) => each(out, values, |out, it| any_double(out, *it)),
        Array::String(values) => each(out, values, |out, it| any_text(out, it.as_str())),
        other => each(out, &[other.to_string()], |out, it| any_text(out, it)),
    }
}

fn any_text(out: &mut Vec<u8>, value: &str) {
    key(out, 1, 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

fn any_bool(out: &mut Vec<u8>, value: bool) {
    key(out, 2, 0);
    varint(out, u64::from(value));
}

fn any_integer(out: &mut Vec<u8>, value: i64) {
    key(out, 3, 0);
    varint(out, value.cast_unsigned());
}

fn any_double(out: &mut Vec<u8>, value: f64) {
    key(out, 4, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn event(out: &mut Vec<u8>, field: u64, event: &Event) {
    message(out, field, |out| {
        fixed64(out, 1, nanoseconds(event.timestamp));
        text(out, 2, &event.name);
        attributes(out, 3, &event.attributes);
        number(out, 4, u64::from(event.dropped_attributes_count));
    });
}

fn link(out: &mut Vec<u8>, field: u64, link: &Link) {
    let ids = &link.span_context;
    message(out, field, |out| {
        bytes(out, 1, &ids.trace_id().to_bytes());
        bytes(out, 2, &ids.span_id().to_bytes());
        trace_state(out, 3, ids);
        attributes(out, 4, &link.attributes);
        number(out, 5, u64::from(link.dropped_attributes_count));
        fixed32(out, 6, flags(ids, ids.is_remote()));
    });
}

fn status(out: &mut Vec<u8>, field: u64, status: &Status) {
    message(out, field, |out| match status {
        Status::Unset => {}
        Status::Ok => number(out, 3, 1),
        Status::Error { description } => {
            text(out, 2, description);
            number(out, 3, 2);
        }
    });
}

fn trace_state(out: &mut Vec<u8>, field: u64, ids: &SpanContext) {
    let state = ids.trace_state();
    // The header is a text of its own, and nearly always empty.
    if *state != opentelemetry::trace::TraceState::NONE {
        text(out, field, &state.header());
    }
}

fn flags(ids: &SpanContext, is_remote: bool) -> u32 {
    let remote = if is_remote { PARENT_IS_REMOTE } else { 0 };
    u32::from(ids.trace_flags().to_u8()) | PARENT_IS_REMOTE_IS_KNOWN | remote
}

fn kind(kind: &SpanKind) -> u64 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// Since 1970, by the clock of this telemetry; a time before is 0.
fn nanoseconds(time: SystemTime) -> u64 {
    let offset = live::clock_offset() * 1_000_000_000;
    time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        (since.as_nanos() as u64).saturating_add_signed(offset)
    })
}

/// A field that holds a message. Its length comes before it and is known after it; most have a length of
/// one byte, and the others are moved up.
fn message(out: &mut Vec<u8>, field: u64, body: impl FnOnce(&mut Vec<u8>)) {
    key(out, field, 2);
    let start = out.len();
    out.push(0);
    body(out);
    let length = out.len() - start - 1;
    match u8::try_from(length) {
        Ok(length) if length < 0x80 => out[start] = length,
        _ => {
            let mut encoded = Vec::with_capacity(8);
            varint(&mut encoded, length as u64);
            out.splice(start..=start, encoded);
        }
    }
}

fn text(out: &mut Vec<u8>, field: u64, value: &str) {
    bytes(out, field, value.as_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    if !value.is_empty() {
        key(out, field, 2);
        varint(out, value.len() as u64);
        out.extend_from_slice(value);
    }
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        key(out, field, 0);
        varint(out, value);
    }
}

fn fixed64(out: &mut Vec<u8>, field: u64, value: u64) {
    if value != 0 {
        key(out, field, 1);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn fixed32(out: &mut Vec<u8>, field: u64, value: u32) {
    if value != 0 {
        key(out, field, 5);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Number of a field, and how its value is written: 0 as a number of any length, 1 in 8 bytes, 2 with its
/// length before it, 5 in 4 bytes.
fn key(out: &mut Vec<u8>, field: u64, form: u64) {
    varint(out, field << 3 | form);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::Duration;

    use opentelemetry::trace::{TraceFlags, TraceId, TraceState};
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use proptest::prelude::*;
    use proptest::strategy::ValueTree as _;
    use prost::Message as _;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e300..1e300).prop_map(|it: f64| Value::from(it)),
            ".{0,200}".prop_map(|it: String| Value::from(it)),
            prop::collection::vec(any::<bool>(), 0..4).prop_map(|it| Value::Array(Array::Bool(it))),
            prop::collection::vec(any::<i64>(), 0..4).prop_map(|it| Value::Array(Array::I64(it))),
            prop::collection::vec(-1.0..1.0, 0..4).prop_map(|it| Value::Array(Array::F64(it))),
            prop::collection::vec(".{0,40}", 0..4).prop_map(|it| {
                Value::Array(Array::String(it.into_iter().map(Into::into).collect()))
            }),
        ]
    }

    fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
        let one = ("[a-z.]{0,140}", any_value()).prop_map(|(key, value)| KeyValue::new(key, value));
        prop::collection::vec(one, 0..8)
    }

    fn any_ids() -> impl Strategy<Value = SpanContext> {
        let states = prop_oneof![
            Just(TraceState::NONE),
            Just(TraceState::from_key_value([("a", "1"), ("b", "2")]).expect("members")),
        ];
        (any::<u128>(), any::<u64>(), 0..4_u8, any::<bool>(), states).prop_map(
            |(trace, span, flags, remote, state)| {
                SpanContext::new(
                    TraceId::from(trace),
                    SpanId::from(span),
                    TraceFlags::new(flags),
                    remote,
                    state,
                )
            },
        )
    }

    fn any_time() -> impl Strategy<Value = SystemTime> {
        (0..u64::MAX / 4).prop_map(|it| UNIX_EPOCH + Duration::from_nanos(it))
    }

    fn any_events() -> impl Strategy<Value = SpanEvents> {
        let event = (".{0,20}", any_time(), any_attributes(), 0..3_u32)
            .prop_map(|(name, at, attributes, dropped)| Event::new(name, at, attributes, dropped));
        (prop::collection::vec(event, 0..3), 0..3_u32).prop_map(|(all, dropped)| {
            let mut events = SpanEvents::default();
            events.events = all;
            events.dropped_count = dropped;
            events
        })
    }

    fn any_links() -> impl Strategy<Value = SpanLinks> {
        let link = (any_ids(), any_attributes(), 0..3_u32)
            .prop_map(|(ids, attributes, dropped)| Link::new(ids, attributes, dropped));
        (prop::collection::vec(link, 0..3), 0..3_u32).prop_map(|(all, dropped)| {
            let mut links = SpanLinks::default();
            links.links = all;
            links.dropped_count = dropped;
            links
        })
    }

    fn any_span() -> impl Strategy<Value = SpanData> {
        let kinds = prop::sample::select(vec![
            SpanKind::Internal,
            SpanKind::Server,
            SpanKind::Client,
            SpanKind::Producer,
            SpanKind::Consumer,
        ]);
        let statuses = prop_oneof![
            Just(Status::Unset),
            Just(Status::Ok),
            ".{0,200}".prop_map(Status::error),
        ];
        let head = (any_ids(), 0..3_u64, any::<bool>(), kinds, ".{0,200}");
        let times = (any_time(), any_time());
        let rest = (any_attributes(), 0..3_u32, any_events(), any_links());
        (head, times, rest, statuses).prop_map(|(head, times, rest, status)| SpanData {
            span_context: head.0,
            parent_span_id: SpanId::from(head.1),
            parent_span_is_remote: head.2,
            span_kind: head.3,
            name: Cow::Owned(head.4),
            start_time: times.0,
            end_time: times.1,
            attributes: rest.0,
            dropped_attributes_count: rest.1,
            events: rest.2,
            links: rest.3,
            status,
            instrumentation_scope: InstrumentationScope::default(),
        })
    }

    fn decoded(span: &SpanData) -> Vec<Span> {
        let mut bytes = Vec::new();
        push_span(&mut bytes, span);
        ScopeSpans::decode(&*bytes).expect("a message").spans
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn a_span_is_the_message_that_the_protocols_own_crate_makes_of_it(span in any_span()) {
            prop_assert_eq!(decoded(&span), [Span::from(span)]);
        }
    }

    #[test]
    fn the_trace_state_that_a_span_carries_is_no_attribute_of_it() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut span = any_span().new_tree(&mut runner).expect("a span").current();
        span.attributes = vec![
            KeyValue::new(TRACE_STATE, "foo@@bar=1"),
            KeyValue::new("a", 1),
        ];
        let [span] = &decoded(&span)[..] else {
            panic!("one span")
        };
        assert_eq!(span.trace_state, "foo@@bar=1");
        let keys: Vec<_> = span.attributes.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["a"]);
    }
}
