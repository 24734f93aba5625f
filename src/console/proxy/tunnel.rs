//! The live tail: joins a WebSocket of the browser with one to Loki.

use std::sync::Arc;

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use salvo::http::header::{
    CONNECTION, CONTENT_TYPE, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS,
    SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use salvo::http::{HeaderValue, StatusCode};
use salvo::{Request, Response};
use tokio::io::{AsyncWriteExt, copy, split};
use tokio::time::timeout;

use super::backend::Backend;
use super::exchange::copy as copy_headers;
use super::{Proxy, Refusal};
use crate::client::{Failure, Size, read};

/// Headers of a WebSocket handshake request.
const ASKED: [HeaderName; 4] = [
    SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION,
    SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_EXTENSIONS,
];

/// Headers of a WebSocket handshake response.
const AGREED: [HeaderName; 3] = [
    SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_EXTENSIONS,
];

/// Largest body in bytes of a refused handshake.
const LARGEST_REFUSAL: usize = 64 << 10;

impl Proxy {
    /// Performs the handshake with the server, completes that of the browser, and joins both connections
    /// until one of them or the console ends.
    pub(super) async fn tunnel(
        &self,
        backend: &Backend,
        uri: Uri,
        req: &mut Request,
        res: &mut Response,
    ) -> Result<(), Refusal> {
        let Ok(place) = Arc::clone(&self.tunnels).try_acquire_owned() else {
            let most = self.limits.tunnels;
            let message = format!("{most} live tails are open, which is the most; close one");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
        };
        let browser = req.extensions_mut().remove::<OnUpgrade>();
        let browser = browser.ok_or_else(|| {
            let message = "this connection cannot become a WebSocket";
            Refusal::new(StatusCode::BAD_REQUEST, message)
        })?;

        let mut request = http::Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = uri;
        copy_headers(&ASKED, req.headers(), request.headers_mut());
        upgrade(request.headers_mut());
        let answer = self.client.begin(request, self.limits.head).await;
        let mut answer = answer.map_err(|failure| backend.has_failed(&failure))?;

        res.status_code(answer.status());
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            copy_headers(&[CONTENT_TYPE], answer.headers(), res.headers_mut());
            let body = read(answer.into_body(), Size::Whole(LARGEST_REFUSAL));
            let body = timeout(self.limits.head, body).await;
            let body = body.unwrap_or(Err(Failure::Late(self.limits.head)));
            res.body(body.map_err(|failure| backend.has_failed(&failure))?);
            return Ok(());
        }
        copy_headers(&AGREED, answer.headers(), res.headers_mut());
        upgrade(res.headers_mut());
        let server = hyper::upgrade::on(&mut answer);
        let mut console = self.open.subscribe();
        let patience = self.limits.head;
        tokio::spawn(async move {
            let both = async { tokio::try_join!(browser, server) };
            if let Ok(Ok((browser, server))) = timeout(patience, both).await {
                tokio::select! {
                    () = join(browser, server) => {}
                    // Nothing is ever sent: this resolves when the console is dropped.
                    _ = console.changed() => {}
                }
            }
            drop(place);
        });
        Ok(())
    }
}

fn upgrade(headers: &mut http::HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Copies bytes both ways until one direction ends: half a WebSocket is of no use.
async fn join(browser: Upgraded, server: Upgraded) {
    let (mut from_browser, mut to_browser) = split(TokioIo::new(browser));
    let (mut from_server, mut to_server) = split(TokioIo::new(server));
    tokio::select! {
        _ = copy(&mut from_browser, &mut to_server) => {}
        _ = copy(&mut from_server, &mut to_browser) => {}
    }
    let _ = to_browser.shutdown().await;
    let _ = to_server.shutdown().await;
}
