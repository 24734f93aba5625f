//! `lab load`: it sends what it says, counts time from the schedule, and tells when the rate was not
//! reached.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::up::Lab;
use crate::support::{eventually, http};
use serde_json::Value;

/// What `lab load` said.
struct Said {
    code: Option<i32>,
    report: Value,
    text: String,
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.env_clear().arg("load").args(flags);
    command
}

fn said(output: Output) -> Said {
    let stdout = String::from_utf8(output.stdout).expect("text");
    Said {
        code: output.status.code(),
        report: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        text: stdout + &String::from_utf8_lossy(&output.stderr),
    }
}

fn load(flags: &[&str]) -> Said {
    said(command(flags).output().expect("lab runs"))
}

impl Said {
    fn number(&self, pointer: &str) -> u64 {
        let found = self.report.pointer(pointer).and_then(Value::as_u64);
        found.unwrap_or_else(|| panic!("no {pointer}: {}", self.text))
    }

    fn millis(&self, pointer: &str) -> f64 {
        let found = self.report.pointer(pointer).and_then(Value::as_f64);
        found.unwrap_or_else(|| panic!("no {pointer}: {}", self.text))
    }
}

/// A server that reads requests and answers as it is told to.
struct Server {
    address: SocketAddr,
    seen: Arc<(Mutex<u64>, Condvar)>,
}

/// What a [`Server`] does with a request.
#[derive(Clone, Copy)]
enum Way {
    /// Answers.
    Answer,
    /// Answers when so many requests have come.
    AnswerAfter(u64),
    /// Says nothing.
    Nothing,
    /// Ends the connection.
    End,
}

impl Server {
    fn start(way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let server = Self {
            address: listener.local_addr().expect("address"),
            seen: Arc::default(),
        };
        let seen = Arc::clone(&server.seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream, way, &seen));
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn seen(&self) -> u64 {
        *self.seen.0.lock().expect("count")
    }
}

