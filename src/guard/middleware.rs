//! The middleware before every route of a server.

use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use super::{Guard, Verdict};

/// A browser sends this header before a page of the internet may reach a private address.
const REQUEST_PRIVATE: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// Writes a refusal with status 403, in the form of the server's other errors.
type Refuse = fn(&Request, &mut Response, &str);

/// Middleware that asks the guard before any other handler sees a request.
#[derive(Clone)]
pub(crate) struct Before {
    guard: Arc<Guard>,
    refuse: Refuse,
}

impl Before {
    /// Middleware that writes its refusals with `refuse`.
    #[must_use]
    pub(crate) fn new(guard: Arc<Guard>, refuse: Refuse) -> Self {
        Self { guard, refuse }
    }

    /// Decides on a request, and writes the response of one that goes no further. For middleware that does
    /// more than to guard: each has its price for every request.
    pub(crate) fn enter(&self, req: &Request, res: &mut Response) -> Passage {
        let verdict = self
            .guard
            .judge(req.method(), req.uri(), req.version(), req.headers());
        let (goes_on, origin) = match verdict {
            Verdict::Own => (true, None),
            Verdict::Refused(text) => {
                res.status_code(StatusCode::FORBIDDEN);
                (self.refuse)(req, res, &text);
                (false, None)
            }
            Verdict::Allowed(origin) => {
                let is_preflight = is_preflight(req);
                if is_preflight {
                    permit(req, res);
                }
                (!is_preflight, Some(origin))
            }
        };
        Passage { goes_on, origin }
    }
}

#[async_trait]
impl Handler for Before {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        let passage = self.enter(req, res);
        if passage.goes_on {
            ctrl.call_next(req, depot, res).await;
        } else {
            ctrl.skip_rest();
        }
        passage.leave(res);
    }
}

/// A request that the guard has decided on.
#[must_use]
pub(crate) struct Passage {
    /// True if the handlers behind the guard are to see it. Otherwise its response is written.
    pub(crate) goes_on: bool,
    /// The page that sends it, if it is an allowed one of another server.
    origin: Option<HeaderValue>,
}

impl Passage {
    /// Adds to the finished response what lets an allowed page read it.
    pub(crate) fn leave(self, res: &mut Response) {
        if let Some(origin) = self.origin {
            let headers = res.headers_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// True for a CORS preflight request.
fn is_preflight(req: &Request) -> bool {
    req.method() == Method::OPTIONS && req.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Writes the response that allows the request.
fn permit(req: &Request, res: &mut Response) {
    res.status_code(StatusCode::NO_CONTENT);
    let asked = req.headers().get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let private = req.headers().contains_key(REQUEST_PRIVATE);
    let headers = res.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, PUT"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(asked) = asked {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
    if private {
        headers.insert(ALLOW_PRIVATE, HeaderValue::from_static("true"));
    }
}
