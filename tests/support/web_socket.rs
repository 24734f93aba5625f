//! A WebSocket as bytes, as far as a reader of Loki's live tail needs it.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::http;

/// An open connection.
pub struct WebSocket(TcpStream);

impl WebSocket {
    /// Asks for a WebSocket with further headers: the connection, or the status of the refusal.
    pub fn open(
        address: SocketAddr,
        target: &str,
        headers: &[&str],
    ) -> Result<Self, http::Response> {
        let mut stream = http::connect(address);
        let headers: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: keep-alive, Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).expect("a request");
        // Byte by byte: what follows the head belongs to the first frame.
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("the head of an answer");
            head.push(byte[0]);
        }
        let text = String::from_utf8(head).expect("text");
        let mut response = http::Response::of_head(text.trim_end()).expect("a status");
        if response.status != 101 {
            let length = response.header("content-length").unwrap_or("0");
            let mut body = vec![0; length.parse().expect("a length")];
            stream.read_exact(&mut body).expect("a body");
            response.body = String::from_utf8_lossy(&body).into_owned();
            return Err(response);
        }
        // From RFC 6455, 1.3: the answer to that key.
        let accepted = response.header("sec-websocket-accept");
        assert_eq!(accepted, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        Ok(Self(stream))
    }

    /// The next message; none when the connection ends.
    pub fn text(&mut self) -> Option<String> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).ok()?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length).ok()?;
                usize::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length).ok()?;
                usize::try_from(u64::from_be_bytes(length)).ok()?
            }
            length => usize::from(length),
        };
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).ok()?;
        // A text, or the end.
        (head[0] == 0x81).then(|| String::from_utf8(body).expect("text"))
    }
}
