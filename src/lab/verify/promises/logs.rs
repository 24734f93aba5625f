//! Logs: every line carries its trace id, under exactly the labels of the contract.

use std::collections::{BTreeMap, BTreeSet};

use super::super::finding::Finding;
use super::super::loki::{self, Entries, Entry};
use super::{Attempt, Run};
use crate::lab::excerpt::excerpt;

/// The labels of the contract (`docs/contract.md`), no others.
const LABELS: [&str; 7] = [
    "compose_project",
    "compose_service",
    "container_name",
    "filename",
    "host",
    "service_name",
    "source",
];

/// The value of `compose_project`.
const PROJECT: &str = "salvo-observability";

/// The instances' entries that contain a trace id. Each label of the contract is tried in turn.
pub(crate) async fn of_trace(run: &Run, id: &str) -> Result<Entries, Finding> {
    let mut nothing = None;
    for label in LABELS {
        let query = format!("{{{label}=~\".+\"}} |= \"{id}\"");
        let mut found = loki::entries(&run.lab.loki, &query, run.window_ns()).await?;
        keep_instances(&mut found.entries);
        if !found.entries.is_empty() {
            return Ok(found);
        }
        nothing.get_or_insert(found.asked);
    }
    let asked = nothing.unwrap_or_default();
    Err(Finding::new(
        asked,
        "no line, nor by any other label of the contract",
    ))
}

/// Removes the lines of other servers: Tempo and Loki log the queries that they get, with trace ids in them.
fn keep_instances(entries: &mut Vec<Entry>) {
    entries.retain(|entry| service_of(&entry.line).is_some());
}

/// The service that wrote a line, as the line itself says.
#[must_use]
pub(crate) fn service_of(line: &str) -> Option<&str> {
    // In the text format, then in JSON.
    let text = line
        .split_once("resource.service.name=")
        .map(|(_, rest)| rest.split(']').next());
    let json = || {
        let (_, rest) = line.split_once("\"resource.service.name\":\"")?;
        rest.split('"').next()
    };
    text.flatten().or_else(json)
}

/// Each instance that `/chain` went through has written a line with the trace id.
pub(crate) async fn lines(run: &Run) -> Attempt {
    let found = of_trace(run, &run.sent.chain).await?;
    let services: BTreeSet<&str> = found
        .entries
        .iter()
        .filter_map(|entry| service_of(&entry.line))
        .collect();
    let missing: Vec<&str> = run
        .chain_services()
        .iter()
        .map(String::as_str)
        .filter(|service| !services.contains(service))
        .collect();
    match missing.is_empty() {
        true => Ok(format!("{} lines", found.entries.len())),
        false => Err(Finding::new(
            found.asked,
            format!(
                "{} lines, none of {}",
                found.entries.len(),
                missing.join(", ")
            ),
        )),
    }
}

/// The lines of the trace have exactly the labels of the contract, with plausible values.
pub(crate) async fn labels(run: &Run) -> Attempt {
    let found = of_trace(run, &run.sent.chain).await?;
    for entry in &found.entries {
        if let Some(lack) = label_lack(&entry.labels, service_of(&entry.line).unwrap_or_default()) {
            // A stream keeps its labels.
            return Err(Finding::new(found.asked, lack).settled());
        }
    }
    Ok(LABELS.join(", "))
}

fn label_lack(labels: &BTreeMap<String, String>, service: &str) -> Option<String> {
    let names: BTreeSet<&str> = labels.keys().map(String::as_str).collect();
    let wanted = BTreeSet::from(LABELS);
    if names != wanted {
        let missing: Vec<_> = wanted.difference(&names).copied().collect();
        let further: Vec<_> = names.difference(&wanted).copied().collect();
        return Some(format!(
            "a stream of {service} lacks the labels {missing:?} and has beside them {further:?}"
        ));
    }
    let container = format!("{PROJECT}-{service}-1");
    let plausible = |name: &str, value: &str| match name {
        "compose_project" => value == PROJECT,
        "compose_service" | "service_name" => value == service,
        "container_name" => value == container,
        "source" => matches!(value, "stdout" | "stderr"),
        _ => !value.is_empty(),
    };
    let (name, value) = labels
        .iter()
        .find(|(name, value)| !plausible(name, value))?;
    Some(format!("a stream of {service} has {name}={value:?}"))
}

