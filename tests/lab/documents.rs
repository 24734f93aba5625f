//! What the documents name is there: files, links, headings, metrics, ports.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::support::http;
use crate::support::service::Service;
use crate::support::up::Lab;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// README, CONTRIBUTING, and all of `docs/`.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The anchors of a document, as hosts of Markdown make them of its headings.
fn anchors(document: &str) -> BTreeSet<String> {
    // In a block of code such a line is a comment.
    let mut in_code = false;
    let headings = document.lines().filter(|line| {
        in_code ^= line.trim_start().starts_with("```");
        !in_code && line.starts_with('#')
    });
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter_map(|char| match char {
                ' ' => Some('-'),
                char if char.is_alphanumeric() || char == '-' || char == '_' => Some(char),
                _ => None,
            });
            kept.collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    for document in documents() {
        let text_here = text(&document);
        for found in link.captures_iter(&text_here) {
            let target = &found[1];
            if target.starts_with("http") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            assert!(file.exists(), "{}: {target}", document.display());
            if !anchor.is_empty() {
                let known = anchors(&text(&file));
                assert!(known.contains(anchor), "{}: {target}", document.display());
            }
        }
    }
}

#[test]
fn every_file_that_is_named_exists() {
    let folders = "src|crates|tests|benches|console|etc|dashboards|nix|load|docs|\\.ci|\\.github";
    let named = Regex::new(&format!("`((?:{folders})/[^`\\s]*)`")).unwrap();
    let mut count = 0;
    for document in documents() {
        for found in named.captures_iter(&text(&document)) {
            let name = &found[1];
            // A name with `::` is that of a test, below.
            if name.contains(['{', '*', '…']) || name.contains("::") {
                continue;
            }
            count += 1;
            assert!(root().join(name).exists(), "{}: {name}", document.display());
        }
    }
    assert!(count > 50, "{count}");
}

