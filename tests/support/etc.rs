//! The files under `etc/`, read as the servers read them.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use regex::Regex;
use serde_json::Value;

pub type Environment = BTreeMap<&'static str, &'static str>;

/// Every variable that the files read, each with a value that is not its default.
pub const ELSEWHERE: [(&str, &str); 18] = [
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
    ("LAB_TEMPO_OTLP_URL", "http://tempo:4"),
    ("LAB_OTLP_URL", "http://alloy:5"),
    ("LAB_ZERO_CODE_PORTS", "8080,9000-9010"),
];

/// Those of the shippers' folders.
pub const FOLDERS: [(&str, &str); 2] = [
    ("LAB_LOGS_PATH", "/elsewhere/logs"),
    ("LAB_PROMTAIL_PATH", "/elsewhere/promtail"),
];

pub fn elsewhere() -> Environment {
    ELSEWHERE.into_iter().chain(FOLDERS).collect()
}

pub fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Fills in the environment as the servers do with `-config.expand-env=true`.
pub fn expanded(text: &str, env: &Environment) -> String {
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

pub fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).expect("YAML")
}

pub fn server(name: &str, env: &Environment) -> Value {
    yaml(&expanded(&text(name), env))
}
