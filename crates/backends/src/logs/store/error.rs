//! Refusals at ingest, with Loki's messages and status codes.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;

use super::entry::NO_TIME;
use super::labels::LabelSet;

/// A timestamp as Loki prints it in messages: RFC 3339, seconds, UTC.
#[must_use]
pub(crate) fn rfc3339(ts: i64) -> String {
    if ts == NO_TIME {
        return "0001-01-01T00:00:00Z".to_owned();
    }
    Timestamp::from_second(ts.div_euclid(1_000_000_000))
        .map_or_else(|_| ts.to_string(), |time| time.to_string())
}

/// A timestamp as Go prints it by default, `2006-01-02 15:04:05.999999999 +0000 UTC`.
#[must_use]
pub(crate) fn go_time(ts: i64) -> String {
    Timestamp::from_nanosecond(i128::from(ts)).map_or_else(
        |_| ts.to_string(),
        |time| {
            let text = time.to_string();
            let text = text.trim_end_matches('Z').replacen('T', " ", 1);
            format!("{text} +0000 UTC")
        },
    )
}

/// A refused stream or entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The stream has no label.
    #[error("error at least one label pair is required per stream")]
    NoLabels,
    /// Too many labels.
    #[error("entry for stream '{stream}' has {count} label names; limit {limit}")]
    TooManyLabels {
        /// The labels of the stream.
        stream: LabelSet,
        /// Number of labels.
        count: usize,
        /// Largest number of labels.
        limit: usize,
    },
    /// A label name that is too long.
    #[error("stream '{stream}' has label name too long: '{name}'")]
    NameTooLong {
        /// The labels of the stream.
        stream: LabelSet,
        /// The name.
        name: String,
    },
    /// A label value that is too long.
    #[error("stream '{stream}' has label value too long: '{value}'")]
    ValueTooLong {
        /// The labels of the stream.
        stream: LabelSet,
        /// The value.
        value: String,
    },
    /// Older than `reject_old_samples_max_age` allows.
    #[error("entry for stream '{stream}' has timestamp too old: {}, oldest acceptable timestamp is: {}", rfc3339(*.ts), rfc3339(*.oldest))]
    TooOld {
        /// The labels of the stream.
        stream: LabelSet,
        /// Time of the entry.
        ts: i64,
        /// The oldest time that is accepted.
        oldest: i64,
    },
    /// Further in the future than `creation_grace_period` allows.
    #[error("entry for stream '{stream}' has timestamp too new: {}", rfc3339(*.ts))]
    TooNew {
        /// The labels of the stream.
        stream: LabelSet,
        /// Time of the entry.
        ts: i64,
    },
    /// The line is too long.
    #[error(
        "max entry size '{limit}' bytes exceeded for stream '{stream}' while adding an entry with length '{len}' bytes"
    )]
    LineTooLong {
        /// The labels of the stream.
        stream: LabelSet,
        /// Longest line in bytes.
        limit: usize,
        /// Bytes of this line.
        len: usize,
    },
    /// A name in the structured metadata that cannot be turned into a label name.
    #[error(
        "normalization for label name {} resulted in invalid name: it has no letter and no digit",
        super::labels::Quoted(name)
    )]
    MetadataName {
        /// The name.
        name: String,
    },
    /// The structured metadata is too large.
    #[error(
        "stream '{stream}' has structured metadata too large: '{len}' bytes, limit: '{limit}' bytes. Please see `limits_config.max_structured_metadata_size` or contact your Loki administrator to increase it"
    )]
    MetadataTooLarge {
        /// The labels of the stream.
        stream: LabelSet,
        /// Largest size in bytes.
        limit: usize,
        /// Size in bytes.
        len: usize,
    },
    /// Too many labels in the structured metadata.
    #[error(
        "stream '{stream}' has too many structured metadata labels: '{count}', limit: '{limit}'. Please see `limits_config.max_structured_metadata_entries_count` or contact your Loki administrator to increase it"
    )]
    MetadataTooMany {
        /// The labels of the stream.
        stream: LabelSet,
        /// Largest number of labels.
        limit: usize,
        /// Number of labels.
        count: usize,
    },
}

/// An error response to a push. Valid entries are kept unless the variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// Some streams or entries break a limit; the others are kept. 400.
    #[error("{0}")]
    Invalid(String),
    /// Entries too far behind the newest of their stream; the others are kept. 400.
    #[error("{0}")]
    OutOfOrder(String),
    /// More streams than allowed; entries of the existing ones are kept. 429.
    #[error(
        "maximum active stream limit exceeded when trying to create stream {0}, reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: 'fake'"
    )]
    TooManyStreams(LabelSet),
    /// The ingest rate is exceeded; nothing of the request is kept. 429.
    #[error(
        "ingestion rate limit exceeded for user fake (limit: {limit} bytes/sec) while attempting to ingest '{lines}' lines totaling '{bytes}' bytes, reduce log volume or contact your Loki administrator to see if the limit can be increased"
    )]
    RateLimited {
        /// Bytes a second that are allowed.
        limit: usize,
        /// Lines of the request.
        lines: usize,
        /// Bytes of the request.
        bytes: usize,
        /// Time after which they fit; `None` if they never do.
        retry_after: Option<Duration>,
    },
}

impl PushError {
    /// Loki's HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::OutOfOrder(_) => StatusCode::BAD_REQUEST,
            Self::TooManyStreams(_) | Self::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}
