//! Starts the embedded trace backend on free ports and speaks HTTP to it.

#![allow(dead_code)]

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lab_backends::otlp::{self, Receivers};
use lab_backends::traces::{Limits, Store, api};
use salvo::conn::{Acceptor, Listener, TcpListener};
use salvo::{Router, Server};
use serde_json::Value;

/// A running backend; it ends with the test's runtime.
pub struct Backend {
    pub store: Arc<Store>,
    pub api: SocketAddr,
    pub otlp_http: SocketAddr,
    pub otlp_grpc: SocketAddr,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Backend {
    pub async fn start(limits: Limits) -> Self {
        let store = Arc::new(Store::new(limits));
        let grpc = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let otlp_grpc = grpc.local_addr().unwrap();
        let receivers = Receivers::of_traces(Arc::clone(&store));
        let http = serve(otlp::router(&receivers)).await;
        tokio::spawn(otlp::serve_grpc(grpc, receivers, std::future::pending()));
        Self {
            api: serve(api::router(Arc::clone(&store))).await,
            otlp_http: http,
            otlp_grpc,
            store,
        }
    }

    /// Asks the API and reads a JSON answer.
    pub async fn json(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let answer = self.get(path, params).await;
        assert_eq!(answer.status, 200, "{path} {params:?}: {}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Asks the API.
    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> Response {
        let uri = format!("http://{}{path}{}", self.api, query(params));
        let request = Request::get(uri).header("accept", "application/json");
        send(request.body(Full::default()).unwrap()).await
    }

    /// Searches with TraceQL and returns the traces that were found.
    pub async fn search(&self, traceql: &str) -> Vec<Value> {
        let params = [("q", traceql), ("limit", "1000"), ("spss", "100")];
        let answer = self.json("/api/search", &params).await;
        answer["traces"].as_array().unwrap().clone()
    }

    /// Sends a body to the OTLP/HTTP receiver.
    pub async fn post(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
        let mut request = Request::post(format!("http://{}/v1/traces", self.otlp_http));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(Full::new(body.into())).unwrap()).await
    }

    /// Sends OTLP/JSON that must be accepted.
    pub async fn ingest(&self, traces: &Value) -> Value {
        let headers = [("content-type", "application/json")];
        let answer = self.post(&headers, traces.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn content_type(&self) -> Option<&str> {
        self.headers.get("content-type")?.to_str().ok()
    }
}

async fn serve(router: Router) -> SocketAddr {
    let acceptor = TcpListener::new("127.0.0.1:0").bind().await;
    let address = acceptor.holdings()[0]
        .local_addr
        .clone()
        .into_std()
        .unwrap();
    tokio::spawn(Server::new(acceptor).serve(router));
    address
}

pub async fn send(request: Request<Full<Bytes>>) -> Response {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.unwrap();
    let (head, body) = response.into_parts();
    Response {
        status: head.status,
        headers: head.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

/// Parameters as a query string, everything unusual escaped.
pub fn query(params: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    let pairs: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    match pairs.is_empty() {
        true => String::new(),
        false => format!("?{}", pairs.join("&")),
    }
}
