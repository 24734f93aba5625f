//! The console asks Prometheus, Loki and Tempo through the lab, embedded or real, and only reads.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::http::{self, Response};
use crate::support::up::{Lab, with};
use crate::support::web_socket::WebSocket;
use crate::support::{PATIENCE, eventually};

const PROXY: &str = "/api/datasources/proxy/uid";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn proxied(lab: &Lab, target: &str) -> Response {
    lab.get("console", &format!("{PROXY}/{target}"))
}

fn call(lab: &Lab, app: &str, path: &str) {
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    http::request(lab.app(app), "GET", path, &[("traceparent", &parent)]);
}

#[test]
fn answers_pass_as_they_are_good_and_bad() {
    let lab = Lab::start(&["--app-count", "1"]);
    call(&lab, "app-a", "/items/1");
    eventually("the trace", || (!lab.spans(TRACE).is_empty()).then_some(()));
    eventually("a scrape", || {
        let answer = lab.json(
            "prometheus",
            "/api/v1/query",
            &[("query", "up{job=\"app-a\"}")],
        );
        answer["data"]["result"].get(0).map(|_| ())
    });
    let range = [("start", "1000"), ("end", "2000"), ("step", "100")];
    let query = |path: &str, query: &str| with(path, &[&[("query", query)], &range[..]].concat());
    let lines = r#"{compose_service="app-a"} |= "x" | logfmt"#;
    for (server, path, status) in [
        ("prometheus", query("/api/v1/query_range", "up + 1"), 200),
        ("prometheus", query("/api/v1/query_range", "up +"), 400),
        ("prometheus", query("/api/v1/query_exemplars", "up"), 200),
        ("prometheus", "/api/v1/labels".to_owned(), 200),
        ("prometheus", "/api/v1/label/job/values".to_owned(), 200),
        (
            "prometheus",
            with("/api/v1/series", &[("match[]", "up")]),
            200,
        ),
        ("prometheus", "/api/v1/series".to_owned(), 400),
        ("prometheus", query("/api/v1/format_query", "up+1"), 200),
        ("prometheus", query("/api/v1/parse_query", "up +"), 400),
        ("prometheus", "/api/v1/metadata".to_owned(), 200),
        ("prometheus", "/api/v1/status/buildinfo".to_owned(), 200),
        ("prometheus", "/-/ready".to_owned(), 200),
        ("prometheus", "/-/healthy".to_owned(), 200),
        ("loki", query("/loki/api/v1/query_range", lines), 200),
        ("loki", query("/loki/api/v1/query_range", "{a="), 400),
        (
            "loki",
            query("/loki/api/v1/index/stats", "{source=\"stdout\"}"),
            200,
        ),
        (
            "loki",
            query("/loki/api/v1/index/volume", "{source=\"none\"}"),
            200,
        ),
        ("loki", "/loki/api/v1/labels".to_owned(), 200),
        ("loki", "/loki/api/v1/label/source/values".to_owned(), 200),
        ("loki", "/loki/api/v1/series".to_owned(), 200),
        (
            "loki",
            with("/loki/api/v1/format_query", &[("query", "{a=\"b\"}")]),
            200,
        ),
        (
            "loki",
            with("/loki/api/v1/detected_fields", &[("query", "{a=\"b\"}")]),
            200,
        ),
        (
            "loki",
            with(
                "/loki/api/v1/detected_field/level/values",
                &[("query", "{a=\"b\"}")],
            ),
            200,
        ),
        ("loki", "/loki/api/v1/status/buildinfo".to_owned(), 200),
        ("loki", "/ready".to_owned(), 200),
        ("tempo", format!("/api/traces/{TRACE}"), 200),
        ("tempo", format!("/api/v2/traces/{TRACE}"), 200),
        ("tempo", format!("/api/traces/{}", "1".repeat(32)), 404),
        (
            "tempo",
            with("/api/search", &[("q", "{ status = error }")]),
            200,
        ),
        ("tempo", with("/api/search", &[("q", "{ oops")]), 400),
        ("tempo", "/api/search/tags".to_owned(), 200),
        (
            "tempo",
            "/api/search/tag/service.name/values".to_owned(),
            200,
        ),
        ("tempo", "/api/v2/search/tags".to_owned(), 200),
        (
            "tempo",
            "/api/v2/search/tag/resource.service.name/values".to_owned(),
            200,
        ),
        ("tempo", "/api/echo".to_owned(), 200),
        ("tempo", "/api/status/buildinfo".to_owned(), 200),
        ("tempo", "/ready".to_owned(), 200),
    ] {
        let direct = lab.get(server, &path);
        let answer = proxied(&lab, &format!("{server}{path}"));
        assert_eq!(answer.status, status, "{server}{path}: {}", answer.body);
        assert_eq!(answer.status, direct.status, "{server}{path}");
        assert_eq!(answer.body, direct.body, "{server}{path}");
        let kind = "content-type";
        assert_eq!(answer.header(kind), direct.header(kind), "{server}{path}");
    }
    let targets = proxied(&lab, "prometheus/api/v1/targets");
    assert!(targets.body.contains("app-a"), "{}", targets.body);
}

