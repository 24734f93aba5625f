//! The files under `etc/cluster/`: the servers are those of one machine, three times; everything that differs from one
//! cluster to another is in one file; and the gateway has the usual ports.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::etc::{Environment, expanded, server, text, yaml};
use regex::Regex;
use serde_json::{Value, json};

/// What reads variables.
const FILES: [&str; 6] = [
    "tempo.yaml",
    "loki.yaml",
    "mimir.yaml",
    "garage.toml",
    "nginx.conf",
    "garage-setup.sh",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/cluster")
}

/// The variables of `cluster.env` with their values, in the order of the file.
fn variables() -> Vec<(String, String)> {
    let line = Regex::new(r"^([A-Z0-9_]+)=(\S+)$").expect("an expression");
    let file = text("cluster/cluster.env");
    let lines = file
        .lines()
        .filter(|it| !it.is_empty() && !it.starts_with('#'));
    lines
        .map(|it| {
            let found = line.captures(it).unwrap_or_else(|| panic!("{it}"));
            (found[1].to_owned(), found[2].to_owned())
        })
        .collect()
}

/// One of the servers that read the environment, with the defaults or with `cluster.env`.
fn cluster_server(kind: &str, env: &Environment) -> Value {
    let file = text(&format!("cluster/{kind}.yaml"));
    // Mimir writes a default without the dash.
    let file = match kind {
        "mimir" => Regex::new(r"\$\{(\w+):")
            .expect("an expression")
            .replace_all(&file, "$${$1:-")
            .into_owned(),
        _ => file,
    };
    yaml(&expanded(&file, env))
}

fn render(file: &Path, variables: &[(String, String)]) -> Output {
    let mut command = Command::new("sh");
    command
        .arg(folder().join("render.sh"))
        .arg(file)
        .env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.output().expect("sh")
}

fn rendered(name: &str) -> String {
    let output = render(&folder().join(name), &variables());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// A part of a tree, `/limits_config`.
fn at<'a>(tree: &'a Value, path: &str) -> &'a Value {
    tree.pointer(path).unwrap_or_else(|| panic!("no {path}"))
}

#[test]
fn a_cluster_keeps_the_limits_the_schema_and_the_labels_of_one_machine() {
    let one = Environment::new();
    let (tempo, loki) = (
        server("tempo/tempo.yaml", &one),
        server("loki/loki.yaml", &one),
    );
    let clustered = cluster_server("tempo", &one);
    for part in [
        "/overrides",
        "/compactor/compaction",
        "/metrics_generator/processor",
        "/metrics_generator/metrics_ingestion_time_range_slack",
        "/storage/trace/wal",
        "/ingester/trace_idle_period",
        "/ingester/flush_check_period",
        "/ingester/max_block_duration",
        "/usage_report",
    ] {
        assert_eq!(at(&tempo, part), at(&clustered, part), "Tempo's {part}");
    }
    let clustered = cluster_server("loki", &one);
    for part in [
        "/pattern_ingester",
        "/analytics",
        "/compactor/retention_enabled",
    ] {
        assert_eq!(at(&loki, part), at(&clustered, part), "Loki's {part}");
    }
    let mut limits = at(&clustered, "/limits_config").clone();
    let own = limits.as_object_mut().expect("limits");
    assert_eq!(own.remove("ingestion_rate_strategy"), Some(json!("global")));
    assert_eq!(*at(&loki, "/limits_config"), limits);
    let mut schema = at(&loki, "/schema_config/configs/0").clone();
    schema["object_store"] = json!("s3");
    assert_eq!(*at(&clustered, "/schema_config/configs/0"), schema);

    let mimir = cluster_server("mimir", &one);
    let prometheus = yaml(&text("prometheus/prometheus.yml"));
    assert_eq!(
        at(&mimir, "/limits/max_global_exemplars_per_user"),
        at(&prometheus, "/storage/exemplars/max_exemplars")
    );
    for retention in [
        at(&mimir, "/limits/compactor_blocks_retention_period"),
        at(&limits, "/retention_period"),
        at(&tempo, "/compactor/compaction/block_retention"),
    ] {
        assert_eq!(retention, "168h", "all three keep a week");
    }
}

