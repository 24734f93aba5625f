//! Responses to requests that no route takes: in the words of Go's routers, or in a server's own form.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use salvo::http::ResBody;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

/// Responds to a request with 404 or 405. The response must get a body, even an empty one: without it
/// Salvo writes a page of its own.
type Respond = fn(&Request, &mut Response, StatusCode);

/// Middleware that responds to a request that no route takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unmatched {
    respond: Respond,
}

impl Unmatched {
    /// The middleware of a server that responds with `respond`.
    #[must_use]
    pub(crate) fn new(respond: Respond) -> Self {
        Self { respond }
    }

    /// As a server on httprouter responds, which Prometheus is.
    #[must_use]
    pub(crate) fn of_httprouter() -> Self {
        Self::new(|_, res, status| plain(res, status, "Method Not Allowed\n"))
    }

    /// As a server on gorilla/mux responds, which Loki and Tempo are: the body for a wrong method is empty.
    #[must_use]
    pub(crate) fn of_mux() -> Self {
        Self::new(|_, res, status| plain(res, status, ""))
    }
}

#[async_trait]
impl Handler for Unmatched {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        ctrl.call_next(req, depot, res).await;
        if !res.body.is_none() {
            return;
        }
        if let Some(status @ (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)) =
            res.status_code
        {
            (self.respond)(req, res, status);
        }
    }
}

/// Responds as Go's HTTP library does.
fn plain(res: &mut Response, status: StatusCode, wrong_method: &'static str) {
    let text = match status {
        StatusCode::NOT_FOUND => "404 page not found\n",
        _ => wrong_method,
    };
    if !text.is_empty() {
        let headers = res.headers_mut();
        for (name, value) in [
            (CONTENT_TYPE, "text/plain; charset=utf-8"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    res.body(ResBody::Once(Bytes::from_static(text.as_bytes())));
}