#[test]
fn long_queries_go_to_prometheus_as_forms() {
    let lab = Lab::start(&["--no-apps"]);
    let long = format!("query=up%7Bjob%3D%22{}%22%7D", "a".repeat(20_000));
    for (path, body, status) in [
        ("query", "query=1%2B1", 200),
        ("query", &*long, 200),
        ("query", "query=1%2B", 400),
        ("query_range", "query=up&start=0&end=10&step=5", 200),
        ("query_exemplars", "query=up&start=0&end=10", 200),
        ("labels", "", 200),
        ("series", "match%5B%5D=up", 200),
    ] {
        let path = format!("/api/v1/{path}");
        let direct = lab.post("prometheus", &path, &[FORM], body.as_bytes());
        let target = format!("{PROXY}/prometheus{path}");
        let answer = lab.post("console", &target, &[FORM], body.as_bytes());
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.status, direct.status);
        // The time of an instant query is that of its arrival.
        if path != "/api/v1/query" || status != 200 {
            assert_eq!(answer.body, direct.body, "{path}");
        }
    }
    let target = format!("{PROXY}/prometheus/api/v1/query");
    let huge = "a".repeat((256 << 10) + 1);
    let answer = lab.post("console", &target, &[FORM], huge.as_bytes());
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(
        answer.json()["message"]
            .as_str()
            .unwrap()
            .contains("262144")
    );
}

#[test]
fn nothing_but_reading_is_forwarded() {
    let lab = Lab::start(&["--no-apps"]);
    for target in [
        "GET /loki/loki/api/v1/push",
        "POST /loki/loki/api/v1/push",
        "POST /loki/api/prom/push",
        "POST /loki/loki/api/v1/query_range",
        "POST /prometheus/api/v1/write",
        "GET /prometheus/api/v1/write",
        "POST /prometheus/api/v1/metadata",
        "PUT /prometheus/api/v1/query",
        "DELETE /prometheus/api/v1/series",
        "POST /prometheus/api/v1/admin/tsdb/delete_series",
        "POST /prometheus/-/reload",
        "POST /prometheus/-/quit",
        "GET /prometheus/metrics",
        "GET /prometheus/debug/pprof/cmdline",
        "POST /tempo/v1/traces",
        "POST /tempo/api/search",
        "GET /tempo/flush",
        "GET /tempo/status/config",
        "GET /tempo/",
        "GET /tempo",
        "GET /grafana/api/health",
        "GET /",
        // Ways around.
        "GET /loki/loki/api/v1/query/../push",
        "GET /loki/loki/api/v1/label/../push",
        "GET /loki/loki/api/v1/label/%2e%2e/values",
        "GET /loki/loki/api/v1/label/..%2f..%2fpush/values",
        "GET /loki/loki/api/v1/label/%2e%2e%2fpush/values",
        "GET /loki/loki/api/v1/label/a%5c..%5cpush/values",
        "GET /loki/loki/api/v1/label/%252e%252e/values",
        "GET /loki/loki/api/v1/label//values",
        "GET /loki/loki/api/v1/label/a%0d%0ab/values",
        "GET /loki//loki/api/v1/query",
        "GET /loki/loki/api/v1/query/",
        "GET /tempo/api/traces/..%2f..%2fflush",
        "GET /tempo/api/traces/a/../../flush",
        "GET /tempo/api/traces/%00",
        "GET /%6coki/ready",
        "GET /tempo/http://127.0.0.1:1/",
        "GET /tempo/@127.0.0.1:1/ready",
        "GET /tempo%2fready",
    ] {
        let (method, path) = target.split_once(' ').unwrap();
        let answer = http::request(
            lab.server("console"),
            method,
            &format!("{PROXY}{path}"),
            &[("Content-Length", "0")],
        );
        assert_eq!(answer.status, 403, "{target}: {}", answer.body);
        assert!(answer.json()["message"].is_string(), "{target}");
    }
    // Nothing of this came anywhere.
    for store in ["logs", "traces", "metrics"] {
        assert_eq!(lab.refused(store, "malformed_request"), 0.0, "{store}");
    }
    // Another spelling of what is allowed is allowed.
    assert_eq!(proxied(&lab, "loki/%6Coki/api/v1/labels").status, 200);
}

