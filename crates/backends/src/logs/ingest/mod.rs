//! Loki's push API: bodies in protobuf with snappy, in JSON, and in Loki's older JSON; and log records from OTLP.

mod json;
mod labels;
mod otlp;
mod proto;
mod push;

pub(crate) use otlp::{LogRecords, OtlpPush};
pub use proto::{EntryProto, LabelProto, PushRequestProto, StreamProto, TimestampProto};
pub(crate) use push::{Push, intake};
