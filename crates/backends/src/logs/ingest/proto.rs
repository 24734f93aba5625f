//! The protobuf messages of a push, as `logproto.proto` of Loki defines them.

/// All streams of a push.
#[derive(Clone, PartialEq, prost::Message)]
pub struct PushRequestProto {
    /// The streams.
    #[prost(message, repeated, tag = "1")]
    pub streams: Vec<StreamProto>,
}

/// One stream.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StreamProto {
    /// `{name="value", …}`
    #[prost(string, tag = "1")]
    pub labels: String,
    /// The entries.
    #[prost(message, repeated, tag = "2")]
    pub entries: Vec<EntryProto>,
}

/// One entry.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EntryProto {
    /// Time of the entry.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<TimestampProto>,
    /// The line. It is bytes because clients may send lines that are not UTF-8.
    #[prost(bytes = "vec", tag = "2")]
    pub line: Vec<u8>,
    /// Structured metadata.
    #[prost(message, repeated, tag = "3")]
    pub structured_metadata: Vec<LabelProto>,
}

/// `google.protobuf.Timestamp`
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct TimestampProto {
    /// Unix seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds of the second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// A name with its value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LabelProto {
    /// The name.
    #[prost(bytes = "vec", tag = "1")]
    pub name: Vec<u8>,
    /// The value.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

impl TimestampProto {
    /// Unix nanoseconds.
    #[must_use]
    pub fn nanoseconds(&self) -> i64 {
        self.seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(i64::from(self.nanos))
    }
}