#[test]
fn a_redirect_and_a_cookie_of_a_server_do_not_reach_the_browser() {
    let (url, told) = canned(
        b"HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nSet-Cookie: a=b\r\nAccess-Control-Allow-Origin: *\r\nRefresh: 0; url=http://evil.example/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    );
    let lab = Lab::start(&["--no-apps", "--loki", &url]);
    let answer = proxied(&lab, "loki/ready");
    told.recv_timeout(PATIENCE).unwrap();
    assert_eq!(answer.status, 302, "{answer:?}");
    for name in [
        "location",
        "set-cookie",
        "access-control-allow-origin",
        "refresh",
    ] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}

/// A server that answers each connection with fixed bytes and tells what it was asked.
fn canned(answer: &'static [u8]) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = head(&mut stream);
            stream.write_all(answer).unwrap();
            if tell.send(head).is_err() {
                return;
            }
        }
    });
    (url, told)
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

#[test]
fn only_what_belongs_to_the_question_goes_through() {
    let (url, asked) = canned(
        b"HTTP/1.1 429 Slow Down\r\nContent-Type: application/x\r\nContent-Encoding: gzip\r\n\
          Content-Length: 3\r\nRetry-After: 7\r\nSet-Cookie: session=1\r\nServer: it\r\n\
          Connection: close, X-Hop\r\nX-Hop: 1\r\nContent-Security-Policy: default-src *\r\n\
          Location: http://evil.example/\r\n\r\n\x1f\x8b\x08",
    );
    let lab = Lab::start(&["--no-apps", "--tempo", &url]);
    let headers = [
        ("Accept", "application/protobuf"),
        ("Accept-Encoding", "zstd;q=1, gzip"),
        ("Cookie", "session=secret"),
        ("Authorization", "Basic c2VjcmV0"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Custom", "custom"),
        ("TE", "trailers"),
        ("Referer", "http://127.0.0.1/"),
    ];
    let target = format!("{PROXY}/tempo/api/search?q=%7B%20%7D&x=a%2Fb");
    let answer = http::request(lab.server("console"), "GET", &target, &headers);
    assert_eq!((answer.status, &*answer.bytes), (429, &b"\x1f\x8b\x08"[..]));
    let asked = asked.recv_timeout(PATIENCE).unwrap();
    let (line, rest) = asked.split_once("\r\n").unwrap();
    assert_eq!(line, "get /api/search?q=%7b%20%7d&x=a%2fb http/1.1");
    let mut passed: Vec<_> = rest.trim_end().split("\r\n").collect();
    passed.sort_unstable();
    let host = format!("host: {}", url.strip_prefix("http://").unwrap());
    let expected = [
        "accept-encoding: zstd;q=1, gzip",
        "accept: application/protobuf",
        &host,
    ];
    assert_eq!(passed, expected);

    for (name, value) in [
        ("content-type", Some("application/x")),
        ("content-encoding", Some("gzip")),
        ("retry-after", Some("7")),
        ("cache-control", Some("no-store")),
        ("set-cookie", None),
        ("server", None),
        ("x-hop", None),
        ("location", None),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}

#[test]
fn a_server_that_is_down_is_told_and_found_again() {
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = held.local_addr().unwrap();
    drop(held);
    let url = format!("http://{address}");
    let lab = Lab::start(&["--no-apps", "--loki", &url, "--prometheus", &url]);
    for (target, name) in [
        ("loki/loki/api/v1/labels", "Loki"),
        ("prometheus/api/v1/labels", "Prometheus"),
    ] {
        let answer = proxied(&lab, target);
        assert_eq!(answer.status, 502);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        let expected = format!("{name} at {url} does not answer: ");
        assert!(
            message.starts_with(&expected) && message.len() > expected.len(),
            "{message}"
        );
    }
    let tail = format!("{PROXY}/loki/loki/api/v1/tail?query=%7Ba%3D%22b%22%7D");
    let refused = WebSocket::open(lab.server("console"), &tail, &[])
        .err()
        .unwrap();
    assert_eq!(refused.status, 502, "{}", refused.body);

    // Twice, so that a connection to the first one is left behind.
    let port = address.port().to_string();
    for _ in 0..2 {
        let back = Lab::start(&["--no-apps", "--loki-port", &port]);
        let answer = proxied(&lab, "loki/loki/api/v1/labels");
        assert_eq!(answer.status, 200, "{}", answer.body);
        drop(back);
        assert_eq!(proxied(&lab, "loki/loki/api/v1/labels").status, 502);
    }
}

#[test]
fn a_browser_that_goes_away_takes_its_request_back() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let lab = Lab::start(&["--no-apps", "--loki", &url]);
    let at = lab.server("console");
    let mut browser = http::connect(at);
    let request = format!("GET {PROXY}/loki/ready HTTP/1.1\r\nHost: {at}\r\n\r\n");
    browser.write_all(request.as_bytes()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    head(&mut server);
    drop(browser);
    // Far below the time that a server has to answer.
    server
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

/// The address of a live tail.
fn tail(query: &str) -> String {
    with(
        &format!("{PROXY}/loki/loki/api/v1/tail"),
        &[("query", query)],
    )
}

#[test]
fn a_live_tail_brings_lines_as_they_come() {
    let lab = Lab::start(&["--app-count", "1"]);
    let at = lab.server("console");
    let target = tail("{compose_service=\"app-a\"} |= \"trace_id=0af\"");
    let origin = format!("Origin: http://{at}");
    let mut socket = WebSocket::open(at, &target, &[&origin]).ok().unwrap();
    call(&lab, "app-a", "/items/1");
    let text = socket.text().unwrap();
    assert!(
        text.contains(TRACE) && text.contains("compose_service"),
        "{text}"
    );
    call(&lab, "app-a", "/items/2");
    assert!(socket.text().unwrap().contains(TRACE));
}

#[test]
fn a_live_tail_that_cannot_be_is_refused_as_loki_does() {
    let lab = Lab::start(&["--no-apps"]);
    let at = lab.server("console");
    let query = "{compose_service=";
    let refused = WebSocket::open(at, &tail(query), &[]).err().unwrap();
    let direct = with("/loki/api/v1/tail", &[("query", query)]);
    let direct = WebSocket::open(lab.server("loki"), &direct, &[])
        .err()
        .unwrap();
    assert_eq!((refused.status, &refused.body), (400, &direct.body));

    let good = tail("{compose_service=\"app-a\"}");
    for header in [
        "Origin: http://evil.example",
        "Origin: null",
        "Sec-Fetch-Site: cross-site",
    ] {
        let refused = WebSocket::open(at, &good, &[header]).err().unwrap();
        assert_eq!(refused.status, 403, "{header}");
    }
    // A WebSocket to anything else is an ordinary request.
    let other = format!("{PROXY}/loki/ready");
    let refused = WebSocket::open(at, &other, &[]).err().unwrap();
    assert_eq!(refused.status, 200);
}

#[test]
fn live_tails_end_with_the_lab() {
    let mut lab = Lab::start(&["--no-apps"]);
    let at = lab.server("console");
    let target = tail("{compose_service=\"app-a\"}");
    let mut sockets: Vec<_> = (0..3)
        .map(|_| WebSocket::open(at, &target, &[]).ok().unwrap())
        .collect();
    lab.signal("TERM");
    for socket in &mut sockets {
        assert_eq!(socket.text(), None);
    }
    assert_eq!(lab.wait().code(), Some(0));
}
