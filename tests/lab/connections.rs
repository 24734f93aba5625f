//! Connections that nobody uses keep nobody out, and requests that no route takes are answered as the
//! real servers answer them.
#![cfg(target_os = "linux")]

use crate::support::up;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::eventually;
use crate::support::http;
use crate::support::up::Lab;

/// A request is answered within this time, however many connections there are. Without bounds it waits
/// until idle ones are closed, which takes 30 s.
const SOON: Duration = Duration::from_secs(10);

/// `lab up` that may have so many files open.
fn with_files(files: u32, flags: &[&str]) -> Command {
    let mut command = Command::new("/bin/sh");
    let script = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_lab"), "up"]);
    command.env_clear().args(flags);
    command
}

fn small() -> Lab {
    let ports = up::PORT_FLAGS.iter().flat_map(|flag| [*flag, "0"]);
    let flags: Vec<_> = ["--json", "--no-apps"].into_iter().chain(ports).collect();
    let mut lab = Lab::of(with_files(400, &flags));
    lab.ready = eventually("the lab is ready", || {
        let events = lab.events();
        events.into_iter().find(|event| event["event"] == "ready")
    });
    lab
}

#[test]
fn connections_that_send_nothing_or_half_a_head_keep_nobody_out() {
    let lab = small();
    let servers = ["console", "prometheus", "loki", "tempo", "otlp_http"];
    let mut held = Vec::new();
    for server in servers.into_iter().chain(["otlp_grpc"]) {
        for number in 0..100 {
            let Ok(mut stream) = TcpStream::connect(lab.server(server)) else {
                continue;
            };
            if number % 2 == 0 {
                let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: local");
            }
            held.push(stream);
        }
    }
    for (server, path) in [
        ("console", "/api/status"),
        ("prometheus", "/-/ready"),
        ("loki", "/ready"),
        ("tempo", "/ready"),
        ("otlp_http", "/none"),
    ] {
        let started = Instant::now();
        let answer = lab.get(server, path);
        assert!([200, 404].contains(&answer.status), "{server}");
        assert!(
            started.elapsed() < SOON,
            "{server}: {:?}",
            started.elapsed()
        );
    }
    let running = held.len();
    assert!(running > 300, "{running}");
}

#[test]
fn a_request_that_runs_is_answered_although_its_place_is_wanted() {
    let lab = small();
    let at = lab.server("loki");
    let body = br#"{"streams":[{}]}"#;
    let head = format!(
        "POST /loki/api/v1/push HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/json\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut first = http::connect(at);
    first.write_all(head.as_bytes()).unwrap();
    // Its request runs from here on.
    let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    first.read_exact(&mut interim).unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    let _others: Vec<_> = (0..100).map(|_| TcpStream::connect(at)).collect();
    let ready = format!("GET /ready HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    eventually("a later one is answered", || {
        let answer = http::try_send(at, ready.as_bytes())?;
        (answer.status == 200).then_some(())
    });
    first.write_all(body).unwrap();
    let answer = http::read(&mut first).expect("an answer");
    assert_eq!(answer.status, 204, "{}", answer.body);
}

#[test]
fn too_few_files_are_named_as_the_cause() {
    let ports = up::PORT_FLAGS.iter().flat_map(|flag| [*flag, "0"]);
    let mut command = with_files(16, &ports.collect::<Vec<_>>());
    let ended = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        text.contains("16 files") && text.contains("ulimit -n"),
        "{text}"
    );
}

fn ask(at: SocketAddr, method: &str, path: &str) -> http::Response {
    http::request(at, method, path, &[])
}

#[test]
fn what_no_route_takes_is_answered_as_the_real_servers_do() {
    let lab = Lab::start(&["--no-apps"]);
    for (server, read, method) in [
        (
            "prometheus",
            "/api/v1/status/buildinfo",
            "Method Not Allowed\n",
        ),
        ("loki", "/loki/api/v1/labels", ""),
        ("tempo", "/api/search", ""),
    ] {
        let at = lab.server(server);
        for path in [
            "/",
            "/none",
            "/api/v1/none",
            "/loki/api/v2/labels",
            "/api/traces/1/2",
        ] {
            for asked in ["GET", "POST", "HEAD"] {
                let answer = match asked {
                    "HEAD" => head(at, path),
                    asked => ask(at, asked, path),
                };
                assert_eq!(answer.status, 404, "{server} {asked} {path}");
                let content = answer.header("content-type");
                assert_eq!(content, Some("text/plain; charset=utf-8"), "{server}");
                let expected = if asked == "HEAD" {
                    ""
                } else {
                    "404 page not found\n"
                };
                assert_eq!(answer.body, expected, "{server} {asked} {path}");
            }
        }
        let answer = ask(at, "DELETE", read);
        assert_eq!((answer.status, &*answer.body), (405, method), "{server}");
    }
    let answer = ask(lab.server("otlp_http"), "POST", "/none");
    assert_eq!(
        (answer.status, &*answer.body),
        (404, "404 page not found\n")
    );
}

