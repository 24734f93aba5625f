//! PromQL beside a real Prometheus (`PROMETHEUS_BIN`, `PROMTOOL_BIN`): both servers hold the same samples and
//! get the same queries over HTTP. Without the programs these tests pass unrun, but fail in CI; `promql.rs` has
//! the recorded responses.

use crate::support::metrics::{Embedded, Page, Real, fixture, now_ms, program, until};
use crate::support::promql_cases;
use crate::support::promql_fixture::{STEP_MS, STEPS, exposition, first_sample};
use crate::support::promql_pair::{none_differs, pair, time_text, yaml};
use lab_backends::metrics::Limits;
use serde_json::Value;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn answers_agree_with_the_real_prometheus_on_the_same_samples() {
    let Some(pair) = pair("promql").await else {
        return;
    };
    let base = (pair.first - 137) / 1000;
    let end = base + STEPS * STEP_MS / 1000;
    let mut differences = Vec::new();
    let mut compared = 0;
    for query in [promql_cases::dashboards(), promql_cases::language()].concat() {
        let ordered = query.starts_with("sort")
            || query.starts_with("topk(")
            || query.starts_with("bottomk(");
        for time in [base + 307, base + 847, end - 53, end + 127] {
            let time = time.to_string();
            differences.extend(
                pair.compare(
                    "/api/v1/query",
                    &[("query", &query), ("time", &time)],
                    ordered,
                )
                .await,
            );
            compared += 1;
        }
        for (start, end, step) in [
            (base - 53, end + 427, "15"),
            (base + 427, base + 727, "5s"),
            (base + 7, end - 53, "77.5"),
        ] {
            let params = [
                ("query", query.as_str()),
                ("start", &start.to_string()),
                ("end", &end.to_string()),
                ("step", step),
            ];
            differences.extend(pair.compare("/api/v1/query_range", &params, false).await);
            compared += 1;
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
        compared += 1;
    }
    println!(
        "{compared} responses compared, {} differ",
        differences.len()
    );
    none_differs(&differences);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_agree_with_the_real_prometheus() {
    let Some(pair) = pair("promql-errors").await else {
        return;
    };
    let base = (pair.first - 137) / 1000;
    let (time, later) = ((base + 847).to_string(), (base + 1000).to_string());
    let mut differences = Vec::new();
    for query in promql_cases::refused() {
        let (status, _) = pair
            .embedded
            .http
            .get("/api/v1/query", &[("query", &query), ("time", &time)])
            .await;
        if status == 200 {
            differences.push(format!("{query:?} was accepted"));
        }
        differences.extend(
            pair.compare(
                "/api/v1/query",
                &[("query", &query), ("time", &time)],
                false,
            )
            .await,
        );
        let params = [
            ("query", query.as_str()),
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
    none_differs(&differences);
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
    let series: Vec<(String, Vec<(String, String)>)> =
        serde_json::from_str(include_str!("../cases/promql_series.json")).unwrap();
    for (path, params) in &series {
        let params = params
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let params: Vec<(&str, &str)> = params.chain(window).collect();
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
