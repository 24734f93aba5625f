//! Pages of others reach no server of the lab through a person's browser: not to write, not to read,
//! and not under a name that they lead here. Flags allow further names and pages.

use crate::support::up;
use std::io::{Read, Write};
use std::net::SocketAddr;

use crate::support::http::{self, Response};
use crate::support::up::{Lab, with};
use crate::support::web_socket::WebSocket;

/// A path that each server answers with 200.
const READS: [(&str, &str); 5] = [
    ("console", "/api/status"),
    ("prometheus", "/api/v1/labels"),
    ("loki", "/loki/api/v1/labels"),
    ("tempo", "/api/search"),
    ("app", "/items/1"),
];

/// What writes, as a page can send it without asking: a body of plain text.
const WRITES: [(&str, &str, &str); 4] = [
    (
        "loki",
        "/loki/api/v1/push",
        r#"{"streams":[{"stream":{"a":"b"},"values":[]}]}"#,
    ),
    ("loki", "/api/prom/push", r#"{"streams":[]}"#),
    ("prometheus", "/api/v1/write", "x"),
    ("otlp_http", "/v1/traces", "{}"),
];

fn address(lab: &Lab, server: &str) -> SocketAddr {
    match server {
        "app" => lab.app("app-a"),
        server => lab.server(server),
    }
}

/// Sends a request with exactly these headers.
fn ask(at: SocketAddr, line: &str, headers: &[String], body: &str) -> Response {
    let headers: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
    let length = body.len();
    let text =
        format!("{line}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    http::send(at, text.as_bytes())
}

fn get(at: SocketAddr, path: &str, headers: &[String]) -> Response {
    ask(at, &format!("GET {path} HTTP/1.1"), headers, "")
}

/// Says why, names no route, and does not reflect a page.
fn is_refusal(answer: &Response) -> bool {
    let content = answer.header("content-type").unwrap_or_default();
    answer.status == 403
        && answer.header("access-control-allow-origin").is_none()
        && (content.starts_with("text/plain") || content.starts_with("application/json"))
}

#[test]
fn a_name_that_a_stranger_can_lead_here_reaches_no_server() {
    let lab = Lab::start(&["--app-count", "1"]);
    for (server, path) in READS.into_iter().chain([("app", "/metrics")]) {
        let at = address(&lab, server);
        let port = at.port();
        for host in [
            format!("Host: localhost:{port}"),
            format!("Host: LOCALHOST.:{port}"),
            format!("Host: 127.0.0.1:{port}"),
            format!("Host: [::1]:{port}"),
            "Host: 192.0.2.1".to_owned(),
        ] {
            let answer = get(at, path, std::slice::from_ref(&host));
            assert_eq!(answer.status, 200, "{server} {host}: {}", answer.body);
        }
        for host in [
            vec![format!("Host: evil.example:{port}")],
            vec![format!("Host: localhost.evil.example:{port}")],
            vec![format!("Host: 127.0.0.1.nip.io:{port}")],
            vec![format!("Host: evil.example@127.0.0.1:{port}")],
            vec![format!("Host: 127.0.0.1:{port}@evil.example")],
            vec!["Host: localhost:port".to_owned()],
            vec!["Host: ".to_owned()],
            vec![
                "Host: localhost".to_owned(),
                "Host: evil.example".to_owned(),
            ],
            vec![],
        ] {
            let answer = get(at, path, &host);
            assert!(is_refusal(&answer), "{server} {host:?}: {answer:?}");
            assert!(answer.body.contains("localhost"), "{}", answer.body);
        }
        // A target that is a URL counts as much as the header.
        let host = [format!("Host: localhost:{port}")];
        let evil = get(at, &format!("http://evil.example:{port}{path}"), &host);
        assert!(is_refusal(&evil), "{server}: {evil:?}");
        let own = get(at, &format!("http://127.0.0.1:{port}{path}"), &host);
        assert_eq!(own.status, 200, "{server}: {}", own.body);
        // Only HTTP/1.0 knows requests without one; no browser sends it.
        let old = ask(at, &format!("GET {path} HTTP/1.0"), &[], "");
        assert_eq!(old.status, 200, "{server}: {}", old.body);
    }
}

#[test]
fn a_page_of_another_origin_writes_nothing() {
    let lab = Lab::start(&["--no-apps"]);
    for (server, path, body) in WRITES {
        let at = lab.server(server);
        for page in [
            "Origin: http://evil.example",
            "Origin: http://localhost:5173",
            "Origin: null",
            "Origin: ",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
        ] {
            for kind in [
                "text/plain;charset=UTF-8",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "application/json",
                "application/x-protobuf",
            ] {
                let headers = [
                    format!("Host: {at}"),
                    page.to_owned(),
                    format!("Content-Type: {kind}"),
                ];
                let answer = ask(at, &format!("POST {path} HTTP/1.1"), &headers, body);
                assert!(is_refusal(&answer), "{path} {page} {kind}: {answer:?}");
            }
        }
        // A program that is no browser, and the server's own page, are let in.
        for own in [
            "User-Agent: curl".to_owned(),
            format!("Origin: http://{at}"),
        ] {
            let headers = [
                format!("Host: {at}"),
                own,
                "Content-Type: application/json".to_owned(),
            ];
            let answer = ask(at, &format!("POST {path} HTTP/1.1"), &headers, body);
            assert_ne!(answer.status, 403, "{path}: {}", answer.body);
        }
    }
}

#[test]
fn a_page_of_another_origin_reads_nothing() {
    let lab = Lab::start(&["--app-count", "1"]);
    for (server, path) in READS {
        let at = address(&lab, server);
        for page in [
            vec!["Origin: http://evil.example"],
            vec!["Origin: http://127.0.0.1:1"],
            vec!["Origin: null"],
            vec!["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"],
            vec![
                "Sec-Fetch-Site: cross-site",
                "Sec-Fetch-Mode: navigate",
                "Sec-Fetch-Dest: iframe",
            ],
        ] {
            let host = format!("Host: {at}");
            let headers: Vec<String> = page.iter().map(|it| (*it).to_owned()).collect();
            let answer = get(at, path, &[vec![host], headers].concat());
            assert!(is_refusal(&answer), "{server} {page:?}: {answer:?}");
        }
        // A link that a person follows.
        let headers = [
            format!("Host: {at}"),
            "Sec-Fetch-Site: cross-site".to_owned(),
            "Sec-Fetch-Mode: navigate".to_owned(),
            "Sec-Fetch-Dest: document".to_owned(),
        ];
        assert_eq!(get(at, path, &headers).status, 200, "{server}");
        // What a browser asks before it lets a page send more.
        let headers = [
            format!("Host: {at}"),
            "Origin: http://evil.example".to_owned(),
            "Access-Control-Request-Method: POST".to_owned(),
            "Access-Control-Request-Private-Network: true".to_owned(),
        ];
        let answer = ask(at, &format!("OPTIONS {path} HTTP/1.1"), &headers, "");
        assert!(is_refusal(&answer), "{server}: {answer:?}");
    }
    let loki = lab.server("loki");
    let tail = with("/loki/api/v1/tail", &[("query", "{a=\"b\"}")]);
    for page in ["Origin: http://evil.example", "Origin: null"] {
        let refused = WebSocket::open(loki, &tail, &[page]).err().unwrap();
        assert!(is_refusal(&refused), "{page}: {refused:?}");
    }
    let own = format!("Origin: http://{loki}");
    assert!(WebSocket::open(loki, &tail, &[&own]).is_ok());
    assert!(WebSocket::open(loki, &tail, &[]).is_ok());
}

#[test]
fn a_browser_cannot_speak_to_the_grpc_receiver() {
    let lab = Lab::start(&["--no-apps"]);
    let at = lab.server("otlp_grpc");
    let mut stream = http::connect(at);
    let head = "POST /opentelemetry.proto.collector.trace.v1.TraceService/Export HTTP/1.1";
    let request = format!("{head}\r\nHost: {at}\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    let ingested = "lab_store_ingested_total{kind=\"span\",store=\"traces\"}";
    assert_eq!(lab.metric(ingested), 0.0);
}

#[test]
fn flags_allow_further_names_and_pages() {
    let lab = Lab::start(&[
        "--app-count",
        "1",
        "--allow-host",
        "host.docker.internal,*.lab.example",
        "--allow-origin",
        "http://localhost:5173",
    ]);
    for (server, path) in READS {
        let at = address(&lab, server);
        for (host, status) in [
            ("host.docker.internal:9090", 200),
            ("Host.Docker.Internal.", 200),
            ("a.b.lab.example", 200),
            ("lab.example", 403),
            ("evil-lab.example", 403),
            ("docker.internal", 403),
        ] {
            let answer = get(at, path, &[format!("Host: {host}")]);
            assert_eq!(answer.status, status, "{server} {host}: {}", answer.body);
        }
        let page = |origin: &str| {
            vec![
                format!("Host: {at}"),
                format!("Origin: {origin}"),
                "Sec-Fetch-Site: cross-site".to_owned(),
            ]
        };
        let origin = "http://localhost:5173";
        let answer = get(at, path, &page(origin));
        assert_eq!(answer.status, 200, "{server}: {}", answer.body);
        let allowed = answer.header("access-control-allow-origin");
        assert_eq!(allowed, Some(origin), "{server}");
        let varies = answer.head.to_ascii_lowercase();
        assert!(varies.contains("vary: origin"), "{varies}");
        assert!(is_refusal(&get(at, path, &page("http://localhost:5174"))));

        let asks = [
            "Access-Control-Request-Method: POST".to_owned(),
            "Access-Control-Request-Headers: content-type".to_owned(),
        ];
        let headers = [page(origin), asks.to_vec()].concat();
        let answer = ask(at, &format!("OPTIONS {path} HTTP/1.1"), &headers, "");
        assert_eq!(answer.status, 204, "{server}: {}", answer.body);
        for (name, expected) in [
            ("access-control-allow-origin", origin),
            ("access-control-allow-headers", "content-type"),
        ] {
            assert_eq!(answer.header(name), Some(expected), "{server}");
        }
        let methods = answer.header("access-control-allow-methods").unwrap();
        assert!(methods.contains("POST"), "{methods}");
    }
    // Without CORS a browser would not let the page of a web app send its spans.
    let at = lab.server("otlp_http");
    let headers = [
        format!("Host: {at}"),
        "Origin: http://localhost:5173".to_owned(),
        "Content-Type: application/json".to_owned(),
    ];
    let taken = ask(at, "POST /v1/traces HTTP/1.1", &headers, "{}");
    assert_eq!(taken.status, 200, "{}", taken.body);
    assert!(taken.header("access-control-allow-origin").is_some());
}

#[test]
fn a_name_or_page_that_is_none_is_refused_at_the_start() {
    for (flag, value, said) in [
        ("--allow-host", "http://lab.example", "host name"),
        ("--allow-host", "lab.example:80", "host name"),
        ("--allow-origin", "lab.example", "http://host:port"),
        ("--allow-origin", "null", "http://host:port"),
    ] {
        let ended = up::run(&[flag, value]);
        assert_eq!(ended.status.code(), Some(2), "{value}");
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(text.contains(flag) && text.contains(said), "{text}");
    }
}
