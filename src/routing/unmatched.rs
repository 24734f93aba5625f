//! Unmatched requests, in the words of Go's HTTP library and its routers.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use salvo::http::ResBody;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

const NOT_FOUND: &str = "404 page not found\n";

/// Middleware that answers requests that match no route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unmatched {
    wrong_method: &'static str,
}

impl Unmatched {
    /// Answers as a server with httprouter does, such as Prometheus.
    #[must_use]
    pub(crate) fn of_httprouter() -> Self {
        Self {
            wrong_method: "Method Not Allowed\n",
        }
    }

    /// Answers as a server with gorilla/mux does, such as Loki and Tempo: a wrong method gets an empty body.
    #[must_use]
    pub(crate) fn of_mux() -> Self {
        Self { wrong_method: "" }
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
        let text = match res.status_code {
            Some(StatusCode::NOT_FOUND) => NOT_FOUND,
            Some(StatusCode::METHOD_NOT_ALLOWED) => self.wrong_method,
            _ => return,
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
        // Without a body, even an empty one, Salvo would write its own page.
        res.body(ResBody::Once(Bytes::from_static(text.as_bytes())));
    }
}
