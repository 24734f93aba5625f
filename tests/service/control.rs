//! Faults that are set over the control port: what the port takes and refuses, and when a fault is in force.
//!
//! * [`work`]: faults of a request's own work
//! * [`calls`]: faults of calls to other instances
//! * [`telemetry`]: faults of spans, log lines and metrics

mod calls;
mod telemetry;
mod work;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::collector::{Collector, Received};
use crate::support::eventually;
use crate::support::http::{self, Response};
use crate::support::service::{Service, command};

/// A service whose faults can be set.
struct Faulty {
    app: Service,
    control: SocketAddr,
}

/// A port that nobody uses now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

impl Faulty {
    fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let control = free_address();
        let address = control.to_string();
        let mut all = vec![("FAULTS_ADDRESS", &*address)];
        all.extend(environment);
        let app = Service::start(name, &all);
        Self { app, control }
    }

    fn observed(collector: &Collector, more: &[(&str, &str)]) -> Self {
        let endpoint = collector.endpoint();
        let mut environment = vec![("OTLP_GRPC_ENDPOINT", &*endpoint)];
        environment.extend(more);
        Self::start("app", &environment)
    }

    fn send(&self, method: &str, body: &[u8]) -> Response {
        send_to(self.control, method, "/faults", &[], body)
    }

    /// Puts faults, which must be taken.
    fn put(&self, faults: Value) -> Value {
        self.put_seeded(7, faults)
    }

    fn put_seeded(&self, seed: u64, faults: Value) -> Value {
        let set = json!({"seed": seed, "faults": faults}).to_string();
        let response = self.send("PUT", set.as_bytes());
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()
    }

    fn clear(&self) {
        assert_eq!(self.send("DELETE", b"").status, 200);
    }

    /// The response to a request and how long it took.
    fn timed(&self, target: &str) -> (Response, Duration) {
        let began = Instant::now();
        let response = self.app.get(target);
        (response, began.elapsed())
    }

    fn statuses(&self, target: &str, count: usize) -> Vec<u16> {
        (0..count).map(|_| self.app.get(target).status).collect()
    }
}

