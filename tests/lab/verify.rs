//! `lab verify`: it passes on a lab that works, and tells which promise is not kept by one that does not.

use std::process::Command;

use crate::support::http;
use crate::support::lab::{Faults, Lab};
use crate::support::verdict::{PATIENCE, run, verify};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use salvo_observability::lab::provisioning::dashboards;
use salvo_observability::lab::verify::dashboard::Dashboard;

#[test]
fn a_lab_that_works_keeps_every_promise_and_the_trace_is_found_again_later() {
    let lab = Lab::start();
    let state = std::env::temp_dir().join(format!("lab-verify-{}.json", std::process::id()));
    let state = state.to_str().expect("a path");
    let verdict = verify(&lab, &["--state", state]);
    assert_eq!(verdict.code, Some(0), "{}", verdict.pretty());
    assert_eq!(verdict.report["ok"], true);
    assert_eq!(levels(&lab), ["ERROR", "INFO"]);
    let kept = verdict.ids("kept");
    assert_eq!(kept.len(), verdict.promises().len(), "{}", verdict.pretty());
    for id in [
        "apps.answer",
        "metrics.targets",
        "metrics.nothing_lost",
        "metrics.exemplar",
        "traces.whole",
        "traces.exception",
        "traces.search_by_service",
        "traces.search_by_route",
        "traces.search_by_error",
        "traces.search_by_duration",
        "traces.metrics",
        "logs.lines",
        "logs.labels",
        "logs.multiline",
        "correlations.metric_to_trace",
        "correlations.trace_to_logs",
        "correlations.log_to_trace",
        "dashboards.salvo-observability",
        "dashboards.salvo-telemetry",
    ] {
        assert!(kept.contains(&id), "{id}");
    }

    let mut again = lab.verify();
    again.args(["--state", state, "--existing"]);
    let again = run(again);
    std::fs::remove_file(state).expect("the state file is there");
    assert_eq!(again.code, Some(0), "{}", again.text);
    assert!(
        again
            .text
            .contains(verdict.report["trace_id"].as_str().expect("an id"))
    );
    assert!(
        again.text.contains("✓ the trace of /chain is whole"),
        "{}",
        again.text
    );
    assert!(
        !again.text.contains('\x1b'),
        "no colours without a terminal"
    );
}

#[test]
fn a_lab_that_logs_in_json_keeps_every_promise_too() {
    let lab = Lab::with(&Faults {
        json: true,
        ..Faults::default()
    });
    let verdict = verify(&lab, &[]);
    assert_eq!(verdict.code, Some(0), "{}", verdict.pretty());
    let kept = verdict.ids("kept");
    assert_eq!(kept.len(), verdict.promises().len(), "{}", verdict.pretty());
    assert!(kept.len() >= 18, "{kept:?}");
    // Not a word of a JSON line's causes, which stands where a text line has its level.
    assert_eq!(levels(&lab), ["ERROR", "INFO"]);
}

/// The levels that the panel of the log's levels shows now.
fn levels(lab: &Lab) -> Vec<String> {
    let (_, content) = &dashboards(None).expect("dashboards")[0];
    let dashboard = Dashboard::read(content).expect("a dashboard");
    let queries = dashboard.queries();
    let found = queries.iter().find(|query| query.panel == "Log Type Rate");
    let query = found
        .expect("the panel")
        .expr
        .replace("$app_name", "app-.*");
    let query = query.replace("$log_keyword", "").replace("$__auto", "5m");
    let query = utf8_percent_encode(&query, NON_ALPHANUMERIC);
    let target = format!("/loki/api/v1/query?query={query}");
    let answer = http::get(lab.loki, &target).json();
    let result = answer["data"]["result"].as_array().expect("series");
    let types = result
        .iter()
        .map(|it| it["metric"]["type"].as_str().unwrap_or("none").to_owned());
    let mut types: Vec<String> = types.collect();
    types.sort();
    types
}

#[test]
fn a_login_in_a_url_is_refused_and_not_shown() {
    for flag in ["--app", "--tempo", "--loki", "--prometheus", "--grafana"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command
            .arg("verify")
            .args([flag, "http://me:secret@127.0.0.1:1"]);
        let verdict = run(command);
        assert_eq!(verdict.code, Some(2), "{}", verdict.text);
        assert!(verdict.text.contains(flag), "{}", verdict.text);
        assert!(
            verdict.text.contains("--grafana-password-file"),
            "{}",
            verdict.text
        );
        assert!(!verdict.text.contains("secret"), "{}", verdict.text);
    }
}

