//! PromQL answers are those of the real Prometheus: both servers hold the same samples and are asked the
//! same questions over HTTP. The answers of Prometheus 3.14 are recorded in `tests/golden/prometheus.json`; where a
//! Prometheus is installed it is asked too.

use crate::support::metrics::{Embedded, Page, Real, fixture, now_ms, program, until};
use crate::support::promql_cases::{DASHBOARD, ERRORS, ERRORS_OF_3, LANGUAGE, WRITTEN};
use crate::support::promql_fixture::{STEP_MS, STEPS, exposition, first_sample};
use crate::support::promql_pair::{differ, pair, time_text, yaml};
use lab_backends::metrics::Limits;
use serde_json::Value;
use std::process::Command;
use std::time::Duration;

/// The recorded questions with the answers of Prometheus, and an embedded server with the same samples.
async fn recorded() -> (Vec<Value>, Embedded) {
    let golden: Value = serde_json::from_str(include_str!("../golden/prometheus.json")).unwrap();
    let body = exposition(golden["first"].as_i64().unwrap());
    let address = fixture(move |_| Page::open_metrics(body.clone())).await;
    let yaml = format!(
        "scrape_configs:\n- job_name: fixture\n  static_configs:\n  - targets: ['{address}']\n    \
         labels: {{instance: 'fixture:80'}}\n"
    );
    // The history is years old.
    let limits = Limits {
        max_age: Duration::from_secs(3_000_000_000),
        ..Limits::default()
    };
    let embedded = Embedded::start(&yaml, limits).await;
    embedded.scrape().await;
    assert_eq!(embedded.targets.targets()[0].last_scrape().error, "");
    (golden["answers"].as_array().unwrap().clone(), embedded)
}

/// Notes as they are compared: sorted, and without a number that Prometheus counts too high over several steps.
fn notes(list: &Value) -> Vec<String> {
    let counted = regex::Regex::new("over [0-9]+ samples").unwrap();
    let mut list: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|note| counted.replace(note.as_str().unwrap(), "").into_owned())
        .collect();
    list.sort();
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_errors_and_annotations_are_those_that_prometheus_gave() {
    let (answers, embedded) = recorded().await;
    let mut wrong = Vec::new();
    for wanted in &answers {
        let query = wanted["query"].as_str().unwrap();
        let text = |name: &str| wanted[name].to_string();
        let (status, ours) = if wanted["step"].is_null() {
            let params = [("query", query), ("time", &text("time"))];
            embedded.http.post("/api/v1/query", &params).await
        } else {
            let (start, end, step) = (text("start"), text("end"), text("step"));
            let params = [
                ("query", query),
                ("start", &start),
                ("end", &end),
                ("step", &step),
            ];
            embedded.http.post("/api/v1/query_range", &params).await
        };
        let ordered = ["sort", "topk(", "bottomk("];
        let ordered = ordered.iter().any(|start| query.starts_with(start));
        let difference = if wanted["errorType"].is_null() != (status == 200) {
            Some(format!("status {status}"))
        } else if status == 200 {
            differ(&ours["data"], wanted, ordered)
        } else {
            ["errorType", "error"]
                .into_iter()
                .find(|field| ours[*field] != wanted[*field])
                .map(str::to_owned)
        };
        let difference = difference.or_else(|| {
            let kinds = ["warnings", "infos"];
            let other = |kind: &&str| notes(&ours[*kind]) != notes(&wanted[*kind]);
            kinds.into_iter().find(other).map(str::to_owned)
        });
        if let Some(text) = difference {
            wrong.push(format!(
                "{query:?}: {text}\n  ours   {ours:.1500}\n  theirs {wanted:.1500}"
            ));
        }
    }
    assert!(answers.len() > 500);
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        answers.len(),
        wrong.join("\n")
    );
}

