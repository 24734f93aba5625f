//! Promtail and Alloy are told the same, and what they send has the labels of `docs/contract.md`.

use crate::support::alloy;
use std::time::Duration;

use crate::support::etc::{Environment, FOLDERS, elsewhere, server, text};
use crate::support::shipper::{Labels, Shipper};
use lab_backends::logs::shipper::{Multiline, Output, Stages, contract_labels};
use serde_json::{Value, json};

fn promtail(name: &str, env: &Environment) -> Shipper {
    Shipper::of_promtail(&server(&format!("promtail/{name}.yaml"), env))
}

fn of_alloy(name: &str, env: &Environment) -> Shipper {
    Shipper::of_alloy(&alloy::read(&text(&format!("alloy/{name}.alloy")), env))
}

fn contract(service: &str, output: Output, host: &str, filename: &str) -> Labels {
    contract_labels(service, output, host, filename)
        .into_iter()
        .collect()
}

#[test]
fn promtail_and_alloy_are_told_the_same() {
    for env in [
        elsewhere(),
        // Without an environment each has its own way to name the machine and to find the folder.
        FOLDERS
            .into_iter()
            .chain([("LAB_HOSTNAME", "a-machine")])
            .collect(),
    ] {
        for name in ["files", "journal"] {
            let (one, mut other) = (promtail(name, &env), of_alloy(name, &env));
            if name == "journal" {
                // Only Alloy has a label of its own to get rid of.
                assert_eq!(
                    other.rules.pop(),
                    Some(json!({"action": "labeldrop", "regex": "job"}))
                );
                other.labels.clear();
            }
            assert_eq!(one.path, other.path);
            assert_eq!(one.labels, other.labels);
            assert_eq!(one.rules, other.rules);
            assert_eq!(one.stages, other.stages);
            assert_eq!(one.client, other.client);
            assert_eq!(one.max_age, other.max_age);
        }
    }
}

#[test]
fn a_line_of_a_file_has_the_labels_of_the_contract() {
    let env = elsewhere();
    for shipper in [promtail("files", &env), of_alloy("files", &env)] {
        assert_eq!(
            shipper.path.as_deref(),
            Some("/elsewhere/logs/*.std{out,err}.log")
        );
        for (service, output) in [
            ("app-a", Output::Stdout),
            ("app-c", Output::Stderr),
            ("grafana", Output::Stdout),
            ("process-compose", Output::Stderr),
        ] {
            for folder in [
                "/elsewhere/logs",
                "/a.stderr.log/b",
                "/home/app-b.stdout.log/logs",
            ] {
                let path = format!("{folder}/{service}.{}.log", output.as_str());
                let (labels, _) = shipper.line_of_file(&path, "a line");
                assert_eq!(labels, contract(service, output, "a-machine", &path));
            }
        }
    }
}

#[test]
fn a_line_of_the_journal_has_the_labels_of_the_contract_or_is_not_sent() {
    let env = elsewhere();
    let unit = |service, container| {
        vec![
            ("_TRANSPORT", "stdout"),
            ("_HOSTNAME", "that-machine"),
            ("_SYSTEMD_UNIT", "salvo-app-app-a.service"),
            ("PRIORITY", "6"),
            ("COMPOSE_PROJECT", "salvo-observability"),
            ("COMPOSE_SERVICE", service),
            ("CONTAINER_NAME", container),
        ]
    };
    let app = unit("app-a", "salvo-observability-app-a-1");
    let tempo = unit("tempo", "salvo-observability-tempo-1");
    let with = |fields: &[(&'static str, &'static str)], name, value| {
        let mut fields = fields.to_vec();
        fields.retain(|field| field.0 != name);
        fields.push((name, value));
        fields
    };
    for shipper in [promtail("journal", &env), of_alloy("journal", &env)] {
        let of = |service, output| {
            Some(contract(
                service,
                output,
                "that-machine",
                "/var/log/journal",
            ))
        };
        assert_eq!(shipper.labels_of_entry(&app), of("app-a", Output::Stdout));
        assert_eq!(shipper.labels_of_entry(&tempo), of("tempo", Output::Stdout));
        let stderr = with(&tempo, "SOURCE", "stderr");
        assert_eq!(
            shipper.labels_of_entry(&stderr),
            of("tempo", Output::Stderr)
        );
        let other = with(&tempo, "SOURCE", "elsewhere");
        assert_eq!(shipper.labels_of_entry(&other), of("tempo", Output::Stdout));
        // Another unit's, what systemd says of a unit, and the kernel's.
        let mut foreign = app.clone();
        foreign.retain(|field| field.0 != "COMPOSE_SERVICE");
        assert_eq!(shipper.labels_of_entry(&foreign), None);
        assert_eq!(
            shipper.labels_of_entry(&with(&app, "_TRANSPORT", "journal")),
            None
        );
        assert_eq!(shipper.labels_of_entry(&[("_TRANSPORT", "kernel")]), None);
    }
}

#[test]
fn only_text_lines_of_instances_are_joined_and_as_the_embedded_pipeline_does() {
    let env = elsewhere();
    let contract = Multiline::contract();
    assert_eq!(contract.max_wait, Duration::from_secs(3));
    let stage = json!({"firstline": contract.firstline.as_str(), "max_wait_time": "3s"});
    let text = "2026-11-22 14:07:31,123 ERROR [a] [b.rs:1] [trace_id=0] - failed";
    for shipper in [
        promtail("files", &env),
        promtail("journal", &env),
        of_alloy("files", &env),
        of_alloy("journal", &env),
    ] {
        let met = |service: &str, line: &str| {
            let labels = Labels::from([
                ("compose_service".to_owned(), service.to_owned()),
                ("filename".to_owned(), format!("/logs/{service}.stdout.log")),
            ]);
            shipper.pass(labels, line).1
        };
        for line in [
            text,
            "  caused by: the stock is empty",
            "",
            "0: a backtrace",
        ] {
            assert_eq!(met("app-a", line), std::slice::from_ref(&stage), "{line}");
        }
        assert_eq!(met("app-a", "{\"level\":\"INFO\"}"), [Value::Null; 0]);
        for service in ["loki", "application", "my-app-a"] {
            assert_eq!(met(service, text), [Value::Null; 0], "{service}");
        }
        // The stage after it reads what the embedded pipeline reads.
        let joined = shipper.stages.last().expect("a stage");
        let regex = Stages::text().regex.expect("the stage");
        assert_eq!(
            joined["match"]["stages"][1],
            json!({"regex": {"expression": regex.as_str()}})
        );
    }
}
