//! Loki's push API: bodies in protobuf with snappy, in JSON, and in Loki's older JSON.

mod json;
mod labels;
mod proto;
mod push;

pub use proto::{EntryProto, LabelProto, PushRequestProto, StreamProto, TimestampProto};
pub(crate) use push::{Push, intake};
