//! The files under `etc/`: addresses and names agree with each other, and everything can be moved.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::alloy;
use crate::support::etc::{Environment, elsewhere, server, text, yaml};
use regex::Regex;
use serde_json::{Value, json};

#[test]
fn every_unit_of_the_lab_s_own_is_confined() {
    let nix = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("nix");
    let folder = nix.join("tests/golden/units");
    // The units of the cluster may also reach the machines of the example, and no others.
    let example = std::fs::read_to_string(nix.join("examples/cluster.nix")).expect("an example");
    let address = Regex::new(r#""(\d+(?:\.\d+){3})""#).expect("an expression");
    let machines: BTreeSet<&str> = address
        .captures_iter(&example)
        .map(|it| it.extract::<1>().1[0])
        .collect();
    assert_eq!(machines.len(), 4, "three backends and an edge");
    let of_the_cluster = [
        "garage.service",
        "salvo-lab-gateway.service",
        "salvo-lab-scraper.service",
        "salvo-lab-storage.service",
    ];
    let mut units = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("units") {
        let path = entry.expect("a unit").path();
        let unit = std::fs::read_to_string(&path).expect("text");
        let is_set = |wanted: fn(&str, &str) -> bool, setting: &str| {
            unit.lines().any(|line| wanted(line, setting))
        };
        for setting in [
            "CapabilityBoundingSet=",
            "IPAddressDeny=any",
            "MemoryDenyWriteExecute=true",
            "NoNewPrivileges=true",
            "PrivateDevices=true",
            "PrivateTmp=true",
            "ProtectHome=true",
            "ProtectProc=invisible",
            "ProtectSystem=strict",
            "RestrictNamespaces=true",
            "RestrictSUIDSGID=true",
            "SystemCallArchitectures=native",
            "SystemCallFilter=@system-service",
            "SystemCallFilter=~@privileged @resources",
            "UMask=0077",
        ] {
            assert!(is_set(|a, b| a == b, setting), "{path:?}: {setting}");
        }
        for bound in ["MemoryMax=", "TasksMax="] {
            assert!(is_set(|a, b| a.starts_with(b), bound), "{path:?}: {bound}");
        }
        let has_user = ["DynamicUser=true", "User=grafana"];
        assert!(
            has_user.iter().any(|it| is_set(|a, b| a == b, it)),
            "{path:?}: a user"
        );
        let name = path.file_name().expect("a name").to_string_lossy();
        let allowed: BTreeSet<&str> = unit
            .lines()
            .filter_map(|it| it.strip_prefix("IPAddressAllow="))
            .collect();
        let mut known = BTreeSet::from(["localhost"]);
        if of_the_cluster.contains(&&*name) {
            known.extend(&machines);
            assert_eq!(allowed, known, "{path:?}");
        }
        assert!(allowed.is_subset(&known), "{path:?}: {allowed:?}");
        units.insert(name.into_owned());
    }
    let mut expected = BTreeSet::from([
        "promtail.service",
        "salvo-app@app-a.service",
        "salvo-lab-secrets.service",
    ]);
    expected.extend(of_the_cluster);
    assert_eq!(units, expected.iter().map(|it| (*it).to_owned()).collect());
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
        "alloy/otlp.alloy",
        "alloy/zero-code.alloy",
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
        (listens(&file, "http"), file["clients"][0]["url"].clone())
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
fn real_and_embedded_loki_name_the_service_of_a_stream_alike() {
    let loki = server("loki/loki.yaml", &Environment::new());
    let names = &loki["limits_config"]["discover_service_name"];
    let embedded = [&["compose_service"], &lab_backends::logs::SERVICE_NAMES[..]].concat();
    assert_eq!(*names, json!(embedded));
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
fn one_address_for_otlp_leads_each_signal_to_its_server() {
    let usual = [
        "127.0.0.1:4317",
        "127.0.0.1:4318",
        "http://127.0.0.1:14318",
        "http://127.0.0.1:3100/otlp",
        "http://127.0.0.1:9090/api/v1/otlp",
    ];
    let moved = [
        "192.0.2.1:14317",
        "192.0.2.1:14318",
        "http://tempo:4",
        "http://loki:2/otlp",
        "http://prometheus:1/api/v1/otlp",
    ];
    for (env, [grpc, http, tempo, loki, prometheus]) in
        [(Environment::new(), usual), (elsewhere(), moved)]
    {
        let file = alloy::read(&text("alloy/otlp.alloy"), &env);
        let receiver = alloy::block(&file, "otelcol.receiver.otlp");
        let listens =
            |name: &str| alloy::attributes(alloy::block(receiver, name))["endpoint"].clone();
        assert_eq!(
            (listens("grpc"), listens("http")),
            (json!(grpc), json!(http))
        );
        let output = alloy::attributes(alloy::block(receiver, "output"));
        for (signal, server, url) in [
            ("traces", "tempo", tempo),
            ("logs", "loki", loki),
            ("metrics", "prometheus", prometheus),
        ] {
            let name = format!("otelcol.exporter.otlphttp.{server}");
            assert_eq!(output[signal], json!([format!("{name}.input")]));
            let exporter = alloy::block(&file, &name);
            let client = alloy::attributes(alloy::block(exporter, "client"));
            assert_eq!(client["endpoint"], url);
            let retry = alloy::attributes(alloy::block(exporter, "retry_on_failure"));
            assert_eq!(retry["max_elapsed_time"], "0s", "nothing is given up");
        }
    }
}