/// Exemplars, labels, series, metadata and refused parameters. The order of a list is not compared,
/// unless the request cuts it.
#[tokio::test(flavor = "multi_thread")]
async fn exemplars_series_labels_and_refusals_are_those_that_prometheus_gave() {
    let (_, embedded) = recorded().await;
    let golden: Value = serde_json::from_str(include_str!("../golden/prometheus.json")).unwrap();
    let requests = golden["requests"].as_array().unwrap();
    let mut wrong = Vec::new();
    for wanted in requests {
        let params: Vec<(&str, &str)> = wanted["params"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let path = wanted["path"].as_str().unwrap();
        let (status, ours) = embedded.http.get(path, &params).await;
        let sorted = |answer: &Value| {
            let mut data = answer["data"].clone();
            if let Some(list) = data.as_array_mut() {
                list.sort_by_key(Value::to_string);
            }
            data
        };
        let same = u64::from(status.as_u16()) == wanted["status"]
            && sorted(&ours) == sorted(wanted)
            && ours["errorType"] == wanted["errorType"]
            && ours["error"] == wanted["error"];
        if !same {
            wrong.push(format!(
                "{path} {params:?}\n  ours   {status} {ours:.1500}\n  theirs {wanted:.1500}"
            ));
        }
    }
    assert!(requests.len() > 70);
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        requests.len(),
        wrong.join("\n")
    );
}

/// Which of the forms is refused, and how, was seen on a Prometheus 3.14.
#[tokio::test(flavor = "multi_thread")]
async fn arithmetic_with_durations_gives_what_the_plain_duration_gives() {
    let (answers, embedded) = recorded().await;
    let time = answers.iter().find_map(|it| it["end"].as_i64()).unwrap();
    let (now, start) = (time.to_string(), (time - 600).to_string());
    let instant = async |query: &str| {
        let params = [("query", query), ("time", &now)];
        embedded.http.post("/api/v1/query", &params).await
    };
    for (query, plain) in [
        ("temperature[1m + 1m]", "temperature[2m]"),
        ("temperature[(1m)]", "temperature[1m]"),
        ("temperature[2 ^ 3 * 15]", "temperature[2m]"),
        ("temperature offset (5m)", "temperature offset 5m"),
        ("temperature offset -(5m + 1m)", "temperature offset -6m"),
        ("temperature offset max_of(1m, 2m)", "temperature offset 2m"),
        ("temperature offset step()", "temperature"),
        (
            "avg_over_time(temperature[2m * 2:30s / 2])",
            "avg_over_time(temperature[4m:15s])",
        ),
    ] {
        let (status, ours) = instant(query).await;
        let (_, wanted) = instant(plain).await;
        assert_eq!(status, 200, "{query}: {ours}");
        assert_ne!(
            wanted["data"]["result"],
            Value::Array(Vec::new()),
            "{plain}"
        );
        assert_eq!(ours["data"], wanted["data"], "{query}");
    }
    for (query, problem) in [
        ("temperature[step()]", "duration must be greater than 0"),
        ("temperature[(0)]", "duration must be greater than 0"),
        ("temperature[1m - 2m]", "duration must be greater than 0"),
        ("temperature[1m / 0]", "1:16: parse error: division by zero"),
        ("temperature[1m % 0]", "1:16: parse error: modulo by zero"),
        ("temperature[(1e300)]", "duration out of range"),
    ] {
        let (status, ours) = instant(query).await;
        assert_eq!(status, 400, "{query}: {ours}");
        let error = ours["error"].as_str().unwrap();
        assert!(error.ends_with(problem), "{query}: {error}");
    }
    let range = async |query: &str| {
        let params = [
            ("query", query),
            ("start", &start),
            ("end", &now),
            ("step", "30"),
        ];
        embedded.http.post("/api/v1/query_range", &params).await
    };
    for (query, plain) in [
        (
            "avg_over_time(temperature[step() * 4])",
            "avg_over_time(temperature[2m])",
        ),
        (
            "temperature offset min_of(step(), 5m)",
            "temperature offset 30s",
        ),
        (
            "max_over_time(temperature[range()])",
            "max_over_time(temperature[10m])",
        ),
    ] {
        let (status, ours) = range(query).await;
        assert_eq!(status, 200, "{query}: {ours}");
        assert_eq!(ours["data"], range(plain).await.1["data"], "{query}");
    }
}

