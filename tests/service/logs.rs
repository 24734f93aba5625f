//! The log line: readable by the contract's expressions, tied to its span, and not forgeable.

use crate::support::collector::Collector;
use crate::support::eventually;
use crate::support::http::request;
use crate::support::service::Service;
use regex::Regex;

/// The expressions of the contract (`docs/contract.md`).
const FIRST_LINE: &str = r"^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2}:\d{2}";
const STAGE: &str = r"^(?P<time>\d{4}-\d{2}-\d{2} \d{1,2}:\d{2}:\d{2},\d{3}) (?P<message>(?s:.*))$";
const DERIVED_FIELD: &str = r#"trace_id"?[=:]"?([0-9a-f]{32})"#;
const LAYOUT: &str = r"^\S+ \S+ (INFO|WARN|ERROR) \[salvo_observability::app::handlers\] \[handlers\.rs:\d+\] \[trace_id=([0-9a-f]{32}) span_id=([0-9a-f]{16}) resource\.service\.name=app-a\] - items$";

#[test]
fn a_line_has_the_layout_of_the_contract_and_the_ids_of_its_span() {
    let collector = Collector::start();
    let app = Service::start("app-a", &[("OTLP_GRPC_ENDPOINT", &collector.endpoint())]);
    app.get("/items/1");
    let line = app.line_with("- items");
    let span = &collector.wait_for(1, |_| true)[0];
    let layout = Regex::new(LAYOUT).unwrap().captures(&line).expect(&line);
    assert_eq!(layout[2], span.trace_id());
    assert_eq!(layout[3], span.span_id());
    assert!(Regex::new(STAGE).unwrap().is_match(&line));
    let derived = Regex::new(DERIVED_FIELD).unwrap();
    assert_eq!(derived.captures(&line).unwrap()[1], span.trace_id());
}

#[test]
fn outside_a_request_both_ids_are_zero() {
    let app = Service::start("app-a", &[]);
    let line = app.line_with("ready on");
    assert!(
        line.contains("[trace_id=0 span_id=0 resource.service.name=app-a]"),
        "{line}"
    );
}

#[test]
fn an_error_is_one_entry_whose_further_lines_hold_the_causes() {
    let app = Service::start("app", &[]);
    app.get("/error_test");
    app.line_with("invalid digit");
    let log = app.log();
    let first = log
        .iter()
        .position(|line| line.contains("/error_test failed"))
        .unwrap();
    assert!(
        log[first].contains(" ERROR [") && log[first].contains("the stock of item 7 is unknown")
    );
    assert_eq!(
        log[first + 1..first + 3],
        [
            "  caused by: the count \"a dozen\" is not a number",
            "  caused by: invalid digit found in string"
        ]
    );
}

#[test]
fn text_from_a_request_cannot_forge_a_line() {
    let app = Service::start("app", &[]);
    let other = "1".repeat(32);
    let forged = format!(
        "2026-11-22 14:07:31,123 INFO [x] [y:1] [trace_id={other} span_id=2 resource.service.name=z] - forged"
    );
    let encoded = forged.replace(' ', "%20");
    for control in [
        "%0a",
        "%0d%0a",
        "%0b",
        "%1b[2J",
        "%C2%85",
        "%E2%80%A8",
        "%00",
    ] {
        app.get(&format!("/items/x{control}{encoded}"));
    }
    app.get("/cpu_task");
    app.line_with("- cpu task");
    let log = app.log();
    let first_line = Regex::new(FIRST_LINE).unwrap();
    assert_eq!(log.iter().filter(|line| line.contains("forged")).count(), 7);
    for line in &log {
        assert!(first_line.is_match(line), "{line:?}");
        assert!(
            !line.contains(|c: char| c.is_control() || c == '\u{2028}'),
            "{line:?}"
        );
    }
    let id = Regex::new(DERIVED_FIELD).unwrap();
    for line in &log {
        let found = id.captures(line).map(|found| found[1].to_owned());
        assert_ne!(found.as_deref(), Some(&*other), "{line:?}");
    }
}

