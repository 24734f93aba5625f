//! Forwards one request and its response, with an allowlist of headers.

use std::sync::Arc;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use salvo::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName,
    RETRY_AFTER, VARY,
};
use salvo::http::{HeaderMap, HeaderValue, ReqBody, ResBody, StatusCode};
use salvo::{Request, Response};
use tokio::time::{Instant, timeout};

use super::backend::Backend;
use super::body::Bounded;
use super::{Proxy, Refusal};

/// Request headers that are forwarded. Cookies, credentials, `Origin`, `Referer` and connection headers
/// concern only the browser and the console, and are not.
const ASKED: [HeaderName; 4] = [
    ACCEPT,
    ACCEPT_ENCODING,
    CONTENT_TYPE,
    HeaderName::from_static("x-loki-response-encoding-flags"),
];

/// Response headers that are forwarded.
const ANSWERED: [HeaderName; 4] = [CONTENT_TYPE, CONTENT_ENCODING, VARY, RETRY_AFTER];

impl Proxy {
    /// Forwards a request and streams its response.
    pub(super) async fn exchange(
        &self,
        backend: &Backend,
        uri: Uri,
        req: &mut Request,
        res: &mut Response,
    ) -> Result<(), Refusal> {
        let started = Instant::now();
        let content = timeout(self.limits.head, self.body(req.take_body())).await;
        let content = content.map_err(|_| {
            let message = "the request did not come whole in time";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, message)
        })??;
        let place = Arc::clone(&self.requests).acquire_owned();
        let Ok(Ok(place)) = timeout(self.limits.head, place).await else {
            let message = "too many requests are being forwarded; ask again";
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
        };

        let mut request = http::Request::new(Full::new(content));
        request.method_mut().clone_from(req.method());
        *request.uri_mut() = uri;
        copy(&ASKED, req.headers(), request.headers_mut());
        let answer = self.client.begin(request, self.limits.head).await;
        let answer = answer.map_err(|failure| backend.has_failed(&failure))?;

        let (head, body) = answer.into_parts();
        let body = Bounded::new(
            body,
            self.limits.answer_bytes,
            started + self.limits.whole,
            place,
        )
        .ok_or_else(|| {
            let most = self.limits.answer_bytes;
            let message = format!("the answer has more than {most} bytes; ask for less");
            Refusal::new(StatusCode::BAD_GATEWAY, message)
        })?;
        res.status_code(head.status);
        copy(&ANSWERED, &head.headers, res.headers_mut());
        let no_store = HeaderValue::from_static("no-store");
        res.headers_mut().insert(CACHE_CONTROL, no_store);
        res.body(ResBody::Boxed(Box::pin(body)));
        Ok(())
    }

    /// Reads the whole body of a request first, so that a slow browser does not occupy a server.
    async fn body(&self, body: ReqBody) -> Result<Bytes, Refusal> {
        let most = self.limits.request_bytes;
        match Limited::new(body, most).collect().await {
            Ok(content) => Ok(content.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                let message = format!("the body has more than {most} bytes");
                Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message))
            }
            Err(_) => {
                let message = "the body ended before it was complete";
                Err(Refusal::new(StatusCode::BAD_REQUEST, message))
            }
        }
    }
}

/// Copies the named headers.
pub(super) fn copy(names: &[HeaderName], from: &HeaderMap, to: &mut HeaderMap) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name, value.clone());
        }
    }
}