#[test]
fn every_question_has_a_recorded_answer() {
    let golden: Value = serde_json::from_str(include_str!("../golden/prometheus.json")).unwrap();
    let known: Vec<&str> = golden["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["query"].as_str().unwrap())
        .collect();
    for query in [DASHBOARD, LANGUAGE, WRITTEN, ERRORS, ERRORS_OF_3].concat() {
        assert!(known.contains(&query), "{query:?} was never asked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_agree_with_the_real_prometheus_on_the_same_samples() {
    let Some(pair) = pair("promql").await else {
        return;
    };
    let base = (pair.first - 137) / 1000;
    let end = base + STEPS * STEP_MS / 1000;
    let mut differences = Vec::new();
    let mut asked = 0;
    for query in DASHBOARD.iter().chain(LANGUAGE) {
        let ordered = query.starts_with("sort")
            || query.starts_with("topk(")
            || query.starts_with("bottomk(");
        for time in [base + 307, base + 847, end - 53, end + 127] {
            let time = time.to_string();
            differences.extend(
                pair.compare(
                    "/api/v1/query",
                    &[("query", query), ("time", &time)],
                    ordered,
                )
                .await,
            );
            asked += 1;
        }
        for (start, end, step) in [
            (base - 53, end + 427, "15"),
            (base + 427, base + 727, "5s"),
            (base + 7, end - 53, "77.5"),
        ] {
            let params = [
                ("query", *query),
                ("start", &start.to_string()),
                ("end", &end.to_string()),
                ("step", step),
            ];
            differences.extend(pair.compare("/api/v1/query_range", &params, false).await);
            asked += 1;
        }
    }
    let time = (end - 53).to_string();
    for query in [
        "temperature[1m]",
        "gappy[5m]",
        "temperature[2m:30s]",
        "(odd[30s] offset 1m)",
        r#""a \"text\"""#,
    ] {
        differences.extend(
            pair.compare("/api/v1/query", &[("query", query), ("time", &time)], false)
                .await,
        );
        asked += 1;
    }
    println!("{asked} answers compared, {} differ", differences.len());
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_agree_with_the_real_prometheus() {
    let Some(pair) = pair("promql-errors").await else {
        return;
    };
    let base = (pair.first - 137) / 1000;
    let (time, later) = ((base + 847).to_string(), (base + 1000).to_string());
    let mut differences = Vec::new();
    for query in ERRORS {
        let (status, _) = pair
            .embedded
            .http
            .get("/api/v1/query", &[("query", query), ("time", &time)])
            .await;
        if status == 200 {
            differences.push(format!("{query:?} was accepted"));
        }
        differences.extend(
            pair.compare("/api/v1/query", &[("query", query), ("time", &time)], false)
                .await,
        );
        let params = [
            ("query", *query),
            ("start", time.as_str()),
            ("end", later.as_str()),
            ("step", "15"),
        ];
        differences.extend(pair.compare("/api/v1/query_range", &params, false).await);
    }
    for (start, end, step) in [
        (time.as_str(), base.to_string().as_str(), "15"),
        ("x", later.as_str(), "15"),
        ("", later.as_str(), "15"),
        (time.as_str(), "", "15"),
        (time.as_str(), later.as_str(), "0"),
        (time.as_str(), later.as_str(), "-5"),
        (time.as_str(), later.as_str(), "x"),
        (time.as_str(), later.as_str(), ""),
        (time.as_str(), later.as_str(), "0.01"),
    ] {
        let params = [
            ("query", "temperature"),
            ("start", start),
            ("end", end),
            ("step", step),
        ];
        differences.extend(pair.compare("/api/v1/query_range", &params, false).await);
    }
    for query in ["temperature[1m]", "\"text\""] {
        let params = [
            ("query", query),
            ("start", time.as_str()),
            ("end", later.as_str()),
            ("step", "15"),
        ];
        differences.extend(pair.compare("/api/v1/query_range", &params, false).await);
    }
    differences.extend(
        pair.compare(
            "/api/v1/query",
            &[("query", "up"), ("time", "yesterday")],
            false,
        )
        .await,
    );
    differences.extend(
        pair.compare("/api/v1/query", &[("query", "up"), ("timeout", "x")], false)
            .await,
    );
    differences.extend(
        pair.compare("/api/v1/series", &[("start", "1")], false)
            .await,
    );
    differences.extend(
        pair.compare("/api/v1/series", &[("match[]", "{}")], false)
            .await,
    );
    differences.extend(
        pair.compare(
            "/api/v1/query_exemplars",
            &[("query", "up("), ("start", "1")],
            false,
        )
        .await,
    );
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_series_and_labels_agree_with_the_real_prometheus() {
    let Some(pair) = pair("promql-series").await else {
        return;
    };
    let (start, end) = (
        time_text(pair.first),
        time_text(pair.first + STEPS * STEP_MS),
    );
    let window = [("start", start.as_str()), ("end", end.as_str())];
    let narrow = [
        ("start", time_text(pair.first + 300_000)),
        ("end", time_text(pair.first + 600_000)),
    ];
    for query in [
        r#"salvo_requests_duration_seconds_bucket{app_name="app-a"}"#,
        r#"histogram_quantile(.99,sum(rate(salvo_requests_duration_seconds_bucket{app_name="app-a", path!="/metrics"}[1m])) by(path, le))"#,
        r#"rate(salvo_requests_total[1m]) / rate(salvo_requests_duration_seconds_bucket[1m])"#,
        "nosuch",
    ] {
        for times in [&window.map(|(name, time)| (name, time.to_owned())), &narrow] {
            let params = [
                ("query", query),
                (times[0].0, times[0].1.as_str()),
                (times[1].0, times[1].1.as_str()),
            ];
            let (status, ours) = pair
                .embedded
                .http
                .get("/api/v1/query_exemplars", &params)
                .await;
            let (real_status, theirs) =
                pair.real.http.get("/api/v1/query_exemplars", &params).await;
            assert_eq!(
                (status, real_status),
                (http::StatusCode::OK, http::StatusCode::OK)
            );
            let sorted = |json: &Value| {
                let mut list = json["data"].as_array().unwrap().clone();
                list.sort_by_key(|item| item["seriesLabels"].to_string());
                list
            };
            assert_eq!(sorted(&ours), sorted(&theirs), "{params:?}");
            assert_eq!(
                ours["data"].as_array().unwrap().is_empty(),
                query == "nosuch"
            );
        }
    }
    let own = |list: &Value| -> Vec<String> {
        let mut list: Vec<String> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        list.retain(|item| !item.contains("scrape_") && !item.contains("\"up\""));
        list.sort();
        list
    };
    for (path, params) in [
        ("/api/v1/labels", vec![]),
        ("/api/v1/labels", vec![("match[]", "temperature")]),
        ("/api/v1/label/__name__/values", vec![]),
        (
            "/api/v1/label/room/values",
            vec![("match[]", "temperature{floor=\"1\"}"), ("match[]", "area")],
        ),
        ("/api/v1/label/nosuch/values", vec![]),
        (
            "/api/v1/series",
            vec![("match[]", "temperature"), ("match[]", "area{floor=\"0\"}")],
        ),
        (
            "/api/v1/series",
            vec![("match[]", "{app_name=\"app-a\",__name__=~\".*total\"}")],
        ),
        ("/api/v1/series", vec![("match[]", "nosuch")]),
    ] {
        let params: Vec<(&str, &str)> = params.into_iter().chain(window).collect();
        let ((status, ours), (_, theirs)) = (
            pair.embedded.http.get(path, &params).await,
            pair.real.http.get(path, &params).await,
        );
        assert_eq!(status, 200);
        assert_eq!(own(&ours), own(&theirs), "{path} {params:?}");
    }
    let ((_, ours), (_, theirs)) = (
        pair.embedded
            .http
            .get("/api/v1/metadata", &[("metric", "temperature")])
            .await,
        pair.real
            .http
            .get("/api/v1/metadata", &[("metric", "temperature")])
            .await,
    );
    assert_eq!(ours["data"], theirs["data"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn live_scrapes_give_nearly_the_same_rates() {
    let Some(binary) = program("prometheus", "PROMETHEUS_BIN") else {
        return;
    };
    let started = now_ms();
    let address = fixture(move |_| {
        let seconds = (now_ms() - started) as f64 / 1000.0;
        Page::open_metrics(format!(
            "# TYPE ticks counter\nticks_total{{a=\"1\"}} {}\nticks_total{{a=\"2\"}} {}\n# TYPE g gauge\ng 7\n# EOF\n",
            100.0 + seconds * 40.0,
            500.0 + seconds * 3.0
        ))
    })
    .await;
    let embedded = Embedded::start(&yaml(&address, "/e", "500ms"), Limits::default()).await;
    let _scraper = lab_backends::metrics::Scraper::start(
        &embedded.store,
        &embedded.targets,
        lab_backends::metrics::FirstScrape::Immediate,
    );
    let real = Real::start(&binary, "promql-live", &yaml(&address, "/r", "500ms")).await;
    for query in [
        "sum(rate(ticks_total[6s]))",
        "rate(ticks_total{a=\"2\"}[6s])",
        "g",
        "sum(up)",
        "count(scrape_duration_seconds)",
    ] {
        until(&format!("both agree on {query}"), async || {
            let counted = [("query", "min(count_over_time(ticks_total[6s]))")];
            let mut values = Vec::new();
            for http in [&embedded.http, &real.http] {
                let (_, samples) = http.get("/api/v1/query", &counted).await;
                let samples = samples["data"]["result"][0]["value"][1]
                    .as_str()
                    .map_or(0.0, |text| text.parse().unwrap());
                if samples < 11.0 {
                    return false;
                }
                let (_, json) = http.get("/api/v1/query", &[("query", query)]).await;
                values.push(
                    json["data"]["result"][0]["value"][1]
                        .as_str()
                        .unwrap()
                        .parse::<f64>()
                        .unwrap(),
                );
            }
            (values[0] - values[1]).abs() <= 0.05 * values[1].abs()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_understands_the_embedded_server() {
    let Some(promtool) = program("promtool", "PROMTOOL_BIN") else {
        return;
    };
    let first = first_sample(now_ms());
    let body = exposition(first);
    let address = fixture(move |_| Page::open_metrics(body.clone())).await;
    let embedded = Embedded::start(&yaml(&address, "/m", "5s"), Limits::default()).await;
    embedded.scrape().await;
    let base = embedded.http.base.clone();
    let end = (first + STEPS * STEP_MS) / 1000;
    for (arguments, wanted) in [
        (vec!["query", "instant", &base, "up"], "=> 1 @["),
        (vec!["query", "instant", &base, "1+1"], "scalar: 2 @["),
        (
            vec!["query", "series", "--match=area", &base],
            "owner=\"o1\"",
        ),
        (vec!["query", "labels", &base, "room"], "kitchen"),
        (
            vec![
                "query",
                "range",
                "--step=15s",
                &format!("--start={}", end - 120),
                &format!("--end={end}"),
                &base,
                "area",
            ],
            "55.5 @[",
        ),
    ] {
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let program = promtool.clone();
        let output = tokio::task::spawn_blocking(move || {
            Command::new(program).args(arguments).output().unwrap()
        })
        .await
        .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(text.contains(wanted), "{text}");
    }
}