/// The head of an answer to HEAD.
fn head(at: SocketAddr, path: &str) -> http::Response {
    let mut stream = http::connect(at);
    let request = format!("HEAD {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let mut response = http::Response::of_head(head).expect("a status");
    response.body = body.to_owned();
    response
}

#[test]
fn head_is_answered_as_get_without_a_body() {
    let lab = Lab::start(&["--no-apps"]);
    for (server, path) in [
        ("console", "/"),
        ("console", "/api/status"),
        ("console", "/api/datasources"),
        ("console", "/api/dashboards"),
        ("console", "/metrics"),
        ("console", "/none"),
        ("prometheus", "/-/ready"),
        ("prometheus", "/api/v1/query?query=1"),
        ("prometheus", "/api/v1/label/job/values"),
        ("prometheus", "/metrics"),
        ("loki", "/ready"),
        ("loki", "/loki/api/v1/labels"),
        ("loki", "/loki/api/v1/query_range?query=%7B"),
        ("tempo", "/ready"),
        ("tempo", "/api/echo"),
        ("tempo", "/api/search?limit=x"),
        ("tempo", "/api/v2/search/tag/name/values"),
    ] {
        let at = lab.server(server);
        let get = ask(at, "GET", path);
        let head = head(at, path);
        assert_eq!(head.status, get.status, "{server} {path}");
        assert_eq!(head.body, "", "{server} {path}");
        for name in ["content-type", "content-security-policy"] {
            assert_eq!(head.header(name), get.header(name), "{server} {path}");
        }
    }
}

#[test]
fn a_request_whose_end_is_not_clear_is_the_last_one_of_its_connection() {
    let lab = Lab::start(&[]);
    let instance = lab.ready["apps"]["app-a"].as_str().unwrap();
    let instance: SocketAddr = instance.trim_start_matches("http://").parse().unwrap();
    let servers = ["console", "prometheus", "loki", "tempo", "otlp_http"];
    let servers = servers.map(|server| lab.server(server));
    for at in servers.into_iter().chain([instance]) {
        // Responses to a request and to another one behind it.
        let responses = |headers: &str| {
            let mut stream = http::connect(at);
            let request = format!(
                "POST / HTTP/1.1\r\nHost: {at}\r\n{headers}\
                 GET /none HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut answered = Vec::new();
            // The server may reset the connection, since it reads no further.
            let _ = stream.read_to_end(&mut answered);
            let answered = String::from_utf8_lossy(&answered).into_owned();
            answered.matches("HTTP/1.1 ").count()
        };
        assert_eq!(responses("Content-Length: 3\r\n\r\nabc"), 2, "{at}");
        for unclear in [
            "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
            "Content-Length: 3, 5\r\n\r\nabc",
            "Content-Length: +3\r\n\r\nabc",
            "Content-Length: -1\r\n\r\n",
            "Content-Length : 3\r\n\r\nabc",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc",
            "Transfer-Encoding: chunked\r\n\r\n0\n\n",
            "Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n",
            "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
            "X-Null: a\0b\r\n\r\n",
            "X-Return: a\rb\r\n\r\n",
        ] {
            assert_eq!(responses(unclear), 1, "{at}: {unclear:?}");
        }
        for second in ["evil.example", "localhost"] {
            let request = format!("GET / HTTP/1.1\r\nHost: {at}\r\nHost: {second}\r\n\r\n");
            let mut stream = http::connect(at);
            stream.write_all(request.as_bytes()).unwrap();
            let answer = http::read(&mut stream).expect("an answer");
            assert!([400, 403].contains(&answer.status), "{at}: {answer:?}");
        }
    }
}