#[test]
fn every_variable_of_a_cluster_is_in_one_file_and_used() {
    let known: BTreeSet<String> = variables().into_iter().map(|(name, _)| name).collect();
    assert_eq!(known.len(), variables().len(), "one twice");
    // The keys' files are known to the servers by these names; what says so is a comment.
    let variable =
        Regex::new(r"\$\{?((?:LAB|AWS|GARAGE)_[A-Z0-9_]+)|\b((?:AWS|GARAGE)_[A-Z_]+_FILE)\b")
            .expect("an expression");
    let mut used = BTreeSet::new();
    for name in FILES {
        for found in variable.captures_iter(&text(&format!("cluster/{name}"))) {
            let found = found.get(1).or(found.get(2)).expect("a name").as_str();
            assert!(known.contains(found), "{name} reads {found}");
            used.insert(found.to_owned());
        }
    }
    assert_eq!(used, known, "a variable that nobody reads");
}

#[test]
fn the_defaults_of_a_server_are_the_ports_and_buckets_of_the_one_file() {
    let values: BTreeMap<String, String> = variables().into_iter().collect();
    let default =
        Regex::new(r"\$\{(\w+_(?:PORT|BUCKET|REGION|REPLICATION|INSECURE|ENDPOINT)):-?([^}]+)\}")
            .expect("an expression");
    let mut seen = 0;
    for name in ["tempo.yaml", "loki.yaml", "mimir.yaml"] {
        for found in default.captures_iter(&text(&format!("cluster/{name}"))) {
            assert_eq!(values[&found[1]], found[2], "{} in {name}", &found[1]);
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn three_machines_keep_everything_and_one_of_them_may_die() {
    let values = variables();
    let env: Environment = [("LAB_CLUSTER_REPLICATION", "5")].into();
    let [tempo, loki, mimir] = ["tempo", "loki", "mimir"].map(|it| cluster_server(it, &env));
    for factor in [
        at(&tempo, "/ingester/lifecycler/ring/replication_factor"),
        at(&loki, "/common/replication_factor"),
        at(&mimir, "/ingester/ring/replication_factor"),
        at(&mimir, "/store_gateway/sharding_ring/replication_factor"),
    ] {
        assert_eq!(factor, 5, "one variable says it");
    }
    let value = |wanted: &str| {
        let found = values.iter().find(|(name, _)| name == wanted);
        found
            .map(|(_, value)| value.as_str())
            .unwrap_or_else(|| panic!("no {wanted}"))
    };
    assert_eq!(value("LAB_CLUSTER_REPLICATION"), "3");
    assert_eq!(value("LAB_GARAGE_REPLICATION"), "3");
    for (kind, port) in [("TEMPO", "7946"), ("LOKI", "7947"), ("MIMIR", "7948")] {
        let peers: Vec<&str> = value(&format!("LAB_{kind}_PEERS")).split(',').collect();
        assert_eq!(peers.len(), 3, "{kind}");
        assert!(
            peers.iter().all(|it| it.ends_with(port)),
            "{kind}: {peers:?}"
        );
        assert_eq!(value(&format!("LAB_{kind}_GOSSIP_PORT")), port);
    }
    // Gossip of one kind never reaches another.
    let labels = [&tempo, &loki, &mimir].map(|it| at(it, "/memberlist/cluster_label").as_str());
    assert_eq!(labels, [Some("tempo"), Some("loki"), Some("mimir")]);
}

#[test]
fn exemplars_go_all_the_way_to_mimir() {
    let whole = text("prometheus/prometheus.yml") + &text("cluster/remote-write.yml");
    let whole = yaml(&whole);
    assert_eq!(at(&whole, "/remote_write/0/send_exemplars"), true);
    assert_eq!(
        at(&whole, "/remote_write/0/url"),
        "http://127.0.0.1:9090/api/v1/push"
    );
    assert!(
        at(&whole, "/scrape_configs")
            .as_array()
            .is_some_and(|it| it.len() > 7)
    );
    let tempo = cluster_server("tempo", &Environment::new());
    assert_eq!(
        at(
            &tempo,
            "/metrics_generator/storage/remote_write/0/send_exemplars"
        ),
        true
    );
}

#[test]
fn the_gateway_has_the_usual_ports_and_leads_to_all_backends() {
    let conf = rendered("nginx.conf");
    let listen = Regex::new(r"(?m)^\s*listen (\S+?);?(?: http2;)?$").expect("an expression");
    let ports: BTreeSet<&str> = listen
        .captures_iter(&conf)
        .map(|it| it.get(1).expect("one").as_str())
        .collect();
    let usual = ["3100", "3200", "4317", "4318", "9090"].map(|it| format!("127.0.0.1:{it}"));
    assert_eq!(ports, usual.iter().map(String::as_str).collect());
    for backend in ["10.0.0.11", "10.0.0.12", "10.0.0.13"] {
        for port in ["3200", "4317", "4318", "3100", "9009"] {
            let line = format!("        server {backend}:{port} max_fails=1 fail_timeout=5s;\n");
            assert_eq!(conf.matches(&line).count(), 1, "{line}");
        }
    }
    for other in ["proxy_next_upstream", "grpc_next_upstream"] {
        let line = conf
            .lines()
            .find(|it| it.trim_start().starts_with(&format!("{other} ")));
        assert!(
            line.is_some_and(|it| it.contains("error timeout") && it.contains("non_idempotent")),
            "{other}"
        );
    }
}

#[test]
fn grafana_has_the_same_data_sources_in_front_of_a_cluster() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .expect("a folder")
        .map(|it| {
            it.expect("a file")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    assert!(
        files.iter().all(|it| !it.contains("datasource")),
        "{files:?}"
    );
    let urls = Regex::new(r"url: \$\{(\w+)\}").expect("an expression");
    let sources = text("grafana/datasources.yaml");
    let found: Vec<&str> = urls
        .captures_iter(&sources)
        .map(|it| it.get(1).expect("one").as_str())
        .collect();
    assert_eq!(
        found,
        ["LAB_PROMETHEUS_URL", "LAB_TEMPO_URL", "LAB_LOKI_URL"]
    );
}

#[test]
fn a_template_with_a_variable_that_is_not_set_is_refused() {
    let all = variables();
    for missing in ["LAB_TEMPO_BACKENDS", "LAB_HOST"] {
        let most: Vec<_> = all
            .iter()
            .filter(|(name, _)| name != missing)
            .cloned()
            .collect();
        let output = render(&folder().join("nginx.conf"), &most);
        assert!(!output.status.success(), "{missing}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(&format!("{missing} is not set")), "{said}");
    }
    assert!(rendered("garage.toml").contains("replication_factor = 3\n"));
}

#[test]
fn keys_are_made_once_and_only_their_owner_reads_them() {
    let secrets = std::env::temp_dir().join(format!("lab-keys-{}", std::process::id()));
    let make = || {
        let status = Command::new("sh")
            .arg(folder().join("secrets.sh"))
            .arg(&secrets)
            .status();
        assert!(status.expect("sh").success());
        ["garage-rpc-secret", "garage-admin-token", "s3-credentials"].map(|name| {
            let path = secrets.join(name);
            let mode = path.metadata().expect("a file").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
            std::fs::read_to_string(path).expect("text")
        })
    };
    let first = make();
    assert_eq!(first, make(), "they stay");
    std::fs::remove_dir_all(&secrets).expect("a folder");
    let key = Regex::new(
        "^\\[default\\]\naws_access_key_id = GK[0-9a-f]{24}\naws_secret_access_key = [0-9a-f]{64}\n$",
    )
    .expect("an expression");
    assert!(key.is_match(&first[2]), "{}", first[2]);
    assert_eq!(first[0].trim().len(), 64);
    assert_ne!(first[0], first[1]);
}
