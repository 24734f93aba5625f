//! `lab flood`: what it says was accepted is there, each signal leads to the others, and it says what was not accepted.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use serde_json::Value;

use crate::support::eventually;
use crate::support::up::Lab;

/// What `lab flood` said.
struct Said {
    code: Option<i32>,
    report: Value,
    text: String,
}

fn flood(flags: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .env_clear()
        .arg("flood")
        .args(flags)
        .output()
        .unwrap();
    let stdout = String::from_utf8(stdout).unwrap();
    Said {
        code: status.code(),
        report: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        text: stdout + &String::from_utf8_lossy(&stderr),
    }
}

impl Said {
    fn count(&self, signal: &str, what: &str) -> u64 {
        let found = self.report["signals"][signal][what].as_u64();
        found.unwrap_or_else(|| panic!("no {what} of {signal}: {}", self.text))
    }
}

/// The sum of a query's values, at Loki or Prometheus.
fn sum(lab: &Lab, server: &str, path: &str, query: &str) -> u64 {
    let answer = lab.json(server, path, &[("query", query)]);
    let found = answer["data"]["result"].as_array().unwrap();
    let value = |series: &Value| series["value"][1].as_str().unwrap().parse::<f64>().unwrap();
    found.iter().map(value).sum::<f64>() as u64
}

#[test]
fn everything_that_was_accepted_is_found_and_leads_to_the_other_signals() {
    let lab = Lab::start(&["--no-apps"]);
    let to = format!("http://{}", lab.server("otlp_http"));
    let flags = [
        "--to",
        &to,
        "--spans",
        "400",
        "--lines",
        "300",
        "--samples",
        "500",
        "--series",
        "200",
        "--duration",
        "2s",
        "--json",
    ];
    let said = flood(&flags);
    for signal in ["spans", "lines", "samples"] {
        assert!(said.count(signal, "accepted") > 0, "{}", said.text);
        for none in ["refused", "unanswered"] {
            assert_eq!(said.count(signal, none), 0, "{}", said.text);
        }
        assert_eq!(said.count(signal, "sent"), said.count(signal, "accepted"));
    }

    let lines = "sum(count_over_time({service_name=~\"flood-.\"}[5m]))";
    let lines = sum(&lab, "loki", "/loki/api/v1/query", lines);
    assert_eq!(lines, said.count("lines", "accepted"));
    let samples = "sum(count_over_time(flood_requests_total[5m]))";
    let samples = sum(&lab, "prometheus", "/api/v1/query", samples);
    assert_eq!(samples, said.count("samples", "accepted"));
    let series = sum(
        &lab,
        "prometheus",
        "/api/v1/query",
        "count(flood_requests_total)",
    );
    assert_eq!(series, 200);
    let spans = || {
        let params = [("q", "{} | count_over_time()")];
        let answer = lab.json("tempo", "/api/metrics/query", &params);
        answer["series"][0]["value"].as_f64().unwrap_or_default() as u64
    };
    let sent = said.count("spans", "accepted");
    eventually("every span is counted", || (spans() == sent).then_some(()));

    // A line and an exemplar of a trace that was sent.
    let failed = "{service_name=~\"flood-.\"} | severity_text=\"ERROR\"";
    assert!(!lab.entries(failed).is_empty());
    let exemplars = lab.json(
        "prometheus",
        "/api/v1/query_exemplars",
        &[
            ("query", "flood_requests_total"),
            ("start", "0"),
            ("end", "9999999999"),
        ],
    );
    let trace = exemplars["data"][0]["exemplars"][0]["labels"]["trace_id"].as_str();
    assert_eq!(trace.unwrap_or_default().len(), 32, "{exemplars}");
    let calls = lab.json(
        "tempo",
        "/api/search",
        &[("q", "{ kind = client && status = error } << { kind = server } | select(resource.service.name)")],
    );
    assert!(calls["traces"].is_array(), "{calls}");
}

/// Reads the head and the body of a request.
fn read_request(stream: &mut TcpStream) {
    let (mut head, mut byte) = (String::new(), [0]);
    while !head.ends_with("\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        head.push(char::from(byte[0]));
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.and_then(|it| it.parse().ok()).unwrap_or(0);
    let _ = stream.read_exact(&mut vec![0; length]);
}

/// A server that answers every request with a body, as JSON or text.
fn answering(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                read_request(&mut stream);
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                )
            });
        }
    });
    format!("http://{address}")
}

#[test]
fn what_is_not_accepted_is_told_with_the_reason() {
    let few = [
        "--spans",
        "0",
        "--samples",
        "0",
        "--lines",
        "10",
        "--duration",
        "1s",
        "--json",
    ];
    let with = |to: &str| flood(&[&few[..], &["--to", to]].concat());
    let refused = with(&answering("429 Too Many Requests", "slow down\u{1b}[31m"));
    assert_eq!(refused.code, Some(1), "{}", refused.text);
    assert!(refused.count("lines", "refused") > 0, "{}", refused.text);
    assert_eq!(refused.count("lines", "accepted"), 0);
    let problem = refused.report["signals"]["lines"]["problem"]
        .as_str()
        .unwrap();
    assert!(problem.contains("429") && problem.contains("slow down"));
    assert!(!problem.contains('\u{1b}'), "{problem:?}");

    let other = with(&answering("200 OK", "<html>"));
    assert_eq!(other.code, Some(1), "{}", other.text);
    assert!(other.text.contains("not the answer of an OTLP receiver"));

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let none = with(&nobody);
    assert_eq!(none.code, Some(2), "{}", none.text);
    assert!(none.text.contains("cannot be reached"), "{}", none.text);

    // The port beside the right one.
    let lab = Lab::start(&["--no-apps"]);
    let grpc = with(&format!("http://{}", lab.server("otlp_grpc")));
    assert_eq!(grpc.code, Some(1), "{}", grpc.text);
    assert!(grpc.text.contains("gRPC"), "{}", grpc.text);
}

#[test]
fn flags_that_cannot_be_kept_are_refused_before_anything_is_sent() {
    for (flags, part) in [
        (["--to", "http://192.0.2.1:4318"], "--allow-remote"),
        (["--to", "https://127.0.0.1:4318"], "http://host:port"),
        (["--series", "10"], "--series 400"),
        (["--spans", "10000001"], "10000000"),
        (["--services", "1"], "2..=1000"),
        (["--duration", "0"], "no time"),
    ] {
        let said = flood(&flags);
        assert_eq!(said.code, Some(2), "{}", said.text);
        assert!(said.text.contains(part), "{flags:?}: {}", said.text);
    }
    let nothing = flood(&["--spans", "0", "--lines", "0", "--samples", "0"]);
    assert_eq!(nothing.code, Some(2), "{}", nothing.text);
    assert!(nothing.text.contains("nothing would be sent"));
}