#[test]
fn json_lines_hold_the_same_and_are_one_object_each() {
    let collector = Collector::start();
    let app = Service::start(
        "app-a",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("LOG_FORMAT", "json"),
        ],
    );
    app.get("/items/1");
    app.get("/error_test");
    app.get("/items/%E2%80%A8%0a%1b%C2%9B");
    app.line_with("is not a whole number");
    let lines: Vec<serde_json::Value> = app
        .log()
        .iter()
        .map(|line| {
            assert!(
                !line.contains(|c: char| c.is_control() || c == '\u{2028}'),
                "{line:?}"
            );
            serde_json::from_str(line).expect("an object")
        })
        .collect();
    let of = |part: &str| {
        let found = lines
            .iter()
            .find(|line| line["message"].as_str().unwrap().contains(part));
        found.expect(part)
    };
    let items = of("items");
    assert_eq!(items["level"], "INFO");
    assert_eq!(items["logger"], "salvo_observability::app::handlers");
    assert_eq!(items["resource.service.name"], "app-a");
    let spans = collector.wait_for(1, |span| span.span.name == "GET /items/{item_id}");
    assert_eq!(items["trace_id"], spans[0].trace_id());
    assert_eq!(items["span_id"], spans[0].span_id());
    let time = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$").unwrap();
    assert!(
        time.is_match(items["timestamp"].as_str().unwrap()),
        "{items}"
    );
    assert_eq!(
        of("/error_test failed")["error"],
        serde_json::json!([
            "the stock of item 7 is unknown",
            "the count \"a dozen\" is not a number",
            "invalid digit found in string"
        ])
    );
    assert_eq!(of("ready on")["trace_id"], "0");
}

#[test]
fn timestamps_are_utc_unless_tz_says_otherwise() {
    let read = |tz: &[(&str, &str)]| {
        let app = Service::start("app", tz);
        let line = app.line_with("ready on");
        let time: jiff::civil::DateTime = line[..23].replace(',', ".").parse().expect("a time");
        let now = jiff::Timestamp::now()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .datetime();
        let behind = now
            .since(time)
            .expect("a span")
            .total(jiff::Unit::Minute)
            .expect("minutes");
        behind.round()
    };
    assert_eq!(read(&[]), 0.0);
    assert_eq!(read(&[("TZ", "UTC")]), 0.0);
    assert_eq!(read(&[("TZ", ":UTC")]), 0.0);
    // POSIX counts west of Greenwich as positive.
    assert_eq!(read(&[("TZ", "ABC4:30")]), 270.0);
    assert_eq!(read(&[("TZ", "ABC-2")]), -120.0);
}

#[test]
fn the_filter_decides_what_is_written_but_not_what_is_traced() {
    let collector = Collector::start();
    let target = Service::start("b", &[]);
    let host = target.host();
    let app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("RUST_LOG", "warn,salvo_observability::app=info"),
            ("TARGET_ONE_HOST", &host),
            ("TARGET_TWO_HOST", &host),
        ],
    );
    assert!(!app.log().iter().any(|line| line.contains("salvo_core")));
    app.get("/chain");
    // Root, three calls and the answer to the first of them.
    collector.wait_for(5, |span| span.service == "app");
}

#[test]
fn a_reader_of_the_log_that_stands_still_does_not_hold_up_requests() {
    use std::process::Stdio;
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    let mut command = crate::support::service::command();
    command
        .env("EXPOSE_PORT", address.port().to_string())
        .env("OTLP_GRPC_ENDPOINT", "")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    eventually("the service listens", || {
        std::net::TcpStream::connect(address).ok()
    });
    // Nobody reads the pipe: it is full long before all of these lines are written.
    let item = "x".repeat(4000);
    for _ in 0..500 {
        assert_eq!(
            request(address, "GET", &format!("/items/{item}"), &[]).status,
            422
        );
    }
    assert!(child.try_wait().unwrap().is_none());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn query_strings_cookies_and_credentials_are_recorded_nowhere() {
    let collector = Collector::start();
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &collector.endpoint())]);
    let headers = [
        ("Authorization", "Bearer sesame"),
        ("Cookie", "session=sesame"),
        ("X-Api-Key", "sesame"),
        ("Referer", "http://localhost/sesame"),
        ("User-Agent", "sesame"),
    ];
    let targets = ["/items/1?q=sesame", "/items/x?q=sesame", "/nope?sesame"];
    for target in targets.into_iter().chain(["/error_test?sesame"]) {
        request(app.address, "GET", target, &headers);
    }
    app.line_with("GET /error_test failed");
    let spans = collector.wait_for(4, |_| true);
    let recorded = format!("{spans:?}{:?}{}", app.log(), app.openmetrics());
    assert!(recorded.contains("/nope"), "{recorded}");
    assert!(!recorded.contains("sesame"), "{recorded}");
}
