//! A router that is asked without a socket.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::http::uri::Scheme;
use salvo::{Router, Service};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// What the real servers answer with status 500 too.
const AS_THE_REAL_ONE: [&str; 1] = ["approx_topk is not enabled"];

/// Runs what the targets wait for. One for all: its threads are made once.
pub(super) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
});

/// A router behind what a listener would put in front of it.
pub(super) struct Server(Service);

/// A response that was read to its end.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn is_ok(&self) -> bool {
        self.status.is_success()
    }

    fn says(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.body).contains(text)
    }

    /// The body, which has to be JSON.
    pub(super) fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    pub(super) fn new(router: Router) -> Self {
        Self(Service::new(router))
    }

    /// Sends a request. No request may make a server answer that it has failed.
    pub(super) fn send(&self, request: Request<Vec<u8>>) -> Answer {
        let request = salvo::Request::from_hyper(request, Scheme::HTTP);
        let nobody = || SocketAddr::Unknown;
        let handler = self.0.hyper_handler(
            nobody(),
            nobody(),
            Scheme::HTTP,
            None,
            ConnCtrl::new(),
            None,
        );
        let answer = RUNTIME.block_on(async {
            let mut response = handler.handle(request).await;
            let body = response.take_body().collect().await.expect("a whole body");
            Answer {
                status: response.status_code.unwrap_or(StatusCode::OK),
                body: body.to_bytes(),
            }
        });
        // 501 to 504 say that something is not supported, not free, or took too long.
        let failed = answer.status == 500 && !AS_THE_REAL_ONE.iter().any(|it| answer.says(it));
        assert!(!failed, "{answer:?}");
        answer
    }

    /// Sends a body.
    pub(super) fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Answer {
        let request = Request::post(path).header("content-type", content_type);
        self.send(request.body(body.to_vec()).expect("a request"))
    }

    /// Sends parameters as a form.
    pub(super) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = encoded(fields);
        self.post(path, "application/x-www-form-urlencoded", body.as_bytes())
    }

    /// Sends parameters in the address; `None` when they are too long for it.
    pub(super) fn get(&self, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let request = Request::get(format!("{path}?{}", encoded(fields))).body(Vec::new());
        Some(self.send(request.ok()?))
    }
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}
