//! `lab verify` runs the queries of dashboards, those of other people too.

use std::path::Path;

use crate::support::lab::Lab;
use crate::support::verdict::{Verdict, run, verify};
use serde_json::{Value, json};

/// What `lab verify` says of the dashboards in a folder, which is removed.
fn verify_dashboards(lab: &Lab, folder: &Path, timeout: &str) -> Verdict {
    let path = folder.to_str().expect("a path");
    let verdict = verify(lab, &["--timeout", timeout, "--dashboards", path]);
    std::fs::remove_dir_all(folder).expect("removed");
    verdict
}

#[test]
fn dashboards_of_other_people_are_read_or_the_one_thing_is_named() {
    let lab = Lab::start();
    let folder = std::env::temp_dir().join(format!("lab-others-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let dashboard = |name: &str, variables: Value, panels: Value| {
        let content = json!({
            "title": name,
            "time": {"from": "now-15m", "to": "now"},
            "templating": {"list": variables},
            "panels": panels,
        });
        std::fs::write(folder.join(format!("{name}.json")), content.to_string()).expect("a file");
    };
    let panel = |source: Value, expr: &str| {
        json!([{"id": 1, "type": "timeseries", "title": "p", "datasource": source,
                "targets": [{"refId": "A", "expr": expr}]}])
    };
    let source = json!({"name": "ds", "type": "datasource", "query": "prometheus", "current": {"value": "default"}});
    let asked = |name: &str, query: Value| json!({"name": name, "type": "query", "datasource": "$ds", "query": query});
    dashboard("text", json!([source]), panel(json!("$ds"), "up"));
    dashboard(
        "object",
        json!([source]),
        panel(json!({"type": "prometheus", "uid": "${ds}"}), "up"),
    );
    dashboard(
        "values",
        json!([
            // It uses the two that come after it.
            {"name": "app", "type": "query", "datasource": {"type": "prometheus", "uid": "$ds"},
             "query": {"query": "label_values(salvo_requests_total{job=~\"$job\"}, app_name)", "refId": "x"},
             "multi": true, "includeAll": true, "regex": "/(app-.)/"},
            asked("job", json!("query_result(up{job=~\"app-.*\"})")).as_object().map(|it| {
                let mut it = it.clone();
                it.insert("regex".into(), json!("/job=\"(?<value>[^\"]+)\"/"));
                Value::Object(it)
            }),
            source,
            {"name": "every", "type": "interval", "query": "1m,5m", "auto": true},
            {"name": "kind", "type": "custom", "query": "GET : GET,other : _OTHER"},
            {"name": "metric", "type": "constant", "query": "salvo_requests_total"},
            {"name": "by", "type": "adhoc", "datasource": "$ds"},
        ]),
        panel(
            json!("$ds"),
            "sum(rate($metric{app_name=~\"${app:regex}\", method=\"[[kind]]\"}[$every]))",
        ),
    );
    dashboard("nowhere", json!([source]), panel(json!("$gone"), "up"));
    dashboard(
        "unknown",
        json!([asked("x", json!({"refId": "x"}))]),
        panel(json!(null), "up"),
    );
    dashboard(
        "other",
        json!([]),
        panel(json!({"type": "influxdb", "uid": "x"}), "up"),
    );
    let verdict = verify_dashboards(&lab, &folder, "25s");
    for name in ["text", "object", "values"] {
        let promise = verdict.promise(&format!("dashboards.{name}"));
        assert_eq!(promise["state"], "kept", "{promise}");
    }
    for (name, named) in [
        ("nowhere", "$gone"),
        ("unknown", "$ds"),
        ("other", "influxdb"),
    ] {
        let promise = verdict.promise(&format!("dashboards.{name}"));
        assert_eq!(promise["state"], "broken", "{promise}");
        assert!(
            promise["came"]
                .as_str()
                .is_some_and(|it| it.contains(named)),
            "{promise}"
        );
    }
}

#[test]
fn what_a_dashboard_says_cannot_control_the_terminal() {
    let lab = Lab::start();
    let folder = std::env::temp_dir().join(format!("lab-terminal-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    // Clears the screen, sets the title, does so with one byte, writes backwards.
    let evil = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}2J\u{202e}\r";
    let content = json!({
        "title": evil,
        "uid": "evil",
        "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": [{"name": format!("named{evil}"), "type": "query",
            "datasource": {"type": "prometheus", "uid": "prometheus"}, "query": evil}]},
        "panels": [{"id": 1, "type": "timeseries", "title": format!("panel{evil}"),
            "datasource": {"type": "prometheus", "uid": "prometheus"},
            "targets": [{"refId": "A", "expr": format!("up{{a=\"{evil}\"}} +")}]}],
    });
    std::fs::write(folder.join("evil.json"), content.to_string()).expect("a file");
    let mut command = lab.verify();
    command
        .args(["--timeout", "2s", "--dashboards"])
        .arg(&folder);
    let verdict = run(command);
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(verdict.text.contains("$named"), "{}", verdict.text);
    let harmful = |it: char| it != '\n' && (it.is_control() || it == '\u{202e}');
    assert!(!verdict.text.contains(harmful), "{:?}", verdict.text);
}

#[test]
fn a_panel_without_data_and_a_refused_query_are_named() {
    let lab = Lab::start();
    let folder = std::env::temp_dir().join(format!("lab-dashboards-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let dashboard = |title: &str, expr: &str, description: &str| {
        let panel = json!({
            "id": 1, "type": "stat", "title": title, "description": description,
            "datasource": {"uid": "prometheus"},
            "targets": [{"expr": expr, "instant": true}],
        });
        let content = json!({"uid": title, "title": title, "panels": [panel]}).to_string();
        std::fs::write(folder.join(format!("{title}.json")), content).expect("a file");
    };
    dashboard("nothing", "no_such_metric", "");
    dashboard(
        "allowed",
        "no_such_metric",
        "May be empty: there is no such metric.",
    );
    dashboard("refused", "sum(", "");
    let verdict = verify_dashboards(&lab, &folder, "15s");
    assert_eq!(
        verdict.ids("broken"),
        ["dashboards.nothing", "dashboards.refused"],
        "{}",
        verdict.pretty()
    );
    let came = |id: &str| {
        verdict.promise(id)["came"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(came("dashboards.nothing").contains("no data for no_such_metric"));
    assert!(came("dashboards.refused").contains("HTTP 400"));
}
