//! What the tests of OTLP's signals share: ports, headers, attributes, and recorded texts at another time.

use std::io::Write as _;
use std::net::SocketAddr;

use flate2::Compression;
use flate2::write::GzEncoder;
use lab_backends::otlp::{self, Receivers};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use salvo::conn::{Acceptor as _, TcpListener};
use salvo::prelude::{Listener as _, Server};

pub const JSON: (&str, &str) = ("content-type", "application/json");
pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
pub const GZIP: (&str, &str) = ("content-encoding", "gzip");

/// Opens both ports: the address of HTTP, and that of gRPC.
pub async fn open(receivers: Receivers) -> (SocketAddr, SocketAddr) {
    let acceptor = TcpListener::new("127.0.0.1:0").bind().await;
    let http = acceptor.holdings()[0].local_addr.clone();
    tokio::spawn(Server::new(acceptor).serve(otlp::router(&receivers)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grpc = listener.local_addr().unwrap();
    tokio::spawn(otlp::serve_grpc(
        listener,
        receivers,
        std::future::pending(),
    ));
    (http.into_std().unwrap(), grpc)
}

pub fn text(text: &str) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(text.to_owned())),
    }
}

pub fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(text(value)),
        ..KeyValue::default()
    }
}

pub fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A recorded text in which NOW and NOW+n stand for times: Unix nanoseconds.
pub fn at(text: &str, now: i64) -> String {
    let mut parts = text.split("NOW");
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let plus = part.strip_prefix('+').unwrap_or_default();
        let digits = plus.len() - plus.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (offset, rest) = match digits {
            0 => (0, part),
            _ => (plus[..digits].parse().unwrap(), &plus[digits..]),
        };
        filled.push_str(&(now + offset).to_string());
        filled.push_str(rest);
    }
    filled
}
