//! `lab verify --otlp`: telemetry of its own goes the way of a program's, and is found in all three servers.

use std::process::Command;

use crate::support::up::Lab;
use crate::support::verdict::{PATIENCE, Verdict, run};

const PROMISES: [&str; 5] = [
    "otlp.taken",
    "otlp.span",
    "otlp.line",
    "otlp.duration",
    "otlp.correlated",
];

/// What `lab verify` says of what it sent to one of a lab's servers.
fn verify(lab: &Lab, receiver: &str, flags: &[&str]) -> Verdict {
    let url = |server: &str| format!("http://{}", lab.server(server));
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command
        .env_clear()
        .args(["verify", "--json", "--no-apps"])
        .args(["--tempo", &url("tempo"), "--loki", &url("loki")])
        .args(["--prometheus", &url("prometheus")])
        .arg(format!("--otlp={}", url(receiver)))
        .args(flags);
    run(command)
}

#[test]
fn one_request_is_found_in_all_signals_and_they_lead_to_each_other() {
    let lab = Lab::start(&["--no-apps"]);
    let verdict = verify(&lab, "otlp_http", &[]);
    assert_eq!(verdict.code, Some(0), "{}", verdict.pretty());
    assert_eq!(verdict.ids("kept"), PROMISES);
    let trace = verdict.report["trace_id"].as_str().expect("an id");
    let correlated = &verdict.promise("otlp.correlated")["seen"];
    assert!(
        correlated.as_str().is_some_and(|it| it.contains(trace)),
        "{correlated}"
    );
    // Each run is told from those before it.
    let again = verify(&lab, "otlp_http", &[]);
    assert_eq!(again.code, Some(0), "{}", again.pretty());
    assert_ne!(again.report["trace_id"], trace);
}

#[test]
fn an_address_that_does_not_take_a_signal_is_named() {
    let lab = Lab::start(&["--no-apps"]);
    let verdict = verify(&lab, "tempo", &PATIENCE);
    verdict.only("otlp.taken");
    let broken = verdict.promise("otlp.taken");
    let asked = broken["asked"].as_str().expect("a request");
    assert!(asked.contains("/v1/traces"), "{asked}");
    let came = broken["came"].as_str().expect("an answer");
    assert!(came.contains("does not take this signal"), "{came}");
    for consequence in &PROMISES[1..] {
        assert_eq!(verdict.promise(consequence)["state"], "follows");
    }
}

#[test]
fn a_server_that_has_something_else_is_told() {
    let (lab, other) = (Lab::start(&["--no-apps"]), Lab::start(&["--no-apps"]));
    let loki = format!("http://{}", other.server("loki"));
    let url = |server: &str| format!("http://{}", lab.server(server));
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command
        .env_clear()
        .args(["verify", "--json", "--no-apps", "--timeout", "5s"])
        .args(["--tempo", &url("tempo"), "--loki", &loki])
        .args(["--prometheus", &url("prometheus")])
        .arg(format!("--otlp={}", url("otlp_http")));
    let verdict = run(command);
    verdict.only("otlp.line");
    assert_eq!(verdict.promise("otlp.correlated")["state"], "follows");
}