/// The error of `/error_test` with its causes is one entry.
pub(crate) async fn multiline(run: &Run) -> Attempt {
    let found = of_trace(run, &run.sent.error).await?;
    let failures: Vec<&Entry> = found
        .entries
        .iter()
        .filter(|entry| entry.line.contains("/error_test failed"))
        .collect();
    let [failure] = failures[..] else {
        return Err(Finding::new(
            found.asked,
            format!("{} entries of the failure instead of one", failures.len()),
        ));
    };
    if is_json(&failure.line) {
        return Ok("one JSON line".to_owned());
    }
    let lines = failure.line.lines().count();
    let causes = failure.line.lines().filter(|line| is_cause(line)).count();
    if causes == 0 || lines != causes + 1 {
        return Err(Finding::new(
            found.asked,
            format!(
                "an entry of {lines} lines with {causes} causes: {}",
                excerpt(&failure.line)
            ),
        ));
    }
    let query = format!("{} |~ `^\\s+caused by`", failure.selector());
    let stray = loki::entries(&run.lab.loki, &query, run.window_ns()).await?;
    match stray.entries.first() {
        Some(entry) => Err(Finding::new(
            stray.asked,
            format!("a cause is an entry of its own: {}", excerpt(&entry.line)),
        )),
        None => Ok(format!("{lines} lines in one entry")),
    }
}

fn is_json(line: &str) -> bool {
    line.starts_with('{') && serde_json::from_str::<serde_json::Value>(line).is_ok()
}

fn is_cause(line: &str) -> bool {
    line.starts_with(char::is_whitespace) && line.trim_start().starts_with("caused by")
}

/// Every server named has shipped something of its own log.
pub(crate) async fn of_servers(run: &Run) -> Attempt {
    // A server that is idle may write nothing for a long time.
    let (_, end) = run.window_ns();
    let start = end.saturating_sub(24 * 3600 * 1_000_000_000);
    for server in &run.servers_log {
        let query = format!("{{compose_service={server:?}}}");
        let found = loki::entries(&run.lab.loki, &query, (start, end)).await?;
        let Some(entry) = found.entries.last() else {
            return Err(Finding::new(found.asked, format!("no line of {server}")));
        };
        if let Some(lack) = label_lack(&entry.labels, server) {
            return Err(Finding::new(found.asked, lack));
        }
    }
    Ok(run.servers_log.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(service: &str) -> BTreeMap<String, String> {
        [
            ("compose_project", PROJECT),
            ("compose_service", service),
            ("service_name", service),
            ("container_name", "salvo-observability-app-a-1"),
            ("source", "stdout"),
            ("host", "lab"),
            ("filename", "/var/log/app-a.log"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn missing_further_and_implausible_labels_are_told() {
        let good = labels_of("app-a");
        assert_eq!(label_lack(&good, "app-a"), None);
        for name in LABELS {
            let mut labels = good.clone();
            labels.remove(name);
            assert!(label_lack(&labels, "app-a").is_some_and(|lack| lack.contains(name)));
            labels.insert(name.to_owned(), String::new());
            assert!(label_lack(&labels, "app-a").is_some_and(|lack| lack.contains(name)));
        }
        let mut labels = good;
        labels.insert("trace_id".to_owned(), "0a".to_owned());
        assert!(label_lack(&labels, "app-a").is_some_and(|lack| lack.contains("trace_id")));
    }

    #[test]
    fn the_log_of_a_server_that_was_asked_for_the_trace_is_no_line_of_the_trace() {
        let entry = |service: &str, line: &str| Entry {
            labels: labels_of(service),
            time: "1".to_owned(),
            line: line.to_owned(),
        };
        let app = entry(
            "app-a",
            "x [trace_id=0a span_id=1 resource.service.name=app-a] - y",
        );
        let mut entries = vec![
            entry(
                "tempo",
                "level=info msg=\"trace id request\" path=/api/v2/traces/0a",
            ),
            app.clone(),
            entry(
                "loki",
                "level=info query=\"{compose_service=\\\"app-a\\\"} |= \\\"0a\\\"\"",
            ),
        ];
        keep_instances(&mut entries);
        assert_eq!(entries, [app]);
    }

    #[test]
    fn a_line_names_its_service_in_both_formats() {
        let text = "x [trace_id=0 span_id=0 resource.service.name=app-a] - y";
        assert_eq!(service_of(text), Some("app-a"));
        assert_eq!(
            service_of(r#"{"resource.service.name":"app-a","x":1}"#),
            Some("app-a")
        );
        assert_eq!(service_of("x"), None);
    }
}
