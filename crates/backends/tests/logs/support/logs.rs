//! A log store behind a real listener, and a client for it.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lab_backends::logs::store::{Entry, LabelSet, StreamEntries};
use lab_backends::logs::{Clock, Limits, Store, router};
use salvo::conn::{Acceptor, TcpListener};
use salvo::prelude::{Listener, Server};
use serde_json::Value;

/// A time that all tests share, Unix nanoseconds; a multiple of a minute.
pub const NOW: i64 = 1_795_360_560_000_000_000;

/// A second in nanoseconds.
pub const SECOND: i64 = 1_000_000_000;

/// What came back.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub content_type: Option<String>,
    pub text: String,
}

impl Response {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// A running backend.
pub struct Backend {
    pub store: Arc<Store>,
    pub address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Backend {
    /// Starts with a clock that stands at [`NOW`].
    pub async fn start(limits: Limits) -> Self {
        Self::at(limits, Clock::from_fn(|| NOW)).await
    }

    /// Starts with a clock.
    pub async fn at(limits: Limits, clock: Clock) -> Self {
        let store = Arc::new(Store::with_clock(limits, clock));
        let acceptor = TcpListener::new("127.0.0.1:0").bind().await;
        let address = acceptor.holdings()[0]
            .local_addr
            .clone()
            .into_std()
            .unwrap();
        let routes = router(Arc::clone(&store));
        tokio::spawn(Server::new(acceptor).serve(routes));
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self {
            store,
            address,
            client,
        }
    }

    /// Sends a request.
    pub async fn send(&self, request: http::Request<Full<Bytes>>) -> Response {
        let response = self.send_raw(request).await;
        Response {
            status: response.status().as_u16(),
            content_type: response
                .headers()
                .get("content-type")
                .map(|value| value.to_str().unwrap().to_owned()),
            text: String::from_utf8(response.into_body().to_vec()).unwrap(),
        }
    }

    /// Sends a request to any address; the answer may be anything.
    pub async fn send_raw(&self, request: http::Request<Full<Bytes>>) -> http::Response<Bytes> {
        let response = self.client.request(request).await.unwrap();
        let (head, body) = response.into_parts();
        http::Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// A request with headers.
    pub async fn request(
        &self,
        method: &str,
        path_and_query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path_and_query}", self.address))
            .header("accept", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Full::new(body.into())).unwrap())
            .await
    }

    /// A GET with parameters.
    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> Response {
        let path = format!("{path}?{}", encode(params));
        self.request("GET", &path, &[], "").await
    }

    /// A push of JSON.
    pub async fn push_json(&self, body: impl Into<Bytes>) -> Response {
        let headers = [("content-type", "application/json")];
        self.request("POST", "/loki/api/v1/push", &headers, body)
            .await
    }

    /// A range query over the hour up to [`NOW`].
    pub async fn range(&self, query: &str, more: &[(&str, &str)]) -> Response {
        let (start, end) = ((NOW - 3600 * SECOND).to_string(), (NOW + 1).to_string());
        let mut params = vec![("query", query), ("start", &start), ("end", &end)];
        params.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        params.extend(more);
        self.get("/loki/api/v1/query_range", &params).await
    }

    /// An instant query at [`NOW`].
    pub async fn instant(&self, query: &str) -> Response {
        let time = NOW.to_string();
        self.get("/loki/api/v1/query", &[("query", query), ("time", &time)])
            .await
    }

    /// The lines that a range query returns, in the order of the answer.
    pub async fn lines(&self, query: &str) -> Vec<String> {
        let answer = self.range(query, &[("direction", "forward")]).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        let mut lines: Vec<(String, String)> = answer.json()["data"]["result"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|stream| stream["values"].as_array().unwrap().clone())
            .map(|value| {
                let text = |at: usize| value[at].as_str().unwrap().to_owned();
                (text(0), text(1))
            })
            .collect();
        lines.sort_by(|a, b| a.0.cmp(&b.0));
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// Names and texts of a recorded object.
pub fn texts(recorded: &Value) -> Vec<(&str, &str)> {
    let members = recorded.as_object().unwrap().iter();
    members
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect()
}

/// Encodes parameters.
pub fn encode(params: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    char::from(byte).to_string()
                }
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}

/// Labels of a stream.
pub fn labels(pairs: &[(&str, &str)]) -> LabelSet {
    LabelSet::new(pairs.iter().copied()).unwrap()
}

/// Entries of one stream.
pub fn stream(pairs: &[(&str, &str)], entries: Vec<Entry>) -> StreamEntries {
    StreamEntries {
        labels: labels(pairs),
        entries,
    }
}

/// A WebSocket client that is just enough to read text messages.
pub struct Socket(TcpStream);

impl Socket {
    /// Asks for an upgrade; the status line when it was refused.
    pub fn open(address: SocketAddr, path: &str) -> Result<Self, String> {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        match head.starts_with("HTTP/1.1 101") {
            true => Ok(Self(stream)),
            false => Err(head),
        }
    }

    /// The next text message.
    pub fn next(&mut self) -> Value {
        loop {
            let mut head = [0; 2];
            self.0.read_exact(&mut head).unwrap();
            let len = match head[1] & 0x7f {
                126 => {
                    let mut len = [0; 2];
                    self.0.read_exact(&mut len).unwrap();
                    u64::from(u16::from_be_bytes(len))
                }
                127 => {
                    let mut len = [0; 8];
                    self.0.read_exact(&mut len).unwrap();
                    u64::from_be_bytes(len)
                }
                len => u64::from(len),
            };
            let mut body = vec![0; usize::try_from(len).unwrap()];
            self.0.read_exact(&mut body).unwrap();
            if head[0] & 0x0f == 1 {
                return serde_json::from_slice(&body).unwrap();
            }
        }
    }
}
