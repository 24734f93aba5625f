//! Refusals of the guard and routing errors in the console's form, and the security headers of every
//! response, which keep a page from loading or running anything from other hosts.

use salvo::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use salvo::http::{HeaderValue, StatusCode};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use super::answer;

/// Allows only the console's own files: no inline script, no embedding in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// Responds to a request that the guard refuses.
pub(super) fn refuse(req: &Request, res: &mut Response, text: &str) {
    answer::error(req, res, StatusCode::FORBIDDEN, text);
}

/// Responds to a request that matches no route.
pub(super) fn unmatched(req: &Request, res: &mut Response, status: StatusCode) {
    let text = match status {
        StatusCode::METHOD_NOT_ALLOWED => "not with this method; see Allow",
        _ => "there is nothing at this address",
    };
    answer::error(req, res, status, text);
}

/// Sets the security headers of every response.
pub(super) struct SecurityHeaders;

#[async_trait]
impl Handler for SecurityHeaders {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        ctrl.call_next(req, depot, res).await;
        let headers = res.headers_mut();
        for (name, value) in [
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
