//! Reads request bodies before their route does, with bounds on time and on the memory of all of them
//! together, because a route reads its form whole.

use salvo::http::header::CONTENT_TYPE;
use salvo::http::{ReqBody, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use super::refusal::refuse;
use lab_backends::wire::intake::{BodyError, Intake};

/// Bytes of a form.
const MOST: usize = 1 << 20;

/// Middleware that reads the bodies that routes read whole.
pub(super) struct Forms {
    intake: Intake,
    /// Any body, not only forms: the routes take nothing larger.
    all: bool,
}

impl Forms {
    /// Before routes that take large bodies of other kinds within their own bounds.
    pub(super) fn new() -> Self {
        Self {
            intake: Intake::new(MOST, MOST, MOST),
            all: false,
        }
    }

    /// Before routes that take no large bodies.
    pub(super) fn and_all_bodies() -> Self {
        Self {
            all: true,
            ..Self::new()
        }
    }

    fn is_for(&self, req: &Request) -> bool {
        let kind = req.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let is_form = ["application/x-www-form-urlencoded", "multipart/form-data"]
            .iter()
            .any(|form| {
                kind.get(..form.len())
                    .is_some_and(|it| it.eq_ignore_ascii_case(form))
            });
        self.all || is_form
    }
}

#[async_trait]
impl Handler for Forms {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        if !self.is_for(req) {
            ctrl.call_next(req, depot, res).await;
            return;
        }
        match self.intake.read(req).await {
            Ok(whole) => {
                req.replace_body(ReqBody::Once(whole.bytes.clone()));
                ctrl.call_next(req, depot, res).await;
            }
            Err(unread) => {
                res.status_code(match unread {
                    BodyError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                    BodyError::Slow => StatusCode::REQUEST_TIMEOUT,
                    BodyError::Busy => StatusCode::SERVICE_UNAVAILABLE,
                    BodyError::Broken(_) => StatusCode::BAD_REQUEST,
                });
                refuse(req, res, &unread.to_string());
                ctrl.skip_rest();
            }
        }
    }
}
