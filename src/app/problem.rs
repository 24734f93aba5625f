//! The JSON body of every error response: `{"detail": …}`.

use std::borrow::Cow;

use salvo::http::StatusCode;
use salvo::writing::Json;
use salvo::{Depot, Request, Response, Writer, async_trait};
use salvo_oapi::{Components, EndpointOutRegister, Operation, ToSchema};
use serde::Serialize;

/// An error response: its status and the text of its body.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
}

/// The body of a [`Problem`] on the wire.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemBody {
    /// The problem, in words.
    detail: String,
}

impl Problem {
    /// An error response with this status; `detail` explains it to a person.
    pub(super) fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    /// Status of the response.
    #[must_use]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Explanation in the body.
    #[must_use]
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Writes status and body into `res`.
    pub(super) fn render(&self, res: &mut Response) {
        res.status_code(self.status);
        res.render(Json(ProblemBody {
            detail: self.detail.to_string(),
        }));
    }
}

#[async_trait]
impl Writer for Problem {
    async fn write(self, _req: &mut Request, _depot: &mut Depot, res: &mut Response) {
        self.render(res);
    }
}

impl EndpointOutRegister for Problem {
    /// Each route documents its own statuses.
    fn register(_components: &mut Components, _operation: &mut Operation) {}
}
