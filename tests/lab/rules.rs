//! Prometheus' rules ask for what there is, are named as the field names them, and every alert is tested.

use std::collections::BTreeSet;

use crate::support::etc::{text, yaml};
use crate::support::eventually;
use crate::support::service::Service;
use crate::support::up::Lab;
use lab_backends::metrics::{METRIC_NAME, engine};
use regex::Regex;
use serde_json::Value;

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
        let selectors = engine::selectors(query).unwrap_or_else(|error| panic!("{name}: {error}"));
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

#[test]
fn an_instance_that_hangs_is_an_alert_of_the_lab() {
    let lab = Lab::start(&[]);
    let alerts = || lab.json("prometheus", "/api/v1/alerts", &[])["data"]["alerts"].clone();
    let groups = &lab.json("prometheus", "/api/v1/rules", &[])["data"]["groups"];
    let shown: usize = groups
        .as_array()
        .expect("groups")
        .iter()
        .map(|group| group["rules"].as_array().expect("rules").len())
        .sum();
    assert_eq!(shown, rules().len());
    assert_eq!(alerts(), serde_json::json!([]));

    let hung = lab.instance("app-b").expect("app-b");
    hung.signal("STOP");
    eventually("a scrape that fails", || {
        let query = [("query", "up{job=\"app-b\"} == 0")];
        let answer = lab.json("prometheus", "/api/v1/query", &query);
        answer["data"]["result"].get(0).map(drop)
    });
    let alert = eventually("an alert", || alerts().get(0).cloned());
    hung.signal("CONT");
    assert_eq!(alert["state"], "pending", "{alert:#}");
    assert_eq!(alert["labels"]["alertname"], "InstanceDown");
    assert_eq!(alert["labels"]["job"], "app-b");
    let summary = alert["annotations"]["summary"].as_str().expect("summary");
    assert!(summary.starts_with("app-b at 127.0.0.1:"), "{summary}");
}
