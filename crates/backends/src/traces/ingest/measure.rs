//! The memory of each element of a trace request, for [`measure`](crate::wire::measure). The numbers of
//! the fields are those of `opentelemetry/proto`.
//!
//! Sizes of elements are doubled because the capacity of a list may be twice its length.

use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};

use crate::wire::measure::Field::{Bytes, Messages, Text};
use crate::wire::measure::Shape;

/// `ExportTraceServiceRequest`
pub(super) static REQUEST: Shape =
    Shape(&[(1, Messages(&RESOURCE_SPANS, 2 * size_of::<ResourceSpans>()))]);

static RESOURCE_SPANS: Shape = Shape(&[
    (1, Messages(&RESOURCE, size_of::<Resource>())),
    (2, Messages(&SCOPE_SPANS, 2 * size_of::<ScopeSpans>())),
    (3, Bytes),
]);

static RESOURCE: Shape = Shape(&[
    (1, Messages(&KEY_VALUE, ATTRIBUTE)),
    (3, Messages(&ENTITY_REF, 2 * size_of::<EntityRef>())),
]);

static ENTITY_REF: Shape = Shape(&[(1, Bytes), (2, Bytes), (3, Text), (4, Text)]);

static SCOPE_SPANS: Shape = Shape(&[
    (1, Messages(&SCOPE, size_of::<InstrumentationScope>())),
    (2, Messages(&SPAN, 2 * size_of::<Span>())),
    (3, Bytes),
]);

static SCOPE: Shape = Shape(&[(1, Bytes), (2, Bytes), (3, Messages(&KEY_VALUE, ATTRIBUTE))]);

static SPAN: Shape = Shape(&[
    (1, Bytes),
    (2, Bytes),
    (3, Bytes),
    (4, Bytes),
    (5, Bytes),
    (9, Messages(&KEY_VALUE, ATTRIBUTE)),
    (11, Messages(&EVENT, 2 * size_of::<span::Event>())),
    (13, Messages(&LINK, 2 * size_of::<span::Link>())),
    (15, Messages(&STATUS, 0)),
]);

static EVENT: Shape = Shape(&[(2, Bytes), (3, Messages(&KEY_VALUE, ATTRIBUTE))]);

static LINK: Shape = Shape(&[
    (1, Bytes),
    (2, Bytes),
    (3, Bytes),
    (4, Messages(&KEY_VALUE, ATTRIBUTE)),
]);

static STATUS: Shape = Shape(&[(2, Bytes)]);

const ATTRIBUTE: usize = 2 * size_of::<KeyValue>();

static KEY_VALUE: Shape = Shape(&[(1, Bytes), (2, Messages(&ANY_VALUE, 0))]);

static ANY_VALUE: Shape = Shape(&[
    (1, Bytes),
    (5, Messages(&ARRAY_VALUE, 0)),
    (6, Messages(&KEY_VALUE_LIST, 0)),
    (7, Bytes),
]);

static ARRAY_VALUE: Shape = Shape(&[(1, Messages(&ANY_VALUE, 2 * size_of::<AnyValue>()))]);

static KEY_VALUE_LIST: Shape = Shape(&[(1, Messages(&KEY_VALUE, ATTRIBUTE))]);
