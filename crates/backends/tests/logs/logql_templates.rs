//! Templates of `line_format` and `label_format`.

use crate::support::logql::{backend, pairs};
use crate::support::logs::{Backend, encode, stream};
use lab_backends::logs::Limits;
use lab_backends::logs::store::Entry;
use serde_json::{Value, json};

#[tokio::test]
async fn templates_rewrite_lines() {
    let backend = backend().await;
    let cases = pairs(include_str!("../cases/logql_line_format.json"));
    for (template, expected) in &cases {
        let query = format!(
            "{{app=\"a\"}} | logfmt | status=404 | line_format {}",
            json!(template)
        );
        assert_eq!(
            backend.lines(&query).await,
            [expected.as_str()],
            "{template}"
        );
    }
}

#[tokio::test]
async fn templates_that_make_too_much_of_a_line_are_refused_by_name() {
    let backend = backend().await;
    let doubled = r#" | line_format "{{__line__}}{{__line__}}""#;
    let label = r#" | label_format x="{{.x}}{{.x}}{{__line__}}""#;
    for (stages, stage) in [
        (doubled.repeat(26), "line_format"),
        (label.repeat(26), "label_format"),
    ] {
        let answer = backend.range(&format!("{{app=\"a\"}}{stages}"), &[]).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        let reason = format!("{stage} makes more than 4194304 bytes of one line");
        assert!(answer.text.starts_with(&reason), "{}", answer.text);
    }
    let query = format!("{{app=\"a\"}}{}", doubled.repeat(8));
    assert_eq!(backend.lines(&query).await[5].len(), 26 * 256);
}

#[tokio::test]
async fn what_a_template_makes_of_a_line_is_bounded_where_it_is_made() {
    let backend = backend().await;
    // A stage that makes much of a line, and how its refusal begins.
    let cases = pairs(include_str!("../cases/logql_greedy_templates.json"));
    for (stage, reason) in &cases {
        let query = format!("{{app=\"a\"}} {stage}");
        let answer = backend.range(&query, &[]).await;
        assert_eq!(answer.status, 400, "{stage}: {:.200}", answer.text);
        assert!(answer.text.starts_with(reason), "{stage}: {}", answer.text);
        let query = format!("count_over_time({query}[1h])");
        let answer = backend.instant(&query).await;
        assert_eq!(answer.status, 400, "{stage}: {:.200}", answer.text);
    }
}

#[tokio::test]
async fn verbs_of_templates_may_be_as_wide_as_those_of_go() {
    let backend = backend().await;
    let cases = [
        ("%.100000f", "1.5", 100_002),
        ("%.100000e", "1.5", 100_006),
        ("%.100000g", "1.5", 3),
        ("%#.100000g", "1.5", 100_001),
        ("%.100000x", "1.5", 100_008),
        ("%.100000d", "7", 100_000),
        ("%0100000d", "7", 100_000),
        ("%.100000U", "65", 100_002),
        ("%100000s", "`x`", 100_000),
        ("%-1000000v", "nil", 1_000_000),
    ];
    for (format, argument, length) in cases {
        let template = format!("{{{{printf `{format}` {argument} | len}}}}");
        let query = format!("{{app=\"b\"}} | line_format {}", json!(template));
        assert_eq!(
            backend.lines(&query).await,
            [length.to_string()],
            "{format}"
        );
    }
}

#[tokio::test]
async fn templates_that_call_themselves_fail_and_the_server_goes_on() {
    let backend = backend().await;
    let endless =
        r#"{app="a"} | line_format `{{define "T"}}{{template "T" .}}{{end}}{{template "T" .}}`"#;
    let answer = backend.range(endless, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.contains("exceeded maximum template depth"));
    for (open, close) in [
        ("(", ")"),
        ("{{if 1}}", "{{end}}"),
        ("{{range 1}}", "{{end}}"),
    ] {
        let (open, close) = (open.repeat(99), close.repeat(99));
        let template = match open.starts_with('(') {
            true => format!("{{{{{open}1{close}}}}}"),
            false => format!("{open}1{close}"),
        };
        let query = format!("{{app=\"b\"}} | line_format `{template}`");
        assert_eq!(backend.lines(&query).await, ["1"], "{template}");
    }
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let query = format!("{{app=\"b\"}} | line_format `{{{{fromJson \"{deep}\"}}}}`");
    assert_eq!(backend.lines(&query).await, ["<no value>"]);
}

/// Recorded from Go's `text/template` with the functions of Loki 3.7.6: templates that were written
/// by hand, and many that a seeded generator made.
#[tokio::test]
async fn templates_answer_as_those_of_loki() {
    let golden: Value =
        serde_json::from_str(include_str!("../golden/logql_templates.json")).unwrap();
    let years = std::time::Duration::from_secs(100 * 365 * 86_400);
    let backend = Backend::start(Limits {
        discover_log_levels: false,
        max_age: years,
        reject_older_than: years,
        ..Default::default()
    })
    .await;
    let mut worlds = Vec::new();
    for world in golden["worlds"].as_array().unwrap() {
        let labels: Vec<(&str, &str)> = world["labels"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let ts = world["ts"].as_i64().unwrap();
        let line = world["line"].as_str().unwrap();
        let entry = Entry::new(ts, line);
        backend
            .store
            .push(vec![stream(&labels, vec![entry])])
            .unwrap();
        let selector = format!("{{app={}}}", json!(world["labels"]["app"]));
        worlds.push((selector, ts.to_string(), (ts + 1).to_string()));
    }
    let mut differ = Vec::new();
    for case in golden["cases"].as_array().unwrap() {
        let (selector, start, end) = &worlds[case["world"].as_u64().unwrap() as usize];
        let template = json!(case["template"]).to_string();
        let stage = match case["kind"].as_str() {
            Some("label") => format!("label_format made={template}"),
            _ => format!("line_format {template}"),
        };
        let query = format!("{selector} | {stage}");
        let body = encode(&[("query", &query), ("start", start), ("end", end)]);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let path = "/loki/api/v1/query_range";
        let answer = backend.request("POST", path, &headers, body).await;
        let made = if answer.status == 200 {
            let answer = answer.json();
            let found = &answer["data"]["result"][0];
            match found["stream"]["__error_details__"].as_str() {
                Some(details) => json!({"error": details}),
                None if case["kind"] == "label" => {
                    json!({"text": found["stream"]["made"].as_str().unwrap_or_default()})
                }
                None => json!({"text": found["values"][0][1]}),
            }
        } else {
            json!({"refused": answer.text.trim_end()})
        };
        let same = ["text", "error"].iter().all(|key| made[key] == case[key])
            && match case["refused"].as_str() {
                None => made["refused"].is_null(),
                Some(reason) => made["refused"]
                    .as_str()
                    .is_some_and(|refused| refused.ends_with(&format!(": {reason}"))),
            };
        if !same {
            differ.push(format!("{case}\n    made {made}"));
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n")
    );
}
