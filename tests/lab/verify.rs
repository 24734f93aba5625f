//! `lab verify`: it passes on a lab that works, and tells which promise is not kept by one that does not.

use std::process::{Command, Output};

use crate::support::http;
use crate::support::lab::{Faults, Lab};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use salvo::Router;
use salvo::writing::{Json, Text};
use salvo_observability::lab::provisioning::dashboards;
use salvo_observability::lab::verify::dashboard::Dashboard;
use serde_json::{Value, json};

/// What `lab verify` said.
struct Verdict {
    code: Option<i32>,
    report: Value,
    text: String,
}

fn run(mut command: Command) -> Verdict {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("lab runs");
    let stdout = String::from_utf8(stdout).expect("text");
    Verdict {
        code: status.code(),
        report: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        text: stdout + &String::from_utf8_lossy(&stderr),
    }
}

fn verify(lab: &Lab, flags: &[&str]) -> Verdict {
    let mut command = lab.verify();
    command.arg("--json").args(flags);
    run(command)
}

impl Verdict {
    fn promises(&self) -> &[Value] {
        self.report["promises"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// Ids of the promises in a state.
    fn ids(&self, state: &str) -> Vec<&str> {
        self.promises()
            .iter()
            .filter(|promise| promise["state"] == state)
            .filter_map(|promise| promise["id"].as_str())
            .collect()
    }

    fn promise(&self, id: &str) -> &Value {
        let found = self.promises().iter().find(|promise| promise["id"] == id);
        found.unwrap_or_else(|| panic!("no promise {id}: {}", self.text))
    }

    /// Exactly this promise fails; what else is not kept follows from it or from what does.
    fn only(&self, id: &str) {
        assert_eq!(self.ids("broken"), [id], "{}", self.pretty());
        assert_eq!(self.code, Some(1));
        assert_eq!(self.report["ok"], false);
        let broken = self.promise(id);
        for told in ["asked", "came", "check"] {
            assert!(
                broken[told].as_str().is_some_and(|it| !it.is_empty()),
                "{told}: {broken}"
            );
        }
    }

    fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.report).unwrap_or_default() + &self.text
    }
}

/// Long enough for everything that works to be seen on a busy machine; what does not work is waited
/// for as long.
const PATIENCE: [&str; 2] = ["--timeout", "25s"];

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
    let verdict = verify(
        &lab,
        &[
            "--timeout",
            "25s",
            "--dashboards",
            folder.to_str().expect("a path"),
        ],
    );
    std::fs::remove_dir_all(&folder).expect("removed");
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
    let verdict = verify(
        &lab,
        &[
            "--timeout",
            "15s",
            "--dashboards",
            folder.to_str().expect("a path"),
        ],
    );
    std::fs::remove_dir_all(&folder).expect("removed");
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

#[test]
fn a_grafana_is_checked_with_its_data_sources_and_dashboards() {
    let lab = Lab::start();
    let healthy = lab.serve(grafana(true));
    let sick = lab.serve(grafana(false));
    let password = std::env::temp_dir().join(format!("lab-password-{}", std::process::id()));
    std::fs::write(&password, "secret\n").expect("a file");
    let check = |address: std::net::SocketAddr, timeout: &str| {
        let url = format!("http://{address}");
        let file = password.to_str().expect("a path");
        verify(
            &lab,
            &[
                "--timeout",
                timeout,
                "--grafana",
                &url,
                "--grafana-password-file",
                file,
            ],
        )
    };
    // What works is waited for no longer than it takes; what does not, to the end.
    let (well, ill) = (check(healthy, "60s"), check(sick, PATIENCE[1]));
    std::fs::remove_file(&password).expect("removed");
    assert_eq!(well.code, Some(0), "{}", well.pretty());
    for id in [
        "grafana.health",
        "grafana.data_sources",
        "grafana.dashboards",
    ] {
        assert_eq!(well.promise(id)["state"], "kept");
    }
    ill.only("grafana.data_sources");
    let came = &ill.promise("grafana.data_sources")["came"];
    assert!(
        came.as_str().is_some_and(|it| it.contains("as it is")),
        "{came}"
    );
}

/// What Grafana answers to those who know the password; sick when Loki does not answer it.
fn grafana(well: bool) -> Router {
    #[salvo::handler]
    fn health(response: &mut salvo::Response) {
        response.render(Json(json!({"database": "ok", "version": "13.0.0"})));
    }
    #[salvo::handler]
    fn login(
        request: &mut salvo::Request,
        response: &mut salvo::Response,
        flow: &mut salvo::FlowCtrl,
    ) {
        // admin:secret
        if request.header::<String>("authorization").as_deref() != Some("Basic YWRtaW46c2VjcmV0") {
            response.status_code(salvo::http::StatusCode::UNAUTHORIZED);
            response.render(Text::Plain("who are you?"));
            flow.skip_rest();
        }
    }
    #[salvo::handler]
    fn source(request: &mut salvo::Request, response: &mut salvo::Response) {
        let uid = request.param::<String>("uid").unwrap_or_default();
        response.render(Json(json!({"uid": uid, "type": uid})));
    }
    #[salvo::handler]
    fn ok(request: &mut salvo::Request, response: &mut salvo::Response) {
        // Until 12.2 Tempo's plugin has no health check.
        if request.param::<String>("uid").as_deref() == Some("tempo") {
            response.status_code(salvo::http::StatusCode::NOT_FOUND);
            return response.render(Json(json!({
                "message": "Not found", "messageId": "plugin.notImplemented", "statusCode": 404,
            })));
        }
        response.render(Json(json!({"status": "OK", "message": "works"})));
    }
    #[salvo::handler]
    fn echo(response: &mut salvo::Response) {
        response.render(Text::Plain("echo"));
    }
    #[salvo::handler]
    fn not_ok(request: &mut salvo::Request, response: &mut salvo::Response) {
        let status = match request.param::<String>("uid").as_deref() {
            Some("loki") => "ERROR",
            _ => "OK",
        };
        response.render(Json(json!({"status": status, "message": "as it is"})));
    }
    #[salvo::handler]
    fn dashboard(request: &mut salvo::Request, response: &mut salvo::Response) {
        let title = match request.param::<String>("uid").as_deref() {
            Some("salvo-observability") => "Salvo Observability",
            _ => "Salvo Telemetry",
        };
        response.render(Json(json!({"dashboard": {"title": title}})));
    }
    let checked = Router::with_path("health");
    let checked = if well {
        checked.get(ok)
    } else {
        checked.get(not_ok)
    };
    Router::with_path("api")
        .push(Router::with_path("health").get(health))
        .push(
            Router::new()
                .hoop(login)
                .push(
                    Router::with_path("datasources/uid/{uid}")
                        .get(source)
                        .push(checked),
                )
                .push(Router::with_path("datasources/proxy/uid/tempo/api/echo").get(echo))
                .push(Router::with_path("dashboards/uid/{uid}").get(dashboard)),
        )
}
