//! A server that is slow, endless or huge costs the console a bounded time and size.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::support::http;
use crate::support::web_socket::WebSocket;
use salvo::Server;
use salvo::conn::tcp::TcpAcceptor;
use salvo_observability::console::proxy::{Backend, Kind, Limits};
use salvo_observability::console::{Console, Files};
use tokio::runtime::Runtime;

const PROXY: &str = "/api/datasources/proxy/uid";

/// Bounds that are soon reached.
fn tight() -> Limits {
    Limits {
        head: Duration::from_millis(300),
        whole: Duration::from_millis(900),
        answer_bytes: 100_000,
        tunnels: 1,
        ..Limits::default()
    }
}

/// A console before one server; it ends when dropped.
struct Bounded {
    address: SocketAddr,
    _runtime: Runtime,
}

fn console(kind: Kind, url: &str, limits: Limits) -> Bounded {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    let console = Console {
        files: Files::embedded(),
        dashboards: Vec::new(),
        data_sources: serde_json::json!([]),
        backends: vec![Backend::new(kind, url)],
        limits,
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let acceptor = TcpAcceptor::try_from(listener).unwrap();
    runtime.spawn(Server::new(acceptor).serve(console.service([]).unwrap()));
    drop(_entered);
    Bounded {
        address,
        _runtime: runtime,
    }
}

/// A server that does something with each connection, once the head of the request is there.
fn server(serve: fn(&str, &mut TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                    head.push(byte[0]);
                }
                serve(&String::from_utf8_lossy(&head), &mut stream);
            });
        }
    });
    url
}

/// Waits until the other side closes.
fn hold(stream: &mut TcpStream) {
    let _ = stream.read(&mut [0]);
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let url = server(|_, stream| hold(stream));
    let console = console(Kind::Tempo, &url, tight());
    let answer = http::get(console.address, &format!("{PROXY}/tempo/ready"));
    assert_eq!(answer.status, 504, "{}", answer.body);
    let expected = format!("Tempo at {url} has not answered within 0.3 s");
    assert_eq!(answer.json()["message"], expected);
}

#[test]
fn a_live_tail_that_is_not_answered_is_given_up() {
    let url = server(|_, stream| hold(stream));
    let console = console(Kind::Loki, &url, tight());
    let target = format!("{PROXY}/loki/loki/api/v1/tail");
    let refused = WebSocket::open(console.address, &target, &[])
        .err()
        .unwrap();
    assert_eq!(refused.status, 504, "{}", refused.body);
    // Its place is free again.
    let refused = WebSocket::open(console.address, &target, &[])
        .err()
        .unwrap();
    assert_eq!(refused.status, 504, "{}", refused.body);
}

#[test]
fn an_answer_that_says_it_is_too_large_is_refused() {
    let url = server(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n");
        hold(stream);
    });
    let console = console(Kind::Tempo, &url, tight());
    let answer = http::get(console.address, &format!("{PROXY}/tempo/ready"));
    assert_eq!(answer.status, 502, "{}", answer.body);
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("100000 bytes")
    );
}

/// Everything until the connection ends.
fn rest(console: &Bounded) -> String {
    let at = console.address;
    let mut stream = http::connect(at);
    let request = format!("GET {PROXY}/tempo/ready HTTP/1.1\r\nHost: {at}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn an_answer_without_an_end_is_broken_off() {
    let url = server(|_, stream| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head);
        while stream.write_all(b"5\r\nlines\r\n").is_ok() {}
    });
    let answer = rest(&console(Kind::Tempo, &url, tight()));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("lines") && !answer.ends_with("0\r\n\r\n"));
    assert!(answer.len() < 300_000, "{}", answer.len());
}

#[test]
fn an_answer_that_stops_on_its_way_is_broken_off() {
    let url = server(|_, stream| {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlines\r\n";
        let _ = stream.write_all(head);
        hold(stream);
    });
    let answer = rest(&console(Kind::Tempo, &url, tight()));
    assert!(
        answer.contains("lines") && !answer.ends_with("0\r\n\r\n"),
        "{answer}"
    );
}

#[test]
fn a_server_behind_a_path_is_asked_there() {
    let url = server(|head, stream| {
        let line = head.lines().next().unwrap_or_default();
        let length = line.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{line}");
        let _ = stream.write_all(answer.as_bytes());
    });
    for base in ["/behind/it", "/behind/it/"] {
        let console = console(Kind::Prometheus, &format!("{url}{base}"), tight());
        let target = format!("{PROXY}/prometheus/api/v1/label/a%20b/values?x=1");
        let answer = http::get(console.address, &target);
        let expected = "GET /behind/it/api/v1/label/a%20b/values?x=1 HTTP/1.1";
        assert_eq!(answer.body, expected);
    }
}

#[test]
fn more_live_tails_than_allowed_are_refused() {
    // Agrees to anything and then waits.
    let url = server(|_, stream| {
        let agreed = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x02hi";
        let _ = stream.write_all(agreed);
        hold(stream);
    });
    let console = console(Kind::Loki, &url, tight());
    let target = format!("{PROXY}/loki/loki/api/v1/tail");
    let mut first = WebSocket::open(console.address, &target, &[]).ok().unwrap();
    assert_eq!(first.text().as_deref(), Some("hi"));
    let refused = WebSocket::open(console.address, &target, &[])
        .err()
        .unwrap();
    assert_eq!(refused.status, 503, "{}", refused.body);
    drop(first);
    crate::support::eventually("its place is free again", || {
        WebSocket::open(console.address, &target, &[]).ok()
    });
}