fn serve(mut stream: TcpStream, way: Way, (seen, more): &(Mutex<u64>, Condvar)) {
    let mut head = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        let mut count = seen.lock().expect("count");
        *count += 1;
        more.notify_all();
        match way {
            Way::Answer => {}
            Way::AnswerAfter(all) => {
                drop(more.wait_while(count, |count| *count < all).expect("count"));
            }
            Way::Nothing => continue,
            Way::End => return,
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
}

/// How many requests all instances have counted, by path, but for those of the lab itself.
fn counted(apps: &[SocketAddr]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for app in apps {
        for line in http::get(*app, "/metrics").body.lines() {
            let Some(labels) = line.strip_prefix("salvo_requests_total{") else {
                continue;
            };
            let (labels, value) = labels.split_once("} ").expect("a sample");
            let (_, path) = labels.split_once("path=\"").expect("a path");
            let (path, _) = path.split_once('"').expect("a path");
            if ["/metrics", "/readyz"].contains(&path) {
                continue;
            }
            *counts.entry(path.to_owned()).or_default() += value.parse::<u64>().expect("a count");
        }
    }
    counts
}

#[test]
fn the_service_counts_what_load_says_it_sent_and_its_traces_are_found() {
    let lab = Lab::start(&[]);
    let apps = ["app-a", "app-b", "app-c"].map(|name| lab.app(name));
    let urls = apps.map(|app| format!("http://{app}"));
    let mut flags = vec!["--json", "--rate", "48", "--duration", "1s"];
    for url in &urls {
        flags.extend(["--target", url]);
    }
    let said = load(&flags);
    assert_eq!(said.code, Some(0), "{}", said.text);
    assert_eq!(said.report["ok"], true);
    assert_eq!(said.number("/all/sent"), 48);
    assert_eq!(said.number("/all/answered"), 48);
    for index in 0..3 {
        assert_eq!(said.number(&format!("/targets/{index}/sent")), 16);
    }

    let routes = said.report["routes"].as_array().expect("routes");
    assert_eq!(routes.len(), 8);
    let mut expected = BTreeMap::new();
    for route in routes {
        let path = route["path"].as_str().expect("a path").to_owned();
        assert_eq!(route["sent"], 6, "{path}");
        expected.insert(path, 6);
    }
    // A chain sends three requests of its own.
    for path in ["/", "/io_task", "/cpu_task"] {
        *expected.get_mut(path).expect("a route") += 6;
    }
    assert_eq!(counted(&apps), expected);

    let named = |path: &str, which: &str| {
        let route = routes.iter().find(|it| it["path"] == path);
        let sample = &route.expect("the route")[which];
        sample["trace_id"].as_str().expect("an id").to_owned()
    };
    eventually("its traces are found by their root", || {
        let query = "{ rootServiceName = \"app-a\" && nestedSetParent < 0 }";
        let params = [("q", query), ("limit", "1000")];
        let found = lab.json("tempo", "/api/search", &params);
        let traces = found["traces"].as_array()?;
        // Eight routes, six of each, over three instances.
        (traces.len() == 16).then_some(())
    });
    for (path, which, spans) in [("/chain", "slowest", 7), ("/error_test", "failing", 1)] {
        let trace = named(path, which);
        eventually("the trace is found", || {
            (lab.spans(&trace).len() == spans).then_some(())
        });
    }
}

#[test]
fn a_request_that_timed_out_is_found_by_its_own_id() {
    let lab = Lab::start(&["--app-count", "1"]);
    let url = format!("http://{}", lab.app("app-a"));
    let flags = [
        "--json",
        "--target",
        &url,
        "--rate",
        "5",
        "--duration",
        "1s",
    ];
    let more = ["--mix", "io_task=1", "--timeout", "500ms"];
    let said = load(&[&flags[..], &more].concat());
    assert_eq!(said.number("/all/errors/timeout"), 5, "{}", said.text);
    let failing = &said.report["routes"][0]["failing"];
    assert!(failing["trace_id"].is_null(), "{failing}");
    let id = failing["request_id"].as_str().expect("an id");
    eventually("its trace is found", || {
        let query = format!("{{ span.http.request.header.x-request-id = \"{id}\" }}");
        let found = lab.json("tempo", "/api/search", &[("q", &query)]);
        (found["traces"].as_array()?.len() == 1).then_some(())
    });
}

#[test]
fn requests_leave_when_they_are_due_however_slow_the_answers_are() {
    // Whoever waits for an answer before the next request would wait for ever.
    let server = Server::start(Way::AnswerAfter(20));
    let said = load(&[
        "--json",
        "--target",
        &server.url(),
        "--rate",
        "20",
        "--duration",
        "1s",
        "--mix",
        "root=1",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.text);
    assert_eq!(said.number("/all/answered"), 20);
    assert_eq!(server.seen(), 20);
    // The first waited for the last, 950 ms after it; and so on, half of them for 450 ms or more.
    assert!(said.millis("/all/max_ms") >= 949.0, "{}", said.text);
    assert!(said.millis("/all/p50_ms") >= 449.0, "{}", said.text);
}

#[test]
fn time_counts_from_when_a_request_should_have_left_and_ctrl_c_ends_early() {
    let server = Server::start(Way::Answer);
    let child = command(&["--json", "--target", &server.url(), "--rate", "20"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("lab runs");
    let saw = |count: u64| {
        eventually("requests come", || {
            (server.seen() >= count).then_some(server.seen())
        })
    };
    // The server answers at once, but for a second nothing can leave.
    let before = saw(5);
    signal(&child, "STOP");
    let frozen = Instant::now();
    eventually("a second goes by", || {
        (frozen.elapsed() >= Duration::from_secs(1)).then_some(())
    });
    signal(&child, "CONT");
    saw(before + 22);
    signal(&child, "INT");
    let said = said(child.wait_with_output().expect("lab ends"));
    assert_eq!(said.code, Some(0), "{}", said.text);
    assert_eq!(said.report["ended_early"], true);
    assert_eq!(said.number("/all/missed"), 0);
    assert_eq!(said.number("/all/sent"), server.seen());
    // The first that could not leave was due 50 ms into that second, at the latest.
    assert!(said.millis("/all/max_ms") >= 900.0, "{}", said.text);
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .status();
    assert!(sent.expect("kill").success());
}

#[test]
fn what_does_not_fit_is_missed_and_the_rate_is_not_reached() {
    let server = Server::start(Way::Nothing);
    let flags = [
        "--target",
        &server.url(),
        "--rate",
        "50",
        "--duration",
        "500ms",
        "--max-open",
        "4",
        "--timeout",
        "5s",
        "--mix",
        "root=3,chain=1",
    ];
    let said = load(&[&flags[..], &["--json"]].concat());
    assert_eq!(said.code, Some(1), "{}", said.text);
    assert_eq!(said.report["ok"], false);
    assert_eq!(said.number("/all/sent"), 4);
    assert_eq!(said.number("/all/missed"), 21);
    assert_eq!(said.number("/all/errors/timeout"), 4);
    assert_eq!(server.seen(), 4);
    assert_eq!(said.millis("/rate/reached"), 0.0);
}

#[test]
fn a_connection_that_breaks_is_an_error_and_the_table_says_so() {
    let server = Server::start(Way::End);
    let url = server.url();
    let flags = ["--target", &url, "--rate", "20", "--duration", "500ms"];
    let said = load(&[&flags[..], &["--mix", "items=1"]].concat());
    assert_eq!(said.code, Some(1), "{}", said.text);
    for part in [
        "/items/{item_id}        10       0      10",
        "broken off ×10",
        "rate  20.0/s wanted, 0.0/s reached",
        "10 requests had no answer",
        &url,
    ] {
        assert!(said.text.contains(part), "{part}:\n{}", said.text);
    }
    let mut words = said.text.split_whitespace();
    assert!(
        words.any(|it| it.len() == 32 && it.bytes().all(|it| it.is_ascii_hexdigit())),
        "a trace id: {}",
        said.text
    );
    assert!(!said.text.contains('\x1b'), "no terminal, no live line");
}

#[test]
fn a_target_where_nothing_listens_is_named() {
    let server = Server::start(Way::Answer);
    let said = load(&["--target", &server.url(), "--target", "http://127.0.0.1:1"]);
    assert_eq!(said.code, Some(2), "{}", said.text);
    for part in ["http://127.0.0.1:1 cannot be reached", "lab up", "--target"] {
        assert!(said.text.contains(part), "{part}: {}", said.text);
    }
    assert_eq!(server.seen(), 0, "nothing is sent before all are reached");
}

#[test]
fn another_host_needs_a_flag_of_its_own() {
    let server = Server::start(Way::Answer);
    // Every address of this machine: not loopback, but it leads here.
    let url = format!("http://0.0.0.0:{}", server.address.port());
    let flags = ["--target", &url, "--rate", "10", "--duration", "100ms"];
    let refused = load(&flags);
    assert_eq!(refused.code, Some(2), "{}", refused.text);
    assert!(refused.text.contains("--allow-remote"), "{}", refused.text);
    assert!(refused.text.contains(&url), "{}", refused.text);
    assert_eq!(server.seen(), 0);
    let allowed = load(&[&flags[..], &["--allow-remote"]].concat());
    assert_eq!(allowed.code, Some(0), "{}", allowed.text);
    assert_eq!(server.seen(), 1);
}

#[test]
fn a_flag_that_is_wrong_is_told_with_what_is_expected() {
    for (flags, part) in [
        (["--mix", "chian=1"], "there are root, items"),
        (["--mix", "chain"], "expected one like chain=1"),
        (["--mix", "chain=1,chain=1"], "given twice"),
        (["--mix", "chain=0"], "nothing to send"),
        (["--rate", "0"], "from 0.1 to"),
        (["--rate", "fast"], "from 0.1 to"),
        (["--duration", "soon"], "expected one like 60"),
        (["--target", "127.0.0.1:8000"], "http://host:port"),
        (["--target", "https://127.0.0.1:8000"], "http://host:port"),
        (["--max-open", "0"], "1..=65536"),
    ] {
        let said = load(&flags);
        assert_eq!(said.code, Some(2), "{flags:?}: {}", said.text);
        assert!(said.text.contains(part), "{flags:?}: {}", said.text);
    }
}
