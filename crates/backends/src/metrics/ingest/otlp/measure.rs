//! The memory of each element of a request for metrics, for [`measure`](crate::wire::measure). The numbers of
//! the fields are those of `opentelemetry/proto`.

use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, SummaryDataPoint, summary_data_point::ValueAtQuantile,
};

use crate::otlp::measure::{ATTRIBUTE, RESOURCE, SCOPE};
use crate::wire::measure::Field::{self, Bytes, Messages, Packed};
use crate::wire::measure::Shape;

/// `ExportMetricsServiceRequest`
pub(super) static REQUEST: Shape = Shape(&[(
    1,
    Messages(&RESOURCE_METRICS, 2 * size_of::<ResourceMetrics>()),
)]);

static RESOURCE_METRICS: Shape = Shape(&[
    (1, RESOURCE),
    (2, Messages(&SCOPE_METRICS, 2 * size_of::<ScopeMetrics>())),
    (3, Bytes),
]);

static SCOPE_METRICS: Shape = Shape(&[
    (1, SCOPE),
    (2, Messages(&METRIC, 2 * size_of::<Metric>())),
    (3, Bytes),
]);

static METRIC: Shape = Shape(&[
    (1, Bytes),
    (2, Bytes),
    (3, Bytes),
    (5, Messages(&GAUGE_OR_SUM, 0)),
    (7, Messages(&GAUGE_OR_SUM, 0)),
    (9, Messages(&HISTOGRAM, 0)),
    (10, Messages(&EXPONENTIAL_HISTOGRAM, 0)),
    (11, Messages(&SUMMARY, 0)),
    (12, ATTRIBUTE),
]);

static GAUGE_OR_SUM: Shape =
    Shape(&[(1, Messages(&NUMBER_POINT, 2 * size_of::<NumberDataPoint>()))]);

static HISTOGRAM: Shape = Shape(&[(
    1,
    Messages(&HISTOGRAM_POINT, 2 * size_of::<HistogramDataPoint>()),
)]);

static EXPONENTIAL_HISTOGRAM: Shape = Shape(&[(
    1,
    Messages(
        &EXPONENTIAL_POINT,
        2 * size_of::<ExponentialHistogramDataPoint>(),
    ),
)]);

static SUMMARY: Shape = Shape(&[(
    1,
    Messages(&SUMMARY_POINT, 2 * size_of::<SummaryDataPoint>()),
)]);

static NUMBER_POINT: Shape = Shape(&[(5, EXEMPLAR), (7, ATTRIBUTE)]);

/// Numbers of eight bytes, packed: their list may be twice as long.
const NUMBERS: Field = Packed(2);

static HISTOGRAM_POINT: Shape = Shape(&[(6, NUMBERS), (7, NUMBERS), (8, EXEMPLAR), (9, ATTRIBUTE)]);

static EXPONENTIAL_POINT: Shape = Shape(&[
    (1, ATTRIBUTE),
    (8, Messages(&BUCKETS, 0)),
    (9, Messages(&BUCKETS, 0)),
    (11, EXEMPLAR),
]);

/// Each count takes at least one byte on the wire.
static BUCKETS: Shape = Shape(&[(2, Packed(2 * size_of::<u64>()))]);

static SUMMARY_POINT: Shape = Shape(&[
    (6, Messages(&QUANTILE, 2 * size_of::<ValueAtQuantile>())),
    (7, ATTRIBUTE),
]);

static QUANTILE: Shape = Shape(&[]);

const EXEMPLAR: Field = Messages(&EXEMPLAR_SHAPE, 2 * size_of::<Exemplar>());

static EXEMPLAR_SHAPE: Shape = Shape(&[(4, Bytes), (5, Bytes), (7, ATTRIBUTE)]);