#[test]
fn a_stopped_instance_is_named() {
    let mut lab = Lab::start();
    lab.apps[2].stop();
    let verdict = verify(&lab, &PATIENCE);
    verdict.only("apps.answer");
    let asked = &verdict.promise("apps.answer")["asked"];
    let address = lab.apps[2].address.to_string();
    assert!(
        asked.as_str().is_some_and(|it| it.contains(&address)),
        "{asked}"
    );
}

#[test]
fn a_receiver_that_refuses_spans_is_told_as_spans_lost() {
    let lab = Lab::with(&Faults {
        spans_refused: true,
        ..Faults::default()
    });
    let verdict = verify(&lab, &PATIENCE);
    verdict.only("metrics.nothing_lost");
    let came = &verdict.promise("metrics.nothing_lost")["came"];
    assert!(
        came.as_str().is_some_and(|it| it.contains("spans failed")),
        "{came}"
    );
    let trace = verdict.promise("traces.whole");
    assert_eq!(trace["follows_from"], "metrics.nothing_lost");
}

#[test]
fn a_label_that_the_pipeline_lost_is_named() {
    for label in ["host", "compose_service"] {
        let lab = Lab::with(&Faults {
            label_removed: Some(label),
            ..Faults::default()
        });
        let verdict = verify(&lab, &PATIENCE);
        verdict.only("logs.labels");
        let came = &verdict.promise("logs.labels")["came"];
        assert!(came.as_str().is_some_and(|it| it.contains(label)), "{came}");
    }
}

#[test]
fn missing_exemplars_are_told() {
    let lab = Lab::with(&Faults {
        no_exemplars: true,
        ..Faults::default()
    });
    verify(&lab, &PATIENCE).only("metrics.exemplar");
}

#[test]
fn a_server_that_does_not_ship_its_log_is_named() {
    let lab = Lab::start();
    // Any name of the contract will do: in this lab only instances have logs.
    let shipped = verify(&lab, &["--servers-log=app-b,app-c"]);
    assert_eq!(shipped.code, Some(0), "{}", shipped.pretty());
    assert_eq!(shipped.promise("logs.servers")["state"], "kept");
    let missing = verify(&lab, &["--timeout", "10s", "--servers-log"]);
    missing.only("logs.servers");
    let came = &missing.promise("logs.servers")["came"];
    assert!(
        came.as_str().is_some_and(|it| it.contains("tempo")),
        "{came}"
    );
}

#[test]
fn an_unreachable_server_is_named_with_its_flag() {
    let lab = Lab::start();
    for flag in ["--tempo", "--loki", "--prometheus"] {
        let mut command = lab.verify();
        // The later of two values would be refused, so the earlier one is replaced.
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = Command::new(command.get_program());
        let mut replace = false;
        for argument in arguments {
            command.arg(if replace {
                "http://127.0.0.1:1".into()
            } else {
                argument.clone()
            });
            replace = argument == flag;
        }
        let verdict = run(command);
        assert_eq!(verdict.code, Some(2), "{}", verdict.text);
        assert!(
            verdict.text.contains("unreachable at http://127.0.0.1:1"),
            "{}",
            verdict.text
        );
        assert!(verdict.text.contains(flag), "{}", verdict.text);
    }
}

#[test]
fn bad_usage_is_exit_code_2() {
    for flags in [
        &["--tempo", "https://127.0.0.1:1"][..],
        &["--app", "127.0.0.1:8000"],
        &["--timeout", "soon"],
        &["--existing"],
        &["--existing", "--no-apps", "--otlp"],
        &["--no-apps"],
        &["--otlp=127.0.0.1:4318"],
        &["--existing", "--state", "/no/such/file"],
        &["--etc", "/no/such/folder"],
        &["--dashboards", "/no/such/folder"],
        &[
            "--grafana",
            "http://127.0.0.1:1",
            "--grafana-password-file",
            "/no/such/file",
        ],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.arg("verify").args(flags);
        let verdict = run(command);
        assert_eq!(verdict.code, Some(2), "{flags:?}: {}", verdict.text);
        assert!(!verdict.text.trim().is_empty());
    }
}
