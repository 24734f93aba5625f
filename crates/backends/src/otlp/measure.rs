//! The memory of the messages that the requests of all signals have in common, for
//! [`measure`](crate::wire::measure). The numbers of the fields are those of `opentelemetry/proto`.
//!
//! Sizes of elements are doubled because the capacity of a list may be twice its length.

use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::wire::measure::Field::{self, Bytes, Messages, Text};
use crate::wire::measure::Shape;

/// A resource.
pub(crate) const RESOURCE: Field = Messages(&RESOURCE_SHAPE, size_of::<Resource>());

/// A scope.
pub(crate) const SCOPE: Field = Messages(&SCOPE_SHAPE, size_of::<InstrumentationScope>());

/// An element of a list of attributes.
pub(crate) const ATTRIBUTE: Field = Messages(&KEY_VALUE, PAIR);

const PAIR: usize = 2 * size_of::<KeyValue>();

/// A value in its place.
pub(crate) const VALUE: Field = Messages(&ANY_VALUE, 0);

static RESOURCE_SHAPE: Shape = Shape(&[
    (1, ATTRIBUTE),
    (3, Messages(&ENTITY_REF, 2 * size_of::<EntityRef>())),
]);

static ENTITY_REF: Shape = Shape(&[(1, Bytes), (2, Bytes), (3, Text), (4, Text)]);

static SCOPE_SHAPE: Shape = Shape(&[(1, Bytes), (2, Bytes), (3, ATTRIBUTE)]);

// These contain themselves, so none of the constants above can be used.
static KEY_VALUE: Shape = Shape(&[(1, Bytes), (2, Messages(&ANY_VALUE, 0))]);

static ANY_VALUE: Shape = Shape(&[
    (1, Bytes),
    (5, Messages(&ARRAY_VALUE, 0)),
    (6, Messages(&KEY_VALUE_LIST, 0)),
    (7, Bytes),
]);

static ARRAY_VALUE: Shape = Shape(&[(1, Messages(&ANY_VALUE, 2 * size_of::<AnyValue>()))]);

static KEY_VALUE_LIST: Shape = Shape(&[(1, Messages(&KEY_VALUE, PAIR))]);