fn send_to(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[&str],
    body: &[u8],
) -> Response {
    let mut request = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for header in headers {
        request.push_str(&format!("{header}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    http::send(address, &[request.as_bytes(), body].concat())
}

fn took(span: &Received) -> Duration {
    Duration::from_nanos(span.span.end_time_unix_nano - span.span.start_time_unix_nano)
}

/// The spans of that name once there are as many.
fn spans(collector: &Collector, count: usize, name: &str) -> Vec<Received> {
    collector.wait_for(count, |span| span.span.name == name)
}

/// The exact number of spans of a name, once those of a later request have arrived.
fn count_of(collector: &Collector, name: &str) -> usize {
    let spans = collector.spans();
    spans.iter().filter(|span| span.span.name == name).count()
}

/// A delay in ms that no healthy request takes.
const SLOW: u64 = 300;

/// A request that is sent and not waited for.
fn begin(address: SocketAddr, target: &str) -> TcpStream {
    let mut stream = http::connect(address);
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    stream
}

#[test]
fn the_same_seed_and_the_same_requests_give_the_same_decisions() {
    let faulty = Faulty::start("app", &[]);
    let error = json!([{"kind": "error", "share": 0.4, "routes": ["/"]}]);
    let run = |seed| {
        faulty.put_seeded(seed, error.clone());
        faulty.statuses("/", 60)
    };
    let first = run(11);
    // Requests to other routes do not count.
    faulty.put_seeded(11, error.clone());
    let again: Vec<u16> = (0..60)
        .map(|_| {
            faulty.app.get("/items/1");
            faulty.app.get("/").status
        })
        .collect();
    assert_eq!(first, again);
    assert_ne!(first, run(12));
    let failed = first.iter().filter(|status| **status == 500).count();
    assert!((12..=36).contains(&failed), "{failed} of 60");
}

#[test]
fn a_fault_begins_and_ends_by_its_schedule() {
    let faulty = Faulty::start("app", &[]);
    let put = Instant::now();
    faulty.put(json!([{"kind": "error", "after_s": 0.7, "for_s": 0.7}]));
    assert_eq!(faulty.app.get("/").status, 200);
    let since = |status| {
        eventually("a change", || {
            (faulty.app.get("/").status == status).then(|| put.elapsed())
        })
    };
    let began = since(500);
    assert!(began >= Duration::from_millis(700), "{began:?}");
    let ended = since(200);
    assert!(ended >= Duration::from_millis(1400), "{ended:?}");
    // It is still part of the set, which says what was put.
    let set = faulty.send("GET", b"").json();
    assert_eq!(set["faults"][0]["kind"], "error");
}

#[test]
fn the_control_port_gives_the_set_back_with_its_defaults() {
    let faulty = Faulty::start("app", &[]);
    let nothing = json!({"seed": 0, "faults": []});
    assert_eq!(faulty.send("GET", b"").json(), nothing);
    let put = faulty.put(json!([
        {"kind": "latency", "ms": 5, "share": 0.25, "routes": ["/"]},
        {"kind": "deadlock", "for_s": 3, "when": {"baggage.a": "b"}, "after_s": 60},
    ]));
    let expected = json!({"seed": 7, "faults": [
        {"kind": "latency", "ms": 5, "jitter_ms": 0, "share": 0.25, "routes": ["/"], "after_s": 0.0},
        {"kind": "deadlock", "for_s": 3.0, "when": {"baggage.a": "b"}, "after_s": 60.0},
    ]});
    assert_eq!(put, expected);
    assert_eq!(faulty.send("GET", b"").json(), expected);
    let again = faulty.send("PUT", expected.to_string().as_bytes());
    assert_eq!((again.status, again.json()), (200, expected));
    let cleared = faulty.send("DELETE", b"");
    assert_eq!((cleared.status, cleared.json()), (200, nothing));
}

#[test]
fn a_set_is_taken_as_a_whole_or_refused_with_the_field_that_is_wrong() {
    let faulty = Faulty::start("app", &[]);
    let before = faulty.put(json!([{"kind": "latency", "ms": 1}]));
    let fine = json!({"kind": "latency", "ms": 1});
    let many = vec![fine.clone(); 33];
    for (set, part) in [
        (
            json!({"faults": [fine, {"kind": "latency"}]}),
            "faults[1].ms is missing",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 60_001}]}),
            "faults[0].ms is 60001; allowed: a whole number from 0 to 60000",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": -1}]}),
            "faults[0].ms is -1",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1.5}]}),
            "faults[0].ms is 1.5",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": "1"}]}),
            "faults[0].ms is \"1\"",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "jitter_ms": 2}]}),
            "faults[0].jitter_ms is 2",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "shar": 0.5}]}),
            "faults[0].shar is no field of the kind latency; its fields are kind, ",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "share": 1.1}]}),
            "faults[0].share is 1.1",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "share": null}]}),
            "faults[0].share is null",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "routes": ["/metrics"]}]}),
            "faults[0].routes[0] is \"/metrics\"; allowed: a list of /, /items/{item_id}",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "routes": "/"}]}),
            "faults[0].routes is \"/\"",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "when": {"item": "1"}}]}),
            "faults[0].when.item is no condition; allowed: item_id, baggage.NAME",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "when": {"header.a b": "1"}}]}),
            "faults[0].when.header.a b is no condition",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "when": {"item_id": 1}}]}),
            "faults[0].when.item_id is 1; allowed: a text",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "after_s": -1}]}),
            "faults[0].after_s is -1",
        ),
        (
            json!({"faults": [{"kind": "latency", "ms": 1, "for_s": 0}]}),
            "faults[0].for_s is 0",
        ),
        (
            json!({"faults": [{"kind": "lateness"}]}),
            "faults[0].kind is \"lateness\"; allowed: latency, error, ",
        ),
        (json!({"faults": [{"ms": 1}]}), "faults[0].kind is missing"),
        (json!({"faults": [1]}), "faults[0] is 1; allowed: an object"),
        (
            json!({"faults": many}),
            "faults has 33 faults; allowed: at most 32",
        ),
        (
            json!({"faults": {}}),
            "faults is an object; allowed: a list",
        ),
        (json!({"seed": 1}), "faults is missing"),
        (json!({"faults": [], "seed": -1}), "seed is -1"),
        (
            json!({"faults": [], "sead": 1}),
            "sead is no field of a set; its fields are seed, faults",
        ),
        (json!([]), "the body is a list; allowed: an object"),
        (
            json!({"faults": [{"kind": "error", "status": 200}]}),
            "faults[0].status is 200; allowed: a whole number from 400 to 599",
        ),
        (
            json!({"faults": [{"kind": "error", "exception": "panic", "status": 503}]}),
            "faults[0].status is 503; allowed: 500",
        ),
        (
            json!({"faults": [{"kind": "error", "exception": "gremlin"}]}),
            "faults[0].exception is \"gremlin\"; allowed: query-timeout, ",
        ),
        (
            json!({"faults": [{"kind": "slow-dependency", "ms": 1}]}),
            "faults[0].target is missing; allowed: one, two",
        ),
        (
            json!({"faults": [{"kind": "scrape"}]}),
            "faults[0].status is missing, and so is delay_ms",
        ),
        (
            json!({"faults": [{"kind": "scrape", "status": 500, "period_s": 2, "down_s": 3}]}),
            "faults[0].down_s is 3",
        ),
        (
            json!({"faults": [{"kind": "scrape", "status": 500, "routes": ["/"]}]}),
            "faults[0].routes is no field of the kind scrape",
        ),
        (
            json!({"faults": [{"kind": "clock-skew", "seconds": 60, "share": 0.5}]}),
            "faults[0].share is no field of the kind clock-skew",
        ),
        (
            json!({"faults": [{"kind": "retries", "attempts": 1}]}),
            "faults[0].attempts is 1",
        ),
        (
            json!({"faults": [{"kind": "leak", "bytes_per_request": 1, "max_mib": 4096}]}),
            "faults[0].max_mib is 4096",
        ),
    ] {
        let response = faulty.send("PUT", set.to_string().as_bytes());
        assert_eq!(response.status, 400, "{set}: {}", response.body);
        let detail = response.json()["detail"]
            .as_str()
            .expect("a text")
            .to_owned();
        assert!(detail.starts_with(part), "{set}: {detail}");
        assert_eq!(faulty.send("GET", b"").json(), before, "{set}");
    }
    for garbage in [
        &b""[..],
        b"{",
        b"\xff\xfe",
        b"nul",
        &[b'['; 5000],
        b"{\"seed\":1e999,\"faults\":[]}",
    ] {
        let response = faulty.send("PUT", garbage);
        assert_eq!(response.status, 400, "{garbage:?}");
        assert!(
            response.body.contains("the body is no JSON"),
            "{}",
            response.body
        );
    }
    // Of two fields of one name only one could be kept.
    for (twice, name) in [
        (
            r#"{"faults": [{"kind": "latency", "ms": 5, "when": {"header.X-A": "1", "header.x-a": "2"}}]}"#,
            "when.header.x-a",
        ),
        (r#"{"faults": [], "faults": []}"#, "faults"),
        (
            r#"{"faults": [{"kind": "latency", "ms": 5, "ms": 6}]}"#,
            "ms",
        ),
    ] {
        let response = faulty.send("PUT", twice.as_bytes());
        assert_eq!(response.status, 400, "{twice}");
        let detail = response.json()["detail"].to_string();
        assert!(detail.contains("is there twice"), "{name}: {detail}");
        assert!(detail.contains(name), "{name}: {detail}");
    }
    let large = faulty.send("PUT", &vec![b' '; (64 << 10) + 1]);
    assert_eq!(large.status, 413);
    assert_eq!(faulty.send("GET", b"").json(), before);
}

