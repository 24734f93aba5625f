//! `lab soak`: what a broken part costs is counted, and no request pays for it.

use std::process::{Command, Output};

use serde_json::Value;

fn soak(flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.env_clear().arg("soak").args(flags);
    // A shell may have set them for other programs. None reaches the instances: they would lose spans and requests.
    command.envs([
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
        ("OTEL_SERVICE_NAME", "other"),
        ("MAX_CONCURRENT_REQUESTS", "0"),
    ]);
    command.output().expect("lab runs")
}

/// Breaks these parts for a second each, about. The time of requests is not checked, since other tests run meanwhile.
fn report(faults: &[&str], rounds: &str) -> Value {
    let minutes = (faults.len() as f64 * 2.0 / 60.0).to_string();
    let (only, minutes) = (faults.join(","), minutes.as_str());
    let output = soak(&[
        "--json",
        "--only",
        &only,
        "--minutes",
        minutes,
        "--rounds",
        rounds,
        "--rate",
        "60",
        "--p99-growth",
        "0",
    ]);
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!(
            "no report: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    assert_eq!(report["broken"], serde_json::json!([]), "{report:#}");
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    report
}

fn row<'a>(report: &'a Value, fault: &str) -> &'a Value {
    let mut rows = report["faults"].as_array().expect("faults").iter();
    let row = rows.find(|row| row["fault"] == fault);
    row.unwrap_or_else(|| panic!("no {fault} in {report:#}"))
}

#[test]
fn no_request_fails_and_every_count_adds_up_whatever_the_servers_do() {
    let faults = [
        "collector-garbage",
        "loki-killed",
        "loki-clock",
        "prometheus-garbage",
        "shipper-killed",
        "app-b-killed",
        "app-disk-full",
    ];
    let report = report(&faults, "10");
    for fault in faults {
        let row = row(&report, fault);
        assert!(row["requests_answered"].as_u64() > Some(30), "{row:#}");
        assert_eq!(row["requests_failed"], 0, "{row:#}");
    }
    // A Loki that is away costs nothing: lines wait.
    assert_eq!(row(&report, "loki-killed")["lines_lost"], 0);
    // What it refuses for good is lost, and counted.
    assert!(row(&report, "loki-clock")["lines_lost"].as_u64() > Some(0));
    assert!(row(&report, "prometheus-garbage")["samples_lost"].as_u64() > Some(0));
    assert!(row(&report, "app-disk-full")["lines_lost"].as_u64() > Some(0));
    assert_eq!(report["open"].as_array().map(Vec::len), Some(4));
}

#[test]
fn an_unknown_fault_is_refused_with_the_names_of_all() {
    let output = soak(&["--only", "loki-drowned"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("loki-drowned") && text.contains("loki-killed"),
        "{text}"
    );
}

#[test]
fn a_table_of_what_is_no_report_is_refused() {
    for file in ["/dev/zero", "/nonexistent", "Cargo.toml"] {
        let output = soak(&["--table", file]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(file), "{text}");
    }
}
