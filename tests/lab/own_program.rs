//! A program of one's own: all its signals are taken with nothing to configure, `lab env` prints the settings, and
//! `lab run` tells what has arrived.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::up::Lab;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// One span, one line and one counter of a service, by the path that takes them.
fn telemetry(attributes: &Value) -> [(&'static str, Value); 3] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now = now.as_nanos().to_string();
    let resource = json!({"attributes": attributes});
    let span = json!({
        "traceId": TRACE, "spanId": "b7ad6b7169203331", "name": "checkout", "kind": 2,
        "startTimeUnixNano": now, "endTimeUnixNano": now,
    });
    let line = json!({
        "timeUnixNano": now, "severityNumber": 9, "body": {"stringValue": "paid"},
        "traceId": TRACE, "spanId": "b7ad6b7169203331",
    });
    let point = json!({
        "timeUnixNano": now, "startTimeUnixNano": now, "asInt": "3",
        "exemplars": [{"timeUnixNano": now, "asInt": "1", "traceId": TRACE}],
    });
    let counter = json!({"name": "orders.paid", "sum": {
        "dataPoints": [point], "isMonotonic": true, "aggregationTemporality": 2,
    }});
    [
        (
            "/v1/traces",
            json!({"resourceSpans": [
            {"resource": resource, "scopeSpans": [{"spans": [span]}]}]}),
        ),
        (
            "/v1/logs",
            json!({"resourceLogs": [
            {"resource": resource, "scopeLogs": [{"logRecords": [line]}]}]}),
        ),
        (
            "/v1/metrics",
            json!({"resourceMetrics": [
            {"resource": resource, "scopeMetrics": [{"metrics": [counter]}]}]}),
        ),
    ]
}

fn attribute(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}

fn send(lab: &Lab, attributes: &Value) {
    for (path, body) in telemetry(attributes) {
        let headers = ["Content-Type: application/json"];
        let answer = lab.post("otlp_http", path, &headers, body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert_eq!(answer.body, r#"{"partialSuccess":{}}"#, "{path}");
    }
}

fn command(lab: &Lab, name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    let console = format!("http://{}", lab.server("console"));
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.args([name, "--console", &console]);
    command
}

/// The settings that a shell would take over.
fn settings(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
        Some((name.to_owned(), value.to_owned()))
    };
    text.lines()
        .map(|text| line(text).unwrap_or_else(|| panic!("{text}")))
        .collect()
}

#[test]
fn all_signals_of_a_program_are_taken_and_found_by_their_trace() {
    let lab = Lab::start(&["--no-apps"]);
    let Output { status, stdout, .. } = command(&lab, "env")
        .args(["--service", "it's"])
        .output()
        .unwrap();
    assert!(status.success());
    let printed = String::from_utf8(stdout).unwrap();
    assert!(
        printed.contains(r"OTEL_SERVICE_NAME='it'\''s'"),
        "{printed}"
    );
    let own = |line: &&str| !line.contains("OTEL_SERVICE_NAME");
    let printed: Vec<&str> = printed.lines().filter(own).collect();
    let settings = settings(&printed.join("\n"));
    let endpoint = format!("http://{}", lab.server("otlp_http"));
    assert_eq!(settings["OTEL_EXPORTER_OTLP_ENDPOINT"], endpoint);
    assert_eq!(settings["OTEL_EXPORTER_OTLP_PROTOCOL"], "http/protobuf");
    // Histograms of both kinds are kept, so which one a program makes is its own choice.
    assert!(!settings.keys().any(|name| name.contains("HISTOGRAM")));
    for signal in ["TRACES", "METRICS", "LOGS"] {
        assert_eq!(settings[&format!("OTEL_{signal}_EXPORTER")], "otlp");
    }

    send(
        &lab,
        &json!([
            attribute("service.name", "shop"),
            attribute("host.name", "h")
        ]),
    );
    assert_eq!(lab.spans(TRACE).len(), 1);
    let query =
        format!("{{service_name=\"shop\"}} | trace_id=\"{TRACE}\" | detected_level=\"info\"");
    assert_eq!(lab.entries(&query), ["paid"]);
    let instant = |query: &str| {
        let answer = lab.json("prometheus", "/api/v1/query", &[("query", query)]);
        answer["data"]["result"].as_array().unwrap().clone()
    };
    let found = instant("orders_paid_total{job=\"shop\"} == 3");
    assert_eq!(found.len(), 1);
    assert_eq!(
        instant("target_info{job=\"shop\",host_name=\"h\"}").len(),
        1
    );
    let params = [
        ("query", "orders_paid_total"),
        ("start", "0"),
        ("end", "9999999999"),
    ];
    let found = lab.json("prometheus", "/api/v1/query_exemplars", &params);
    assert_eq!(
        found["data"][0]["exemplars"][0]["labels"]["trace_id"],
        TRACE
    );
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn lab_run_tells_what_has_arrived_of_a_program_and_ends_as_it_did() {
    let lab = Lab::start(&["--no-apps"]);
    let folder = folder("lab-run");
    let mut running = command(&lab, "run")
        .env("OTEL_RESOURCE_ATTRIBUTES", "team=blue")
        .args(["--", "sh", "-c"])
        // The program itself: it tells its settings and waits until its telemetry was sent.
        .arg("env > settings.new; mv settings.new settings; while [ ! -e sent ]; do sleep 0.05; done; exit 7")
        .current_dir(&folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let settings = eventually("the program runs", || {
        std::fs::read_to_string(folder.join("settings")).ok()
    });
    let setting = |name: &str| {
        let mut values = settings.lines().filter_map(|line| {
            let (own, value) = line.split_once('=')?;
            (own == name).then_some(value)
        });
        values
            .next()
            .unwrap_or_else(|| panic!("no {name}"))
            .to_owned()
    };
    let endpoint = format!("http://{}", lab.server("otlp_http"));
    assert_eq!(setting("OTEL_EXPORTER_OTLP_ENDPOINT"), endpoint);
    let attributes = setting("OTEL_RESOURCE_ATTRIBUTES");
    let (team, run) = attributes.split_once(',').unwrap();
    assert_eq!(team, "team=blue");
    let run = run.strip_prefix("lab.run=").unwrap();
    send(
        &lab,
        &json!([attribute("service.name", "shop"), attribute("lab.run", run)]),
    );
    // What another run sent does not count.
    send(
        &lab,
        &json!([
            attribute("service.name", "cart"),
            attribute("lab.run", "other")
        ]),
    );
    std::fs::write(folder.join("sent"), "").unwrap();

    assert_eq!(running.wait().unwrap().code(), Some(7));
    let Output { stdout, stderr, .. } = running.wait_with_output().unwrap();
    assert!(stdout.is_empty(), "the output is the program's own");
    let told = String::from_utf8(stderr).unwrap();
    let words: Vec<&str> = told.split_whitespace().collect();
    let console = format!("http://{}", lab.server("console"));
    let expected = ["shop", "1", "spans", "1", "lines", "1", "series"];
    assert!(
        words.windows(expected.len()).any(|it| it == expected),
        "{told}"
    );
    assert!(told.contains(&console), "{told}");
    assert!(!told.contains("cart"), "{told}");
}

#[test]
fn without_a_lab_no_program_is_run() {
    let folder = folder("lab-run-alone");
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        // Nothing listens on the port for "discard".
        .args([
            "run",
            "--console",
            "http://127.0.0.1:9",
            "--",
            "touch",
            "ran",
        ])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(125));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("lab up --no-apps"), "{told}");
    assert!(!folder.join("ran").exists());
}

#[test]
fn a_program_that_cannot_be_started_ends_as_in_a_shell() {
    let lab = Lab::start(&["--no-apps"]);
    for (program, code) in [("/nonexistent", 127), ("/etc/passwd", 126), ("/etc", 126)] {
        let output = command(&lab, "run").args(["--", program]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{program}: {told}");
        assert!(told.starts_with(&format!("cannot run {program}")), "{told}");
    }
}

#[test]
fn attributes_that_were_set_before_stay() {
    let lab = Lab::start(&["--no-apps"]);
    for (before, kept) in [
        ("a=b", "a=b,lab.run="),
        ("a=b, ", "a=b,lab.run="),
        ("", "lab.run="),
    ] {
        let output = command(&lab, "run")
            .env("OTEL_RESOURCE_ATTRIBUTES", before)
            .args(["--", "printenv", "OTEL_RESOURCE_ATTRIBUTES"])
            .output()
            .unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.starts_with(kept), "{before:?}: {shown}");
    }
}