#[test]
fn every_route_of_the_service_but_the_probes_can_have_faults() {
    let faulty = Faulty::start("app", &[]);
    let description = faulty.app.get("/openapi.json").json();
    let paths = description["paths"].as_object().expect("paths");
    for path in paths.keys() {
        let set = json!({"faults": [{"kind": "latency", "ms": 0, "routes": [path]}]});
        let status = faulty.send("PUT", set.to_string().as_bytes()).status;
        let is_probe = ["/metrics", "/livez", "/readyz"].contains(&path.as_str());
        assert_eq!(status, if is_probe { 400 } else { 200 }, "{path}");
    }
}

#[test]
fn the_control_port_refuses_other_pages_other_hosts_and_other_methods() {
    let faulty = Faulty::start(
        "app",
        &[
            ("ALLOWED_ORIGINS", "http://page.example"),
            ("ALLOWED_HOSTS", "lab.example"),
        ],
    );
    let set = json!({"faults": [{"kind": "error"}]}).to_string();
    let put = |headers: &[&str]| {
        send_to(faulty.control, "PUT", "/faults", headers, set.as_bytes()).status
    };
    assert_eq!(put(&["Host: evil.example"]), 403);
    assert_eq!(put(&["Origin: http://evil.example"]), 403);
    // A page that may use the service may not break it.
    assert_eq!(put(&["Origin: http://page.example"]), 403);
    assert_eq!(faulty.app.get("/").status, 200);
    assert_eq!(put(&["Host: lab.example"]), 200);
    faulty.clear();
    let post = faulty.send("POST", set.as_bytes());
    assert_eq!(post.status, 405);
    assert_eq!(post.header("allow"), Some("GET, HEAD, PUT, DELETE"));
    for target in ["/", "/faults/", "/metrics"] {
        let response = send_to(faulty.control, "GET", target, &[], b"");
        assert_eq!(response.status, 404, "{target}");
    }
    // The service itself has no such route.
    assert_eq!(faulty.app.get("/faults").status, 404);
}

