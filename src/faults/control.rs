//! The control port: `GET /faults` gives the set, `PUT` replaces it, `DELETE` removes it.
//!
//! It has a thread of its own, so that it answers while the service's threads are blocked. A request to it makes no
//! span, no log line and no count.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use salvo::conn::tcp::TcpAcceptor;
use salvo::fuse::FuseConfig;
use salvo::http::{HeaderValue, Method, StatusCode};
use salvo::writing::Json;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, Server, Service, async_trait};
use serde_json::json;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber as _;

use super::kind::Kind;
use super::set::{Set, Wrong};
use super::{KnownRoute, request, running};
use crate::guard::{Before, Guard};
use crate::telemetry::metrics::Metrics;

/// Path of the set.
const PATH: &str = "/faults";

/// Most bytes of a set.
const MAX_BODY: usize = 64 << 10;

/// Longest time for a body to arrive.
const BODY_TIME: Duration = Duration::from_secs(5);

/// Most connections at a time.
const MAX_CONNECTIONS: usize = 64;

/// What the control port knows of the service.
pub(crate) struct Known {
    /// Refuses requests for foreign hosts and from foreign web pages.
    pub(crate) guard: Guard,
    /// Routes that faults can concern.
    pub(crate) routes: &'static [KnownRoute],
    /// Its metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// True if the log is text, whose entries can have several lines.
    pub(crate) log_is_text: bool,
}

/// Serves the control port on `listener` until the process ends.
///
/// # Errors
/// When the thread or its runtime cannot be started, or the listener not be used.
pub(crate) fn start(listener: TcpListener, known: Known) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    running::know(known.metrics);
    request::know(known.routes);
    let control = Control {
        routes: known.routes,
        log_is_text: known.log_is_text,
    };
    let router = Router::with_path("{**rest}").goal(control);
    let service = Service::new(router).hoop(Before::new(Arc::new(known.guard), refuse));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let guard = runtime.enter();
    let acceptor = TcpAcceptor::try_from(tokio::net::TcpListener::from_std(listener)?)?;
    drop(guard);
    thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let server = Server::new(acceptor)
                    .fuse_config(FuseConfig::default())
                    .max_connections(MAX_CONNECTIONS);
                // It ends when its listener fails, which the next request to it shows.
                // Where it listens is no line of the service's log, which people search for what happened.
                let serving = server.try_serve(service).with_subscriber(Dispatch::none());
                let (_served, ()) = tokio::join!(serving, running::keep_schedule());
            });
        })?;
    Ok(())
}

/// The only endpoint.
struct Control {
    routes: &'static [KnownRoute],
    log_is_text: bool,
}

/// A response that is not the set.
type Refusal = (StatusCode, String);

impl Control {
    async fn answer(&self, req: &mut Request) -> Result<(), Refusal> {
        match *req.method() {
            Method::GET | Method::HEAD => {}
            Method::PUT => {
                let body = body(req).await?;
                let set = self.read(&body);
                running::install(
                    set.map_err(|wrong| (StatusCode::BAD_REQUEST, wrong.to_string()))?,
                );
            }
            Method::DELETE => running::clear(),
            _ => {
                let detail = "GET gives the faults, PUT replaces them, DELETE removes them";
                return Err((StatusCode::METHOD_NOT_ALLOWED, detail.to_owned()));
            }
        }
        Ok(())
    }

    fn read(&self, body: &[u8]) -> Result<Set, Wrong> {
        let set = Set::read(body, self.routes)?;
        let is_form = |kind: &Kind| matches!(kind, Kind::LogFormat { .. });
        let form = set.faults.iter().position(|fault| is_form(&fault.kind));
        match form.filter(|_| !self.log_is_text) {
            Some(index) => Err(Wrong(format!(
                "faults[{index}].kind is log-format, but each event is one line of JSON here; start the \
                 service with LOG_FORMAT=text"
            ))),
            None => Ok(set),
        }
    }
}

#[async_trait]
impl Handler for Control {
    async fn handle(
        &self,
        req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        res.status_code(StatusCode::OK);
        if req.uri().path() != PATH {
            let detail = format!("nothing is here; the faults are at {PATH}");
            problem(res, StatusCode::NOT_FOUND, &detail);
            return;
        }
        match self.answer(req).await {
            Ok(()) => res.render(Json(running::set())),
            Err((status, detail)) => {
                if status == StatusCode::METHOD_NOT_ALLOWED {
                    let methods = HeaderValue::from_static("GET, HEAD, PUT, DELETE");
                    res.headers_mut().insert(ALLOW, methods);
                }
                problem(res, status, &detail);
            }
        }
    }
}

fn problem(res: &mut Response, status: StatusCode, detail: &str) {
    res.status_code(status);
    res.render(Json(json!({ "detail": detail })));
}

/// Writes a refusal of the guard, which has set its status.
fn refuse(_req: &Request, res: &mut Response, text: &str) {
    res.render(Json(json!({ "detail": text })));
}

/// Reads the body of a request.
async fn body(req: &mut Request) -> Result<Bytes, Refusal> {
    let read = Limited::new(req.take_body(), MAX_BODY).collect();
    match tokio::time::timeout(BODY_TIME, read).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err((
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {MAX_BODY} bytes"),
        )),
        Ok(Err(_)) => Err((
            StatusCode::BAD_REQUEST,
            "the body ended before it was complete".to_owned(),
        )),
        Err(_) => Err((
            StatusCode::REQUEST_TIMEOUT,
            format!("the body was not there within {} s", BODY_TIME.as_secs()),
        )),
    }
}
