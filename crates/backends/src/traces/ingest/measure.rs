//! The memory of each element of a request for traces, for [`measure`](crate::wire::measure). The numbers of
//! the fields are those of `opentelemetry/proto`.

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};

use crate::otlp::measure::{ATTRIBUTE, RESOURCE, SCOPE};
use crate::wire::measure::Field::{Bytes, Messages};
use crate::wire::measure::Shape;

/// `ExportTraceServiceRequest`
pub(super) static REQUEST: Shape =
    Shape(&[(1, Messages(&RESOURCE_SPANS, 2 * size_of::<ResourceSpans>()))]);

static RESOURCE_SPANS: Shape = Shape(&[
    (1, RESOURCE),
    (2, Messages(&SCOPE_SPANS, 2 * size_of::<ScopeSpans>())),
    (3, Bytes),
]);

static SCOPE_SPANS: Shape = Shape(&[
    (1, SCOPE),
    (2, Messages(&SPAN, 2 * size_of::<Span>())),
    (3, Bytes),
]);

static SPAN: Shape = Shape(&[
    (1, Bytes),
    (2, Bytes),
    (3, Bytes),
    (4, Bytes),
    (5, Bytes),
    (9, ATTRIBUTE),
    (11, Messages(&EVENT, 2 * size_of::<span::Event>())),
    (13, Messages(&LINK, 2 * size_of::<span::Link>())),
    (15, Messages(&STATUS, 0)),
]);

static EVENT: Shape = Shape(&[(2, Bytes), (3, ATTRIBUTE)]);

static LINK: Shape = Shape(&[(1, Bytes), (2, Bytes), (3, Bytes), (4, ATTRIBUTE)]);

static STATUS: Shape = Shape(&[(2, Bytes)]);
