//! The files under `etc/`: ports, addresses and names agree with each other and with the embedded servers.
#![cfg(feature = "lab")]

#[path = "support/alloy.rs"]
mod alloy;
#[path = "support/shipper.rs"]
mod shipper;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use regex::Regex;
use salvo_observability::embedded::logs::pipeline::{Multiline, Output, Stages, contract_labels};
use salvo_observability::embedded::metrics::{METRIC_NAME, promql};
use serde_json::{Value, json};
use shipper::{Labels, Shipper};
use support::service::Service;

type Environment = BTreeMap<&'static str, &'static str>;

/// Every variable that the files read, each with a value that is not its default.
const ELSEWHERE: [(&str, &str); 15] = [
    ("LAB_HOST", "192.0.2.1"),
    ("LAB_HOSTNAME", "a-machine"),
    ("LAB_PROMETHEUS_URL", "http://prometheus:1"),
    ("LAB_LOKI_URL", "http://loki:2"),
    ("LAB_TEMPO_URL", "http://tempo:3"),
    ("LAB_DASHBOARDS_PATH", "/elsewhere/dashboards"),
    ("LAB_TEMPO_PORT", "13200"),
    ("LAB_TEMPO_GRPC_PORT", "19095"),
    ("LAB_OTLP_GRPC_PORT", "14317"),
    ("LAB_OTLP_HTTP_PORT", "14318"),
    ("LAB_TEMPO_PATH", "/elsewhere/tempo"),
    ("LAB_LOKI_PORT", "13100"),
    ("LAB_LOKI_GRPC_PORT", "19096"),
    ("LAB_LOKI_PATH", "/elsewhere/loki"),
    ("LAB_PROMTAIL_PORT", "19080"),
];

/// Those of the shippers' folders.
const FOLDERS: [(&str, &str); 2] = [
    ("LAB_LOGS_PATH", "/elsewhere/logs"),
    ("LAB_PROMTAIL_PATH", "/elsewhere/promtail"),
];

fn elsewhere() -> Environment {
    ELSEWHERE.into_iter().chain(FOLDERS).collect()
}

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fills in the environment as the servers do with `-config.expand-env=true`.
fn expanded(text: &str, env: &Environment) -> String {
    for escape in ["$$", "\\\\", "\\/"] {
        assert!(!text.contains(escape), "{escape} would be changed");
    }
    let variable = Regex::new(r"\$\{(\w+)(?::-([^}]*))?\}").expect("an expression");
    let full = variable.replace_all(text, |found: &regex::Captures<'_>| {
        let default = found.get(2).map_or("", |it| it.as_str());
        env.get(&found[1]).copied().unwrap_or(default).to_owned()
    });
    assert!(!full.contains("${"), "{full}");
    full.into_owned()
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

fn server(name: &str, env: &Environment) -> Value {
    yaml(&expanded(&text(name), env))
}

fn promtail(name: &str, env: &Environment) -> Shipper {
    Shipper::of_promtail(&server(&format!("promtail/{name}.yaml"), env))
}

fn alloy(name: &str, env: &Environment) -> Shipper {
    Shipper::of_alloy(&alloy::read(&text(&format!("alloy/{name}.alloy")), env))
}

fn contract(service: &str, output: Output, host: &str, filename: &str) -> Labels {
    contract_labels(service, output, host, filename)
        .into_iter()
        .collect()
}

