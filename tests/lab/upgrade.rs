//! From the embedded way to the stack to the cluster: what `docs/upgrade.md` says is kept is one file, or says the same.

use std::collections::BTreeSet;

use crate::support::etc::{text, yaml};
use regex::Regex;
use serde_json::Value;

fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn dashboards_data_sources_and_rules_are_one_file_in_every_way() {
    let grafana = read("nix/stack/grafana.nix");
    for file in ["grafana/datasources.yaml", "grafana/dashboards.yaml"] {
        assert!(grafana.contains(&format!("${{etc}}/{file}")), "{file}");
    }
    for stack in ["nix/stack.nix", "nix/stack-cluster.nix"] {
        let text = read(stack);
        for shared in [
            "./stack/grafana.nix",
            "./prometheus.nix",
            "./stack/parts.nix",
        ] {
            assert!(text.contains(shared), "{stack} has a {shared} of its own");
        }
    }
    let rendered = read("nix/prometheus.nix");
    assert!(rendered.contains("path + \"/rules.yml\""));
    // The embedded way has them compiled in.
    let embedded = read("src/lab/up/backends.rs") + &read("src/lab/provisioning.rs");
    for file in ["grafana/datasources.yaml", "prometheus/rules.yml"] {
        assert!(embedded.contains(file), "{file}");
    }
}

#[test]
fn programs_find_what_they_had_at_the_same_ports_behind_the_gateway() {
    let stack = read("nix/ports.nix");
    let port = |name: &str| {
        let found = Regex::new(&format!(r"(?m)^  {name} = (\d+);$")).expect("an expression");
        found
            .captures(&stack)
            .unwrap_or_else(|| panic!("no {name}"))[1]
            .to_owned()
    };
    let file = text("cluster/cluster.env");
    let names = [
        ("tempo", "LAB_TEMPO_PORT"),
        ("loki", "LAB_LOKI_PORT"),
        ("prometheus", "LAB_PROMETHEUS_PORT"),
        ("otlp-grpc", "LAB_OTLP_GRPC_PORT"),
        ("otlp-http", "LAB_OTLP_HTTP_PORT"),
    ];
    for (name, variable) in names {
        let line = format!("\n{variable}={}\n", port(name));
        assert!(file.contains(&line), "{variable}");
    }
}

/// The paths of Prometheus that others write to are answered by the gateway too.
#[test]
fn what_is_written_to_prometheus_can_be_written_to_the_gateway() {
    let gateway = text("cluster/nginx.conf");
    let mut written = BTreeSet::from(["/api/v1/otlp/v1/metrics"]);
    for file in ["tempo/tempo.yaml", "alloy/zero-code.alloy"] {
        assert!(text(file).contains("/api/v1/write"), "{file}");
        written.insert("/api/v1/write");
    }
    for path in written {
        assert!(gateway.contains(&format!("location = {path} {{")), "{path}");
    }
}

#[test]
fn blocks_of_one_machine_are_taken_by_the_cluster() {
    let mimir = text("cluster/mimir.yaml");
    assert!(mimir.contains("\n  compactor_block_upload_enabled: true\n"));
    // The blocks of both Tempos lie under the name of the one tenant: neither turns tenants on.
    let variable = Regex::new(r"\$\{[^}]*\}").expect("an expression");
    for file in ["tempo/tempo.yaml", "cluster/tempo.yaml"] {
        let text = text(file);
        let plain = variable.replace_all(&text, "x");
        assert_eq!(yaml(&plain)["multitenancy_enabled"], Value::Null, "{file}");
    }
}
