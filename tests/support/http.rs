//! HTTP/1.1 as bytes on a socket, so that a test can send what no client library would.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// A response, read whole.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub head: String,
    pub body: String,
    /// The body as it came.
    pub bytes: Vec<u8>,
}

impl Response {
    /// A response without a body, by its status line and headers.
    pub fn of_head(head: &str) -> Option<Self> {
        Some(Self {
            status: head.split(' ').nth(1)?.parse().ok()?,
            head: head.to_owned(),
            body: String::new(),
            bytes: Vec::new(),
        })
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.body))
    }
}

/// Opens a connection that gives up after the tests' patience.
pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connect");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("timeout");
    stream
}

/// Sends bytes and reads the response until the server closes.
pub fn send(address: SocketAddr, request: &[u8]) -> Response {
    try_send(address, request).expect("a whole response")
}

/// As [`send`], but a broken connection is an answer too.
pub fn try_send(address: SocketAddr, request: &[u8]) -> Option<Response> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request).ok()?;
    read(&mut stream)
}

/// Reads one response: to the end of its declared length, or of the connection.
pub fn read(stream: &mut TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]);
    let mut response = Response::of_head(&head)?;
    let length: usize = response
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
    response.bytes = bytes.split_off(head_end + 4);
    response.body = String::from_utf8_lossy(&response.bytes).into_owned();
    Some(response)
}

/// Sends a request without a body and with further headers.
pub fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut text =
        format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    send(address, text.as_bytes())
}

/// Sends a GET request.
pub fn get(address: SocketAddr, target: &str) -> Response {
    request(address, "GET", target, &[])
}