#[test]
fn only_the_variables_of_the_lab_are_read() {
    let known = elsewhere();
    let variable = Regex::new(r#"\$\{(\w+)|sys\.env\("(\w+)"\)"#).expect("an expression");
    let mut seen = BTreeSet::new();
    for name in [
        "tempo/tempo.yaml",
        "loki/loki.yaml",
        "promtail/files.yaml",
        "promtail/journal.yaml",
        "alloy/files.alloy",
        "alloy/journal.alloy",
        "grafana/datasources.yaml",
        "grafana/dashboards.yaml",
    ] {
        let text = text(name);
        for found in variable.captures_iter(&text) {
            let found = found
                .iter()
                .skip(1)
                .flatten()
                .next()
                .expect("a name")
                .as_str();
            if found.starts_with("__") || found == "PWD" {
                continue;
            }
            assert!(known.contains_key(found), "{name} reads {found}");
            assert!(
                name.starts_with("grafana/")
                    || text
                        .lines()
                        .any(|it| { it.starts_with(['#', '/']) && it.contains(found) }),
                "{name} does not say what {found} is"
            );
            seen.insert(found.to_owned());
        }
    }
    let all: BTreeSet<String> = known.keys().map(|it| (*it).to_owned()).collect();
    assert_eq!(seen, all, "a variable that nobody reads");
}

/// Where the servers listen, and what they call.
fn addresses(env: &Environment) -> BTreeMap<&'static str, String> {
    let show = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let listens = |file: &Value, kind: &str| {
        let server = &file["server"];
        let part = |name: &str| show(&server[&format!("{kind}_listen_{name}")]);
        format!("{}:{}", part("address"), part("port"))
    };
    let (tempo, loki) = (
        server("tempo/tempo.yaml", env),
        server("loki/loki.yaml", env),
    );
    let itself = &tempo["querier"]["frontend_worker"]["frontend_address"];
    assert_eq!(show(itself), listens(&tempo, "grpc"), "Tempo asks itself");
    let otlp = &tempo["distributor"]["receivers"]["otlp"]["protocols"];
    let remote = &tempo["metrics_generator"]["storage"]["remote_write"][0];
    let mut found = BTreeMap::from([
        ("tempo", listens(&tempo, "http")),
        ("tempo inside", listens(&tempo, "grpc")),
        ("tempo writes to", show(&remote["url"])),
        ("OTLP/gRPC", show(&otlp["grpc"]["endpoint"])),
        ("OTLP/HTTP", show(&otlp["http"]["endpoint"])),
        ("loki", listens(&loki, "http")),
        ("loki inside", listens(&loki, "grpc")),
    ]);
    let shippers = ["files", "journal"].map(|name| {
        let file = server(&format!("promtail/{name}.yaml"), env);
        (
            listens(&file, "http"),
            promtail(name, env).client[0].clone(),
        )
    });
    assert_eq!(shippers[0], shippers[1]);
    found.insert("promtail", shippers[0].0.clone());
    found.insert("promtail sends to", show(&shippers[0].1));
    found
}

#[test]
fn without_an_environment_everything_is_on_loopback_at_the_usual_ports() {
    let usual = [
        ("tempo", "127.0.0.1:3200"),
        ("tempo inside", "127.0.0.1:9095"),
        ("tempo writes to", "http://127.0.0.1:9090/api/v1/write"),
        ("OTLP/gRPC", "127.0.0.1:4317"),
        ("OTLP/HTTP", "127.0.0.1:4318"),
        ("loki", "127.0.0.1:3100"),
        ("loki inside", "127.0.0.1:9096"),
        ("promtail", "127.0.0.1:9080"),
        (
            "promtail sends to",
            "http://127.0.0.1:3100/loki/api/v1/push",
        ),
    ];
    let usual = usual.map(|(name, value)| (name, value.to_owned()));
    assert_eq!(addresses(&Environment::new()), BTreeMap::from(usual));
}

#[test]
fn every_address_can_be_moved_and_what_is_internal_stays_on_loopback() {
    let moved = [
        ("tempo", "192.0.2.1:13200"),
        ("tempo inside", "127.0.0.1:19095"),
        ("tempo writes to", "http://prometheus:1/api/v1/write"),
        ("OTLP/gRPC", "192.0.2.1:14317"),
        ("OTLP/HTTP", "192.0.2.1:14318"),
        ("loki", "192.0.2.1:13100"),
        ("loki inside", "127.0.0.1:19096"),
        ("promtail", "192.0.2.1:19080"),
        ("promtail sends to", "http://loki:2/loki/api/v1/push"),
    ];
    let moved = moved.map(|(name, value)| (name, value.to_owned()));
    assert_eq!(addresses(&elsewhere()), BTreeMap::from(moved));
}

#[test]
fn prometheus_scrapes_what_the_other_files_say_is_there() {
    let file = yaml(&text("prometheus/prometheus.yml"));
    let targets: BTreeMap<&str, &Value> = file["scrape_configs"]
        .as_array()
        .expect("jobs")
        .iter()
        .map(|job| {
            (
                job["job_name"].as_str().expect("a name"),
                &job["static_configs"][0]["targets"],
            )
        })
        .collect();
    let there = addresses(&Environment::new());
    for name in ["tempo", "loki", "promtail"] {
        assert_eq!(targets[name], &json!([there[name]]));
    }
    let rules = file["rule_files"].as_array().expect("rules");
    assert_eq!(
        rules,
        &[json!("rules.yml")],
        "beside the file, wherever that is"
    );
}

