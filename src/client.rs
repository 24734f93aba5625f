//! The HTTP client of the lab's own requests: plain HTTP/1.1, with bounds on the time and the size of each
//! exchange. The service calls its targets with a client of its own (`app/targets.rs`).

use std::error::Error;
use std::iter::successors;
use std::time::Duration;

use bytes::Bytes;
use http::response::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Hyper;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::timeout;

/// A client with its connections. Clones share them.
#[derive(Clone)]
pub(crate) struct Client(Hyper<HttpConnector, Full<Bytes>>);

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Longest time from the request to the end of the response.
    pub(crate) time: Duration,
    /// Bytes of the response body.
    pub(crate) size: Size,
}

/// Bytes of a response body that are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    /// The whole body. A larger one is [`Failure::TooLarge`].
    Whole(usize),
    /// The first bytes. The rest of the body is not read, so its connection cannot be used again.
    Beginning(usize),
}

/// An exchange that has failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// No connection to the server.
    #[error("no connection")]
    NotConnected(#[source] hyper_util::client::legacy::Error),
    /// The connection ended before the response did.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// The body is larger than its bound.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// The response did not arrive in time.
    #[error("no response within {} s", .0.as_secs_f64())]
    Late(Duration),
}

impl Failure {
    /// The innermost cause, which is the useful one, such as a refused connection.
    pub(crate) fn cause(&self) -> String {
        let first: &(dyn Error + 'static) = self;
        let causes = || successors(Some(first), |&error| error.source());
        let cause = causes().last().map(ToString::to_string).unwrap_or_default();
        let is_other =
            |error: &(dyn Error + 'static)| error.downcast_ref().is_some_and(is_other_protocol);
        match causes().any(is_other) {
            true => {
                format!("the server does not speak HTTP/1.1 ({cause}); a port for gRPC does not")
            }
            false => cause,
        }
    }
}

/// Whether the server has sent what is no response of HTTP/1.1. One for gRPC speaks first, before or after the
/// request has left; hyper has a question for the second case only.
fn is_other_protocol(error: &hyper::Error) -> bool {
    error.is_parse() || error.to_string() == "received unexpected message from connection"
}

impl Client {
    /// A client that keeps at most `idle` unused connections to each host. Without a time to `connect`, a
    /// connection is bounded by the time of its exchange.
    pub(crate) fn new(idle: usize, connect: Option<Duration>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(connect);
        let client = Hyper::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(idle)
            .build(connector);
        Self(client)
    }

    /// Sends a request and reads its response.
    ///
    /// # Errors
    /// [`Failure`]. Any status is a response.
    pub(crate) async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        bounds: Bounds,
    ) -> Result<Response<Bytes>, Failure> {
        self.exchange_with(request, bounds, |_| {}).await
    }

    /// As [`Client::exchange`]; `seen` gets the head of the response as soon as it arrives, also when the
    /// body fails.
    ///
    /// # Errors
    /// [`Failure`]. Any status is a response.
    pub(crate) async fn exchange_with(
        &self,
        request: Request<Full<Bytes>>,
        bounds: Bounds,
        seen: impl FnOnce(&Parts),
    ) -> Result<Response<Bytes>, Failure> {
        let exchange = async {
            let (head, body) = self.send(request).await?.into_parts();
            seen(&head);
            let body = read(body, bounds.size).await?;
            Ok(Response::from_parts(head, body))
        };
        let exchanged = timeout(bounds.time, exchange).await;
        exchanged.unwrap_or(Err(Failure::Late(bounds.time)))
    }

    /// Sends a request and waits until its response begins. The body is the caller's to bound.
    ///
    /// # Errors
    /// [`Failure`]. Any status is a response.
    pub(crate) async fn begin(
        &self,
        request: Request<Full<Bytes>>,
        time: Duration,
    ) -> Result<Response<Incoming>, Failure> {
        let begun = timeout(time, self.send(request)).await;
        begun.unwrap_or(Err(Failure::Late(time)))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        self.0
            .request(request)
            .await
            .map_err(|error| match error.is_connect() {
                true => Failure::NotConnected(error),
                false => Failure::Broken(error.into()),
            })
    }
}

/// Reads a response body. The time is the caller's to bound.
///
/// # Errors
/// [`Failure::Broken`] and [`Failure::TooLarge`].
pub(crate) async fn read(mut body: Incoming, size: Size) -> Result<Bytes, Failure> {
    match size {
        Size::Whole(most) => match Limited::new(body, most).collect().await {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Failure::TooLarge(most)),
            Err(error) => Err(Failure::Broken(error)),
        },
        Size::Beginning(most) => {
            let mut bytes = Vec::new();
            while bytes.len() < most {
                let Some(frame) = body.frame().await else {
                    break;
                };
                let frame = frame.map_err(|error| Failure::Broken(error.into()))?;
                bytes.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
            }
            bytes.truncate(most);
            Ok(bytes.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// The outcome of an exchange with a server that sends `response` and keeps the connection open.
    fn exchanged(response: &'static str, size: Size) -> Result<Response<Bytes>, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]).expect("a request");
            stream.write_all(response.as_bytes()).expect("a response");
            // Ends when the client has closed the connection.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let outcome = runtime.block_on(async {
            let request = Request::get(format!("http://{address}/")).body(Full::default());
            let time = Duration::from_millis(500);
            let client = Client::new(1, None);
            let bounds = Bounds { time, size };
            client.exchange(request.expect("a request"), bounds).await
        });
        drop(runtime);
        server.join().expect("the server");
        outcome
    }

    #[test]
    fn a_body_is_read_to_its_bound_and_no_further() {
        let response = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde";
        let body = |size| exchanged(response, size).map(Response::into_body);
        assert_eq!(body(Size::Whole(5)).expect("a body"), "abcde");
        assert!(matches!(body(Size::Whole(4)), Err(Failure::TooLarge(4))));
        assert_eq!(body(Size::Beginning(4)).expect("a body"), "abcd");
        assert_eq!(body(Size::Beginning(9)).expect("a body"), "abcde");
    }

    #[test]
    fn a_response_that_does_not_end_is_late() {
        for silent in ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"] {
            let outcome = exchanged(silent, Size::Whole(5));
            assert!(matches!(outcome, Err(Failure::Late(_))), "{silent:?}");
        }
    }
}
