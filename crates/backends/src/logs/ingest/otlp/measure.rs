//! The memory of each element of a request for logs, for [`measure`](crate::wire::measure). The numbers of
//! the fields are those of `opentelemetry/proto`.

use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use crate::otlp::measure::{ATTRIBUTE, RESOURCE, SCOPE, VALUE};
use crate::wire::measure::Field::{Bytes, Messages};
use crate::wire::measure::Shape;

/// `ExportLogsServiceRequest`
pub(super) static REQUEST: Shape =
    Shape(&[(1, Messages(&RESOURCE_LOGS, 2 * size_of::<ResourceLogs>()))]);

static RESOURCE_LOGS: Shape = Shape(&[
    (1, RESOURCE),
    (2, Messages(&SCOPE_LOGS, 2 * size_of::<ScopeLogs>())),
    (3, Bytes),
]);

static SCOPE_LOGS: Shape = Shape(&[
    (1, SCOPE),
    (2, Messages(&LOG_RECORD, 2 * size_of::<LogRecord>())),
    (3, Bytes),
]);

static LOG_RECORD: Shape = Shape(&[
    (3, Bytes),
    (5, VALUE),
    (6, ATTRIBUTE),
    (9, Bytes),
    (10, Bytes),
    (12, Bytes),
]);
