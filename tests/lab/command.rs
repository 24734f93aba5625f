//! `lab verify` on a real `lab up`: it passes, and names the promise that a stopped instance breaks.

use std::process::{Command, Output};

use crate::support::eventually;
use crate::support::up::Lab;
use serde_json::Value;

/// What `lab verify --json` says of a lab, and its exit code.
fn verify(lab: &Lab, apps: &[&str], timeout: &str) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command
        .env_clear()
        .args(["verify", "--json", "--timeout", timeout]);
    for app in apps {
        command.args(["--app", &format!("http://{}", lab.app(app))]);
    }
    for server in ["prometheus", "loki", "tempo"] {
        let url = format!("http://{}", lab.server(server));
        command.args([format!("--{server}"), url]);
    }
    let Output { status, stdout, .. } = command.output().expect("lab verify runs");
    let report = serde_json::from_slice(&stdout).expect("a report");
    (status.code(), report)
}

/// Ids of the promises that are broken, not those that only follow from them.
fn broken(report: &Value) -> Vec<&str> {
    let promises = report["promises"].as_array().expect("promises");
    promises
        .iter()
        .filter(|promise| promise["state"] == "broken")
        .filter_map(|promise| promise["id"].as_str())
        .collect()
}

const APPS: [&str; 3] = ["app-a", "app-b", "app-c"];

#[test]
fn every_promise_is_kept_by_a_lab_that_runs() {
    let lab = Lab::start(&[]);
    // The lab scrapes itself every 15 s, and a rate needs two of these.
    let (code, report) = verify(&lab, &APPS, "60s");
    assert_eq!(broken(&report), Vec::<&str>::new(), "{report:#}");
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)));
}

#[test]
fn a_frozen_instance_breaks_the_promise_that_every_instance_answers() {
    let lab = Lab::start(&[]);
    let instance = eventually("app-b runs", || lab.instance("app-b"));
    instance.signal("STOP");
    let (code, report) = verify(&lab, &APPS, "30s");
    instance.signal("CONT");
    assert_eq!(broken(&report), ["apps.answer"], "{report:#}");
    assert_eq!(code, Some(1));
}