#[test]
fn requests_to_the_control_port_and_the_faults_leave_no_name_in_telemetry() {
    let collector = Collector::start();
    let faulty = Faulty::observed(&collector, &[("RUST_LOG", "debug")]);
    let idle = faulty.app.openmetrics();
    let requests = |page: &str| {
        let lines = page
            .lines()
            .filter(|line| line.starts_with("salvo_requests_total{"));
        lines
            .map(|line| line.split('}').next().unwrap_or_default().to_owned())
            .collect::<Vec<_>>()
    };
    faulty.put(json!([
        {"kind": "error", "routes": ["/"]},
        {"kind": "latency", "ms": 5},
        {"kind": "error", "routes": ["/io_task"], "exception": "panic"},
        {"kind": "blocking", "ms": 5, "routes": ["/items/{item_id}"]},
    ]));
    for path in ["/", "/io_task", "/items/1"] {
        faulty.app.get(path);
    }
    faulty.clear();
    spans(&collector, 1, "GET /items/{item_id}");
    faulty.app.line_with("panicked");
    let page = faulty.app.openmetrics();
    assert_eq!(requests(&page).len(), requests(&idle).len() + 3);
    let spans = format!("{:?}", collector.spans());
    let log = faulty.app.log().join("\n");
    let port = faulty.control.to_string();
    for word in ["fault", "inject", "incident", "chaos", "mishap", &port] {
        for (name, text) in [("spans", &spans), ("metrics", &page), ("log", &log)] {
            assert!(
                !text.to_lowercase().contains(word),
                "{word} in the {name}: {text}"
            );
        }
    }
}

#[test]
fn the_control_port_is_on_loopback_only_and_off_by_default() {
    for address in [
        "0.0.0.0:8100",
        "192.0.2.1:8100",
        "[::]:8100",
        "127.0.0.1",
        "8100",
        "localhost:8100",
    ] {
        let output = command()
            .args(["--expose-port", "0", "--faults", address])
            .output()
            .expect("it ends");
        assert_eq!(output.status.code(), Some(2), "{address}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("FAULTS_ADDRESS"), "{error}");
        assert!(
            error.contains("loopback") && error.contains("127.0.0.1:8100"),
            "{error}"
        );
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = command()
        .args(["--expose-port", "0", "--faults", &address])
        .output()
        .expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains(&address) && error.contains("--faults"),
        "{error}"
    );
}
