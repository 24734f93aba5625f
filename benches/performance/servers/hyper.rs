//! The least that an HTTP server does: hyper, fixed answers, no router. Prints its address.

mod chain;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use chain::Chain;

type Failure = Box<dyn Error + Send + Sync>;

async fn answer(
    request: Request<Incoming>,
    chain: Arc<Chain>,
) -> Result<Response<Full<Bytes>>, Failure> {
    let body: &'static [u8] = match request.uri().path() {
        "/" => b"{\"Hello\":\"World\"}",
        "/io_task" => b"\"IO bound task finish!\"",
        "/cpu_task" => b"{\"primes\":0}",
        "/chain" => {
            chain.call().await?;
            b"{\"path\":\"/chain\"}"
        }
        _ => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    let mut response = Response::new(Full::new(Bytes::from_static(body)));
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let own = listener.local_addr()?;
    let chain = Arc::new(Chain::new(own)?);
    println!("{own}");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let chain = Arc::clone(&chain);
        let service = service_fn(move |request| answer(request, Arc::clone(&chain)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
