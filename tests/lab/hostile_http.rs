//! What an attacker sends and no client library would: bodies that look like requests, targets elsewhere, large
//! heads, floods of frames. And who listens, on which addresses.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use crate::support::http;
use crate::support::up::Lab;

/// Each HTTP server with a path that it answers.
const SERVERS: [(&str, &str); 6] = [
    ("app", "/items/1"),
    ("console", "/api/status"),
    ("prometheus", "/api/v1/labels"),
    ("loki", "/loki/api/v1/labels"),
    ("tempo", "/api/search"),
    ("otlp_http", "/v1/traces"),
];

/// The request that an attacker hides in the body of another.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The next request of an honest client on the same connection.
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn address(lab: &Lab, server: &str) -> SocketAddr {
    match server {
        "app" => lab.app("app-a"),
        server => lab.server(server),
    }
}

/// Sends bytes and reads until the server closes, as it must.
fn until_closed(at: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = http::connect(at);
    let sent = stream.write_all(bytes);
    let mut answer = Vec::new();
    if let Err(error) = sent.and_then(|()| stream.read_to_end(&mut answer).map(drop)) {
        let closed = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(closed.contains(&error.kind()), "{error}");
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// The statuses of all responses in these bytes.
fn statuses(answer: &str) -> Vec<&str> {
    let heads = answer.split("HTTP/1.1 ").skip(1);
    heads.map(|head| head.get(..3).unwrap_or(head)).collect()
}

#[test]
fn a_request_in_the_body_of_another_is_not_answered() {
    let lab = Lab::start(&["--app-count", "1"]);
    let length = HIDDEN.len();
    for (server, path) in SERVERS {
        let at = address(&lab, server);
        for (line, host) in [
            (format!("GET {path}"), "localhost"),
            (format!("POST {path}"), "localhost"),
            (format!("DELETE {path}"), "localhost"),
            ("GET /nope".to_owned(), "localhost"),
            (format!("POST {path}"), "evil.example"),
        ] {
            for body in [
                format!("Content-Length: {length}\r\n\r\n{HIDDEN}"),
                format!("Content-Length: {length}\r\nContent-Length: {length}\r\n\r\n{HIDDEN}"),
                format!(
                    "Transfer-Encoding: chunked\r\n\r\n{length:x};a=b\r\n{HIDDEN}\r\n0\r\n\r\n"
                ),
            ] {
                let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\n{body}{NEXT}");
                let answer = until_closed(at, request.as_bytes());
                let statuses = statuses(&answer);
                assert_eq!(statuses.len(), 2, "{server} {line} {body:?}: {answer}");
                assert_eq!(statuses[1], "404", "{server} {line}: {answer}");
            }
        }
    }
}

/// A request without a body whose head has so many bytes.
fn head_of(path: &str, bytes: usize) -> Vec<u8> {
    let (start, end) = (
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Long: "),
        "\r\n\r\n",
    );
    let value = "a".repeat(bytes - start.len() - end.len());
    [start, value, end.to_owned()].concat().into_bytes()
}

#[test]
fn a_head_beyond_its_bound_is_431_on_every_server() {
    let lab = Lab::start(&["--app-count", "1"]);
    for (server, path) in SERVERS {
        let at = address(&lab, server);
        // The service's own bound is smaller.
        let most = if server == "app" { 16 << 10 } else { 64 << 10 };
        let head = |bytes| head_of(path, bytes);
        assert_ne!(http::send(at, &head(most)).status, 431, "{server}");
        for bytes in [most + 1, most + (1 << 10), 3 * most] {
            assert_eq!(http::send(at, &head(bytes)).status, 431, "{server} {bytes}");
        }
        let names: Vec<String> = (0..200).map(|number| format!("x-{number}")).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let answer = http::request(at, "GET", path, &many);
        assert_eq!(answer.status, 431, "{server}: {answer:?}");
    }
}

#[test]
fn no_request_makes_a_server_call_an_address_of_its_choice() {
    let lab = Lab::start(&["--app-count", "1"]);
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let at = trap.local_addr().unwrap();
    for (server, path) in SERVERS {
        for request in [
            format!("GET http://{at}{path} HTTP/1.1\r\nHost: localhost\r\n"),
            format!("GET //{at}{path} HTTP/1.1\r\nHost: localhost\r\n"),
            format!("CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n"),
            format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nX-Forwarded-Host: {at}\r\n"),
            format!("GET {path}?url=http://{at}&target={at} HTTP/1.1\r\nHost: localhost\r\n"),
        ] {
            let request = format!("{request}Connection: close\r\n\r\n");
            let answer = until_closed(address(&lab, server), request.as_bytes());
            assert_eq!(statuses(&answer).len(), 1, "{server} {request}: {answer}");
            if request.starts_with("CONNECT") {
                assert!(!answer.starts_with("HTTP/1.1 2"), "{server}: {answer}");
            }
        }
        let trace = format!(
            "TRACE {path} HTTP/1.1\r\nHost: localhost\r\nCookie: sesame\r\nConnection: close\r\n\r\n"
        );
        let answer = until_closed(address(&lab, server), trace.as_bytes());
        assert_eq!(statuses(&answer), ["405"], "{server}: {answer}");
        assert!(!answer.contains("sesame"), "{server}: {answer}");
    }
    for name in ["X-Forwarded-Host", "X-Target", "Forwarded", "Referer"] {
        let target = format!("/chain?target={at}&url=http://{at}&TARGET_ONE_HOST={at}");
        let value = format!("host={at}");
        let answer = http::request(lab.app("app-a"), "GET", &target, &[(name, &value)]);
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
    }
    for path in [
        format!("http://{at}/ready"),
        format!("http:%2f%2f{at}/ready"),
        format!("loki@{at}/ready"),
        format!("loki//{at}/ready"),
        format!("{at}/ready"),
    ] {
        let target = format!("/api/datasources/proxy/uid/{path}");
        let answer = lab.get("console", &target);
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
    }
    let order = format!(r#"{{"app":"app-a","path":"http://{at}/"}}"#);
    let json = ["Content-Type: application/json"];
    let answer = lab.post("console", "/api/traffic/requests", &json, order.as_bytes());
    assert_eq!(answer.status, 400, "{}", answer.body);
    let called = trap.accept().map(|(_, from)| from);
    assert_eq!(
        called.map_err(|error| error.kind()),
        Err(ErrorKind::WouldBlock)
    );
}

/// A frame of HTTP/2: type, flags, stream, content.
fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let mut frame = (content.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(content);
    frame
}

/// Type and content of the last frame.
fn last_frame(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    let mut last = None;
    while let [high, middle, low, kind, _, _, _, _, _, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
        let (content, after) = rest.split_at_checked(length)?;
        last = Some((*kind, content));
        bytes = after;
    }
    last
}

#[test]
fn a_flood_of_http_2_frames_ends_its_connection_and_takes_no_memory() {
    const HEADERS: u8 = 1;
    const RESET: u8 = 3;
    const SETTINGS: u8 = 4;
    const GO_AWAY: u8 = 7;
    const CONTINUATION: u8 = 9;
    let lab = Lab::start(&["--no-apps"]);
    // POST, http, /, localhost in HPACK.
    let head = [b"\x83\x86\x84\x41\x09".as_slice(), b"localhost"].concat();
    let field = [b"\x00\x01a\x7f\xa1\x01".as_slice(), &[b'x'; 288]].concat();
    let reset = |number: u32| {
        let stream = 2 * number + 1;
        let opened = frame(HEADERS, 4, stream, &head);
        [opened, frame(RESET, 0, stream, &[0, 0, 0, 8])].concat()
    };
    let open = frame(HEADERS, 0, 1, &head);
    let fields = frame(CONTINUATION, 0, 1, &field.repeat(50));
    let nothing = frame(CONTINUATION, 0, 1, b"");
    let floods: [(&str, Vec<u8>); 3] = [
        (
            "continuations",
            [open.clone(), fields.repeat(2000)].concat(),
        ),
        (
            "empty continuations",
            [open, nothing.repeat(500_000)].concat(),
        ),
        ("resets", (0..100_000).flat_map(reset).collect()),
    ];
    let before = lab.memory();
    for (name, flood) in floods {
        let mut stream = http::connect(lab.server("otlp_grpc"));
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        stream
            .write_all(&[preface, frame(SETTINGS, 0, 0, b"")].concat())
            .unwrap();
        // The server closes before it has read all, and says why: 11 is ENHANCE_YOUR_CALM.
        let _ = stream.write_all(&flood);
        let mut answer = Vec::new();
        let ended = stream
            .read_to_end(&mut answer)
            .map_err(|error| error.kind());
        assert!(
            matches!(ended, Ok(_) | Err(ErrorKind::ConnectionReset)),
            "{name}: {ended:?}"
        );
        let last = last_frame(&answer).unwrap_or_else(|| panic!("{name}: {answer:?}"));
        assert_eq!(
            (last.0, last.1.get(4..8)),
            (GO_AWAY, Some(&[0, 0, 0, 11][..])),
            "{name}"
        );
    }
    let grown = lab.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
    assert_eq!(lab.get("console", "/api/status").status, 200);
}

/// The addresses at which a process listens, by the kernel's tables.
fn listeners(process: u32) -> BTreeSet<SocketAddr> {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let sockets: BTreeSet<String> = files
        .filter_map(|file| {
            let target = std::fs::read_link(file.ok()?.path()).ok()?;
            let target = target.to_str()?.strip_prefix("socket:[")?;
            Some(target.strip_suffix(']')?.to_owned())
        })
        .collect();
    let mut found = BTreeSet::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap();
        for line in text.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            // 0A is LISTEN; a bound socket of UDP is 07.
            let listens = words[3] == if table.starts_with("tcp") { "0A" } else { "07" };
            if !listens || !sockets.contains(words[9]) {
                continue;
            }
            let (host, port) = words[1].split_once(':').unwrap();
            let port = u16::from_str_radix(port, 16).unwrap();
            let host = match u32::from_str_radix(host, 16) {
                Ok(host) => IpAddr::V4(Ipv4Addr::from(host.to_ne_bytes())),
                Err(_) => panic!("{process} listens on {host} in {table}"),
            };
            found.insert(SocketAddr::new(host, port));
        }
    }
    found
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_listens_beyond_what_is_told_and_that_is_on_loopback() {
    let lab = Lab::start(&[]);
    let told: BTreeSet<SocketAddr> = lab.addresses().into_iter().collect();
    assert_eq!(told.len(), 9, "{told:?}");
    let mut found = listeners(lab.id());
    for instance in lab.instances() {
        found.extend(listeners(instance.id));
    }
    assert_eq!(found, told);
    for address in told {
        assert!(address.ip().is_loopback(), "{address}");
    }
}
