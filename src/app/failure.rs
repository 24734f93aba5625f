//! Failures of a handler: the response, and the record.

use salvo::http::StatusCode;
use salvo::{Depot, Request, Response, Writer, async_trait};
use salvo_oapi::{Components, EndpointOutRegister, Operation};

use super::problem::Problem;
use super::targets::CallError;
use crate::telemetry::exception::Exception;

/// An error that a handler ends with: the response to the client, and the exception to record.
#[derive(Debug)]
pub(super) struct Failure {
    problem: Problem,
    exception: Exception,
}

impl Failure {
    /// An internal error. Its text is recorded and not sent to the client.
    pub(super) fn internal<E: std::error::Error + Send + Sync + 'static>(error: E) -> Self {
        Self {
            problem: Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            exception: Exception::new(error),
        }
    }

    /// Writes the response, and leaves the exception in it for the middleware that records it.
    pub(super) fn render(self, res: &mut Response) {
        self.problem.render(res);
        res.extensions.insert(self.exception);
    }
}

#[cfg(feature = "faults")]
impl Failure {
    /// An error with this status. Its text is recorded and not sent to the client.
    pub(super) fn with_status<E: std::error::Error + Send + Sync + 'static>(
        status: StatusCode,
        error: E,
    ) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        Self {
            problem: Problem::new(status, reason),
            exception: Exception::new(error),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let status = match error {
            CallError::Timeout { .. } => StatusCode::GATEWAY_TIMEOUT,
            #[cfg(feature = "faults")]
            CallError::NoConnection { .. } => StatusCode::SERVICE_UNAVAILABLE,
            CallError::Unreachable { .. }
            | CallError::TooLarge { .. }
            | CallError::Status { .. } => StatusCode::BAD_GATEWAY,
        };
        Self {
            problem: Problem::new(status, error.to_string()),
            exception: Exception::new(error),
        }
    }
}

#[async_trait]
impl Writer for Failure {
    async fn write(self, _req: &mut Request, _depot: &mut Depot, res: &mut Response) {
        self.render(res);
    }
}

impl EndpointOutRegister for Failure {
    /// Each route documents its own statuses.
    fn register(_components: &mut Components, _operation: &mut Operation) {}
}
