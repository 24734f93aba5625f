//! What Promtail and Alloy are told to do with a line, in one form for both, and what comes of it.
//!
//! The form is Promtail's: relabelling rules and pipeline stages as
//! <https://grafana.com/docs/loki/latest/send-data/promtail/configuration/> has them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use lab_backends::logs::lang::{self, LineMatch, LineOperand, Stage};
use lab_backends::logs::store::LabelSet;
use regex::Regex;
use serde_json::{Map, Value, json};

use super::alloy::{self, Item};

/// What a template fills in.
static HOLES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{\{ \.(\w+) \}\}").expect("an expression"));

pub type Labels = BTreeMap<String, String>;

/// A shipper's configuration.
#[derive(Debug)]
pub struct Shipper {
    /// Which files it reads, if it reads files.
    pub path: Option<String>,
    /// Labels that each line of a file begins with.
    pub labels: Labels,
    pub rules: Vec<Value>,
    pub stages: Vec<Value>,
    /// Where it sends to, and how often it tries.
    pub client: Value,
    /// How old an entry of the journal may be.
    pub max_age: Value,
}

impl Shipper {
    /// From Promtail's file, with one job.
    pub fn of_promtail(file: &Value) -> Self {
        let [job] = file["scrape_configs"].as_array().expect("jobs").as_slice() else {
            panic!("one job")
        };
        let [client] = file["clients"].as_array().expect("clients").as_slice() else {
            panic!("one client")
        };
        let retries = &client["backoff_config"];
        let (path, labels) = split(&job["static_configs"][0]["labels"]);
        Self {
            path,
            labels,
            rules: list(&job["relabel_configs"]),
            stages: list(&job["pipeline_stages"]),
            client: json!([
                client["url"],
                retries["min_period"],
                retries["max_period"],
                retries["max_retries"]
            ]),
            max_age: job["journal"]["max_age"].clone(),
        }
    }

    /// From Alloy's file: one source, one pipeline, one place to send to.
    pub fn of_alloy(file: &[Item]) -> Self {
        let names: Vec<&str> = file
            .iter()
            .map(|item| match item {
                Item::Block(name, _) | Item::Attribute(name, _) => name.as_str(),
            })
            .collect();
        let (path, labels, rules, max_age) = match names[..] {
            [
                "local.file_match.lab",
                "loki.source.file.lab",
                "loki.process.lab",
                "loki.write.lab",
            ] => {
                let found = alloy::attributes(alloy::block(file, "local.file_match"));
                let source = alloy::attributes(alloy::block(file, "loki.source.file"));
                assert_eq!(source["targets"], "local.file_match.lab.targets");
                assert_eq!(source["forward_to"], json!(["loki.process.lab.receiver"]));
                let (path, labels) = split(&found["path_targets"][0]);
                (path, labels, Vec::new(), Value::Null)
            }
            [
                "loki.relabel.lab",
                "loki.source.journal.lab",
                "loki.process.lab",
                "loki.write.lab",
            ] => {
                let source = alloy::attributes(alloy::block(file, "loki.source.journal"));
                assert_eq!(source["relabel_rules"], "loki.relabel.lab.rules");
                assert_eq!(source["forward_to"], json!(["loki.process.lab.receiver"]));
                let rules = alloy::block(file, "loki.relabel").iter();
                let rules = rules.filter_map(|item| match item {
                    Item::Block(_, body) => Some(alloy::attributes(body)),
                    Item::Attribute(..) => None,
                });
                // The source sets it itself.
                let labels = Labels::from([("job".to_owned(), "loki.source.journal.lab".into())]);
                (None, labels, rules.collect(), source["max_age"].clone())
            }
            ref other => panic!("not a pipeline that is known here: {other:?}"),
        };
        let process = alloy::block(file, "loki.process");
        assert_eq!(
            alloy::attributes(process)["forward_to"],
            json!(["loki.write.lab.receiver"])
        );
        let write = alloy::block(file, "loki.write");
        let client = alloy::attributes(alloy::block(write, "endpoint"));
        Self {
            path,
            labels,
            rules,
            stages: stages_of_alloy(process),
            client: json!([
                client["url"],
                client["min_backoff_period"],
                client["max_backoff_period"],
                client["max_backoff_retries"]
            ]),
            max_age,
        }
    }

    /// The labels of a line that a unit wrote, from the fields of its journal entry; none if it is
    /// not sent.
    pub fn labels_of_entry(&self, fields: &[(&str, &str)]) -> Option<Labels> {
        let mut labels = self.labels.clone();
        for (name, value) in fields {
            let name = format!("__journal_{}", name.to_lowercase());
            labels.insert(name, (*value).to_owned());
        }
        for rule in &self.rules {
            if !relabel(rule, &mut labels) {
                return None;
            }
        }
        labels.retain(|name, _| !name.starts_with("__"));
        Some(self.pass(labels, "a line").0)
    }

    /// The labels of a line in a file, and the multiline stages that it meets.
    pub fn line_of_file(&self, path: &str, line: &str) -> (Labels, Vec<Value>) {
        let mut labels = self.labels.clone();
        labels.insert("filename".to_owned(), path.to_owned());
        self.pass(labels, line)
    }