/// The files of a folder and of those in it, as paths from the root of the repository. What is built, hidden or
/// installed is not among them.
fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if name.starts_with('.') || ["target", "node_modules", "golden"].contains(&name.as_ref()) {
            continue;
        }
        match path.is_dir() {
            true => files(&path, found),
            false => {
                let path = path.strip_prefix(root()).unwrap();
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
}

#[test]
fn a_file_that_is_named_without_its_folder_exists_too() {
    let mut known = Vec::new();
    files(root(), &mut known);
    let named = Regex::new(r"`([\w./-]+\.(?:rs|js|yaml|alloy|toml|css))`").unwrap();
    let mut count = 0;
    for document in documents() {
        // Its names are those of a user's own machine.
        if document.ends_with("docs/nixos.md") {
            continue;
        }
        for found in named.captures_iter(&text(&document)) {
            count += 1;
            let (name, inside) = (&found[1], format!("/{}", &found[1]));
            let exists = known
                .iter()
                .any(|path| path == name || path.ends_with(&inside));
            assert!(exists, "{}: {name}", document.display());
        }
    }
    assert!(count > 20, "{count}");
}

/// Names in the first column of the tables of a document.
fn first_column(document: &str, pattern: &str) -> BTreeSet<String> {
    let row = Regex::new(&format!(r"(?m)^\| `({pattern})` \|")).unwrap();
    row.captures_iter(document)
        .map(|found| found[1].to_owned())
        .collect()
}

#[test]
fn the_metrics_that_are_listed_are_those_of_the_service() {
    let service = Service::start("app", &[]);
    for path in ["/", "/error_test"] {
        http::get(service.address, path);
    }
    let page = service.openmetrics();
    let family = Regex::new(r"(?m)^# TYPE (salvo_\S+) (\S+)$").unwrap();
    let served: BTreeSet<String> = family
        .captures_iter(&page)
        .map(|found| match &found[2] {
            "counter" => format!("{}_total", &found[1]),
            _ => found[1].to_owned(),
        })
        .collect();
    let listed = first_column(&text(&root().join("docs/service.md")), "salvo_[a-z_]+");
    assert_eq!(listed, served);
}

#[test]
fn the_ports_that_are_listed_are_the_defaults() {
    let help = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["up", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let flag = Regex::new(r"(?s)--([a-z-]+-port) <PORT>.*?\[default: (\d+)\]").unwrap();
    let contract = text(&root().join("docs/contract.md"));
    let mut flags = 0;
    for found in flag.captures_iter(&help) {
        flags += 1;
        let port = Regex::new(&format!(r"(?m)^\|.*\b{}\b.*\|$", &found[2])).unwrap();
        assert!(port.is_match(&contract), "{} {}", &found[1], &found[2]);
    }
    assert_eq!(flags, 8, "{help}");
}

#[test]
fn the_routes_that_are_listed_are_those_of_the_service() {
    let service = Service::start("app", &[]);
    let description = service.get("/openapi.json").json();
    let described = description["paths"].as_object().unwrap().keys();
    let mut served: BTreeSet<String> = described.cloned().collect();
    // They describe, and are not described.
    served.extend(["/docs", "/openapi.json"].map(str::to_owned));
    let row = Regex::new(r"(?m)^\| `GET (.*?) \|").unwrap();
    let path = Regex::new(r"/[\w./{}]*").unwrap();
    let document = text(&root().join("docs/service.md"));
    let listed: BTreeSet<String> = row
        .captures_iter(&document)
        .flat_map(|found| {
            let paths = path.find_iter(found.get(1).unwrap().as_str());
            paths
                .map(|it| it.as_str().to_owned())
                .collect::<Vec<String>>()
        })
        .collect();
    assert_eq!(listed, served);
}

#[test]
fn the_embedded_servers_answer_every_endpoint_that_is_listed() {
    let lab = Lab::start(&["--no-apps"]);
    let contract = text(&root().join("docs/contract.md"));
    let path = Regex::new("`(/[^`]*)`").unwrap();
    let unknown = "404 page not found\n";
    for (title, server, least) in [
        ("Tempo", "tempo", 12),
        ("OTLP over HTTP", "otlp_http", 1),
        ("Loki", "loki", 14),
        ("Prometheus", "prometheus", 16),
    ] {
        assert_eq!(lab.get(server, "/not/listed").body, unknown, "{server}");
        let row = Regex::new(&format!(r"(?m)^\| {title} \| (`/.*)\|$")).unwrap();
        let row = row
            .captures(&contract)
            .unwrap_or_else(|| panic!("no row: {title}"));
        let mut count = 0;
        for found in path.captures_iter(&row[1]) {
            count += 1;
            let path = found[1]
                .replace("{id}", "0af7651916cd43dd8448eb211c80319c")
                .replace("{name}", "job")
                .replace("{tag}", "name");
            let mut answer = lab.get(server, &path);
            if answer.status == 405 {
                answer = http::request(lab.server(server), "POST", &path, &[]);
            }
            assert_ne!(answer.status, 405, "{server} {path}");
            assert_ne!(answer.body, unknown, "{server} {path}");
        }
        assert!(count >= least, "{title}: {count}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let named = Regex::new(r"`((?:crates/[\w/]+/)?tests/[\w/]+\.rs)::(\w+)`").unwrap();
    let mut count = 0;
    for document in documents() {
        for found in named.captures_iter(&text(&document)) {
            count += 1;
            let test = format!("fn {}()", &found[2]);
            let file = text(&root().join(&found[1]));
            assert!(
                file.contains(&test),
                "{}: {}",
                document.display(),
                &found[0]
            );
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn every_attack_that_is_listed_names_its_test() {
    let security = text(&root().join("docs/security.md"));
    let test =
        Regex::new(r"^`(?:(?:crates/[\w/]+/)?tests/[\w/]+\.rs::\w+|tests/browser/\w+\.test\.js)`$")
            .unwrap();
    let (mut in_table, mut count) = (false, 0);
    for line in security.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |")) else {
            in_table = false;
            continue;
        };
        let last = cells.rsplit(" | ").next().unwrap();
        match last {
            "test" => in_table = true,
            "---" => {}
            tests if in_table => {
                count += 1;
                let named = tests.split(", ").all(|it| test.is_match(it));
                assert!(named, "no test is named: {line}");
            }
            _ => {}
        }
    }
    assert!(count > 35, "{count}");
}
