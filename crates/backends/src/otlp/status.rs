//! Failures as `google.rpc.Status`, the error message of OTLP over both transports
//! (<https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto>).

use std::time::Duration;

use prost::Message;
use tonic::Code;

/// Reasons why a request failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<RpcAny>,
}

impl RpcStatus {
    /// A status without a code, as Loki sends it.
    pub(crate) fn of_text(message: String) -> Self {
        Self {
            message,
            ..Self::default()
        }
    }
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct RpcAny {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<RpcDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct RpcDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Failure {
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// The store is not for such a request, whatever it is sent to.
    pub(crate) fn failed_precondition(message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// Too much came; it may come again after a time, or never in this size.
    pub(crate) fn exhausted(message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self {
            retry_after,
            ..Self::new(Code::ResourceExhausted, message)
        }
    }

    fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The same with its details, as a protobuf message.
    pub(crate) fn rpc_status(&self) -> RpcStatus {
        let retry = self.retry_after.map(|wait| {
            let delay = RpcDuration {
                seconds: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                nanos: i32::try_from(wait.subsec_nanos()).unwrap_or(0),
            };
            let info = RetryInfo {
                retry_delay: Some(delay),
            };
            RpcAny {
                type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
                value: info.encode_to_vec(),
            }
        });
        RpcStatus {
            code: self.code.into(),
            message: self.message.clone(),
            details: retry.into_iter().collect(),
        }
    }
}

impl From<Failure> for tonic::Status {
    fn from(failure: Failure) -> Self {
        if failure.retry_after.is_none() {
            return Self::new(failure.code, failure.message);
        }
        let details = failure.rpc_status().encode_to_vec();
        Self::with_details(failure.code, failure.message, details.into())
    }
}