    /// What the stages make of a line.
    pub fn pass(&self, mut labels: Labels, line: &str) -> (Labels, Vec<Value>) {
        let mut extracted = labels.clone();
        let mut met = Vec::new();
        run(&self.stages, &mut labels, &mut extracted, line, &mut met);
        (labels, met)
    }
}

/// The path and the other labels of a target.
fn split(target: &Value) -> (Option<String>, Labels) {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let all = target.as_object().into_iter().flatten();
    let mut labels: Labels = all
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    (labels.remove("__path__"), labels)
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// Alloy's `stage.NAME` blocks as Promtail would have them.
fn stages_of_alloy(body: &[Item]) -> Vec<Value> {
    let blocks = body.iter().filter_map(|item| match item {
        Item::Block(name, body) => Some((name, body)),
        Item::Attribute(..) => None,
    });
    blocks
        .map(|(name, body)| {
            let kind = name.strip_prefix("stage.").expect("a stage");
            let mut settings = alloy::attributes(body);
            if kind == "labels" {
                let values = settings["values"].as_object().expect("values").clone();
                settings = values
                    .into_iter()
                    .map(|(name, value)| (name, if value == "" { Value::Null } else { value }))
                    .collect::<Map<_, _>>()
                    .into();
            }
            if kind == "match" {
                settings["stages"] = stages_of_alloy(body).into();
            }
            json!({ kind: settings })
        })
        .collect()
}

/// Applies a rule; false if the line is not sent.
fn relabel(rule: &Value, labels: &mut Labels) -> bool {
    let text = |name: &str, otherwise| rule[name].as_str().unwrap_or(otherwise).to_owned();
    let regex = Regex::new(&format!("^(?s:{})$", text("regex", "(.*)"))).expect("an expression");
    let sources = list(&rule["source_labels"]);
    let values: Vec<&str> = sources
        .iter()
        .map(|name| labels.get(name.as_str().expect("a name")))
        .map(|value| value.map_or("", String::as_str))
        .collect();
    let value = values.join(";");
    match text("action", "replace").as_str() {
        "keep" => return regex.is_match(&value),
        "labeldrop" => labels.retain(|name, _| !regex.is_match(name)),
        "replace" => {
            if let Some(found) = regex.captures(&value) {
                let mut new = String::new();
                found.expand(&text("replacement", "$1"), &mut new);
                let target = text("target_label", "");
                match new.is_empty() {
                    true => labels.remove(&target),
                    false => labels.insert(target, new),
                };
            }
        }
        other => panic!("{other} is not known here"),
    }
    true
}

fn run(
    stages: &[Value],
    labels: &mut Labels,
    extracted: &mut Labels,
    line: &str,
    met: &mut Vec<Value>,
) {
    for stage in stages {
        let (kind, settings) = stage
            .as_object()
            .and_then(|it| it.iter().next())
            .expect("a stage");
        let text = |name: &str| settings[name].as_str().expect("text");
        match kind.as_str() {
            "regex" => {
                let regex = Regex::new(text("expression")).expect("an expression");
                let source = settings["source"].as_str();
                let value = source.map_or(line, |name| &extracted[name]).to_owned();
                let Some(found) = regex.captures(&value) else {
                    continue;
                };
                for name in regex.capture_names().flatten() {
                    let value = found.name(name).map_or("", |group| group.as_str());
                    extracted.insert(name.to_owned(), value.to_owned());
                }
            }
            "template" => {
                let value = HOLES
                    .replace_all(text("template"), |found: &regex::Captures<'_>| {
                        extracted[&found[1]].clone()
                    })
                    .into_owned();
                assert!(!value.contains("{{"), "{value}: more than is known here");
                extracted.insert(text("source").to_owned(), value);
            }
            "labels" => {
                for (name, source) in settings.as_object().expect("labels") {
                    let source = source.as_str().unwrap_or(name);
                    if let Some(value) = extracted.get(source) {
                        labels.insert(name.clone(), value.clone());
                    }
                }
            }
            "match" => {
                if selects(text("selector"), labels, line) {
                    run(&list(&settings["stages"]), labels, extracted, line, met);
                }
            }
            "multiline" => met.push(settings.clone()),
            other => panic!("{other} is not known here"),
        }
    }
}

/// Whether a selector with line filters takes a line.
fn selects(selector: &str, labels: &Labels, line: &str) -> bool {
    let query = lang::parse_log(selector).expect("a selector");
    let set = LabelSet::new(labels.iter()).expect("labels");
    let labels_match = query
        .matchers
        .iter()
        .all(|matcher| matcher.compile().expect("a matcher").accepts(&set));
    labels_match
        && query.stages.iter().all(|stage| match stage {
            Stage::LineFilter(filter) if filter.op == LineMatch::NotRegex => {
                !filter.alternatives.iter().any(|it| match it {
                    LineOperand::Text(text) => {
                        Regex::new(text).expect("an expression").is_match(line)
                    }
                    LineOperand::Ip(_) => panic!("{it} is not known here"),
                })
            }
            other => panic!("{other:?} is not known here"),
        })
}