#[test]
fn one_label_names_the_trace_in_every_exemplar() {
    let tempo = server("tempo/tempo.yaml", &Environment::new());
    let generator = &tempo["overrides"]["defaults"]["metrics_generator"];
    let sources = yaml(&text("grafana/datasources.yaml"));
    let destination = &sources["datasources"][0]["jsonData"]["exemplarTraceIdDestinations"][0];
    assert_eq!(generator["trace_id_label_name"], destination["name"]);
    let storage = &tempo["metrics_generator"]["storage"];
    assert_eq!(storage["remote_write"][0]["send_exemplars"], true);
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
            let (one, mut other) = (promtail(name, &env), alloy(name, &env));
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
    for shipper in [promtail("files", &env), alloy("files", &env)] {
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
    for shipper in [promtail("journal", &env), alloy("journal", &env)] {
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
    let contract = Multiline::contract().expect("the stage");
    assert_eq!(contract.max_wait, Duration::from_secs(3));
    let stage = json!({"firstline": contract.firstline.as_str(), "max_wait_time": "3s"});
    let text = "2026-11-22 14:07:31,123 ERROR [a] [b.rs:1] [trace_id=0] - failed";
    for shipper in [
        promtail("files", &env),
        promtail("journal", &env),
        alloy("files", &env),
        alloy("journal", &env),
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

/// Each rule, with the name of the series or of the alert.
fn rules() -> Vec<(String, Value)> {
    let file = yaml(&text("prometheus/rules.yml"));
    let groups = file["groups"].as_array().expect("groups").clone();
    let rules = groups
        .into_iter()
        .flat_map(|it| it["rules"].as_array().expect("rules").clone());
    rules
        .map(|rule| {
            let name = rule.get("record").or(rule.get("alert"));
            (
                name.and_then(Value::as_str).expect("a name").to_owned(),
                rule,
            )
        })
        .collect()
}

#[test]
fn rules_ask_only_for_metrics_that_there_are() {
    let service = Service::start("app-a", &[]);
    for route in ["/", "/error_test"] {
        service.get(route);
    }
    // The third column of "# TYPE name kind", with what a kind adds to a name.
    let page = service.openmetrics();
    let mut known: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .flat_map(|(name, kind)| match kind {
            "counter" => vec![format!("{name}_total")],
            "histogram" => ["bucket", "sum", "count"]
                .map(|it| format!("{name}_{it}"))
                .to_vec(),
            _ => vec![name.to_owned()],
        })
        .collect();
    // Prometheus' own, and those of the real servers alone.
    known.extend(
        [
            "up",
            "tempo_discarded_spans_total",
            "loki_discarded_samples_total",
            "promtail_dropped_entries_total",
            "loki_write_dropped_entries_total",
        ]
        .map(str::to_owned),
    );
    for (name, rule) in rules() {
        let query = rule["expr"].as_str().expect("an expression");
        let selectors = promql::selectors(query).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!selectors.is_empty());
        for selector in selectors {
            let mut names = selector.matchers().iter();
            let metric = names
                .find(|it| it.name() == METRIC_NAME)
                .and_then(|it| it.exact());
            let metric = metric.expect("a metric");
            assert!(known.contains(metric), "{name}: nothing is named {metric}");
        }
        // A rule sees what those before it have recorded.
        known.insert(name);
    }
}

#[test]
fn recorded_series_are_named_by_level_metric_and_operation() {
    let by = Regex::new(r"by \(([\w, ]+)\)").expect("an expression");
    let recorded: Vec<_> = rules()
        .into_iter()
        .filter(|it| it.1.get("record").is_some())
        .collect();
    assert!(!recorded.is_empty());
    for (name, rule) in recorded {
        let [level, metric, operation] = name.split(':').collect::<Vec<_>>()[..] else {
            panic!("{name} has not three parts")
        };
        assert!(
            metric.starts_with("salvo_") && operation.ends_with("rate5m"),
            "{name}"
        );
        let query = rule["expr"].as_str().expect("an expression");
        let levels: BTreeSet<String> = by
            .captures_iter(query)
            .map(|found| found[1].replace(", ", "_"))
            .collect();
        match levels.first() {
            Some(found) => assert_eq!((levels.len(), found.as_str()), (1, level), "{name}"),
            // From another recorded series, whose le histogram_quantile takes away.
            None => assert!(query.contains(&format!("{level}_le:")), "{name}"),
        }
    }
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do_and_is_tested_both_ways() {
    let tests = yaml(&text("prometheus/rules.test.yml"));
    let cases: Vec<&Value> = tests["tests"]
        .as_array()
        .expect("tests")
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().into_iter().flatten())
        .collect();
    let alerts: Vec<_> = rules()
        .into_iter()
        .filter(|it| it.1.get("alert").is_some())
        .collect();
    assert!(!alerts.is_empty());
    for (name, rule) in alerts {
        let severity = rule["labels"]["severity"].as_str().expect("a severity");
        assert!(["warning", "critical"].contains(&severity), "{name}");
        for annotation in ["summary", "description"] {
            let text = rule["annotations"][annotation].as_str();
            assert!(text.is_some_and(|it| it.len() > 20), "{name}: {annotation}");
        }
        for fires in [true, false] {
            let tested = cases.iter().any(|case| {
                let alerts = case["exp_alerts"].as_array().expect("alerts");
                case["alertname"] == name.as_str() && alerts.is_empty() != fires
            });
            assert!(
                tested,
                "no test where {name} {}",
                if fires { "fires" } else { "is silent" }
            );
        }
    }
}
