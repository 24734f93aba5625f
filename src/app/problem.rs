//! The JSON body of every answer that is an error: `{"detail": …}`.

use std::borrow::Cow;

use salvo::http::StatusCode;
use salvo::writing::Json;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Writer, async_trait};
use salvo_oapi::{Components, EndpointOutRegister, Operation, ToSchema};
use serde::Serialize;
use tracing::warn;

use super::probes::is_probe;

/// Body of an error response.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: Cow<'static, str>,
}

/// [`Problem`] as it is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// The problem, in words.
    detail: String,
}

impl Problem {
    /// A problem with this status, described for a person.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its description.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Makes it the response.
    pub fn render(&self, res: &mut Response) {
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

/// Says why the guard lets a request not in.
pub(super) fn refuse(req: &Request, res: &mut Response, text: &str) {
    let status = StatusCode::FORBIDDEN;
    if !is_probe(req) {
        let (method, path) = (req.method(), req.uri().path());
        warn!("{method} {path} refused with {}: {text}", status.as_u16());
    }
    Problem::new(status, text.to_owned()).render(res);
}

/// Answers requests that no route takes; the status is set by Salvo before.
pub struct NoRoute;

#[async_trait]
impl Handler for NoRoute {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        let detail = match res.status_code {
            Some(StatusCode::NOT_FOUND) => "Not Found",
            Some(StatusCode::METHOD_NOT_ALLOWED) => "Method Not Allowed",
            _ => {
                ctrl.call_next(req, depot, res).await;
                return;
            }
        };
        if !is_probe(req) {
            warn!("{} {}: {detail}", req.method(), req.uri().path());
        }
        if let Some(status) = res.status_code {
            Problem::new(status, detail).render(res);
        }
    }
}
