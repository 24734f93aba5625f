//! PromQL answers are those of the real Prometheus: both servers hold the same samples and are asked the
//! same questions over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should stop"
)]

#[path = "support/metrics.rs"]
mod metrics;
#[path = "support/promql_fixture.rs"]
mod promql_fixture;

use metrics::{Embedded, Page, Real, fixture, now_ms, program, until};
use promql_fixture::{STEP_MS, STEPS, exposition, first_sample};
use salvo_observability::embedded::metrics::Limits;
use serde_json::Value;
use std::process::Command;

/// What the lab's dashboards ask.
const DASHBOARD: &[&str] = &[
    r#"histogram_quantile(.99,sum(rate(salvo_requests_duration_seconds_bucket{app_name="app-a", path!="/metrics"}[1m])) by(path, le))"#,
    r#"histogram_quantile(.95,sum(rate(salvo_requests_duration_seconds_bucket{app_name="app-a", path!="/metrics"}[1m])) by(path, le))"#,
    r#"histogram_quantile(0.5, sum by (le) (rate(salvo_requests_duration_seconds_bucket[5m])))"#,
    r#"sum(salvo_requests_total{app_name="app-a", path!="/metrics"})"#,
    r#"sum by (path) (salvo_requests_total{app_name="app-a", path!="/metrics"})"#,
    r#"sum(rate(salvo_requests_total{app_name=~"app-.", path!="/metrics"}[1m])) by (app_name)"#,
    r#"rate(salvo_requests_total{app_name="app-a", path!="/metrics"}[1m])"#,
    r#"rate(salvo_requests_duration_seconds_sum{app_name="app-a"}[1m]) / rate(salvo_requests_duration_seconds_count{app_name="app-a"}[1m])"#,
    r#"sum(rate(salvo_responses_total{app_name="app-a", status_code=~"2.*"}[1m])) by(path) / sum(rate(salvo_requests_total{app_name="app-a"}[1m])) by(path)"#,
    r#"sum(rate(salvo_responses_total{status_code=~"5.*"}[1m])) / sum(rate(salvo_responses_total[1m])) * 100"#,
    r#"salvo_requests_in_progress{app_name="app-b"}"#,
    r#"sum by (status_code) (increase(salvo_responses_total{app_name="app-c"}[2m]))"#,
    r#"sum(rate(salvo_requests_duration_seconds_bucket{le="0.5", app_name="app-a"}[1m])) by (path) / sum(rate(salvo_requests_duration_seconds_count{app_name="app-a"}[1m])) by (path)"#,
    r#"sum(salvo_exceptions_total{app_name="app-a"})"#,
    r#"salvo_app_info{app_name="app-a"}"#,
    r#"topk(3, sum by (path) (rate(salvo_requests_duration_seconds_sum[2m])))"#,
];

/// Every part of the language that the evaluator has.
const LANGUAGE: &[&str] = &[
    // selectors, time
    r#"restarting_total"#,
    r#"{__name__=~"area|temperature", floor!="1"}"#,
    r#"temperature{room!~"k.*|c.*"}"#,
    r#"temperature{nosuch=""}"#,
    r#"temperature offset 2m"#,
    r#"temperature offset -30s"#,
    r#"gappy"#,
    r#"count(gappy)"#,
    r#"rate(restarting_total[1m] offset 90s)"#,
    r#"sum(temperature @ end()) - sum(temperature @ start())"#,
    r#"rate(restarting_total[1m] @ end())"#,
    r#"timestamp(temperature)"#,
    r#"timestamp(temperature * 2)"#,
    r#"time()"#,
    r#"time() - timestamp(gappy)"#,
    r#"clash"#,
    // rates
    r#"rate(restarting_total[5m])"#,
    r#"rate(restarting_total[37s])"#,
    r#"rate(restarting_total[4s])"#,
    r#"irate(restarting_total[1m])"#,
    r#"increase(restarting_total[10m])"#,
    r#"delta(temperature[3m])"#,
    r#"idelta(temperature[1m])"#,
    r#"deriv(temperature[2m])"#,
    r#"deriv(salvo_app_info[2m])"#,
    r#"predict_linear(temperature[5m], 600)"#,
    r#"resets(restarting_total[15m])"#,
    r#"changes(salvo_requests_in_progress[5m])"#,
    r#"changes(odd[5m])"#,
    r#"rate(gappy[2m])"#,
    r#"delta(gappy[8m])"#,
    r#"increase(salvo_requests_total[45s])"#,
    // over time
    r#"avg_over_time(temperature[2m])"#,
    r#"min_over_time(temperature[2m])"#,
    r#"max_over_time(odd[2m])"#,
    r#"sum_over_time(odd[2m])"#,
    r#"count_over_time(gappy[4m])"#,
    r#"last_over_time(gappy[10m])"#,
    r#"stddev_over_time(temperature[3m])"#,
    r#"stdvar_over_time(temperature[3m])"#,
    r#"quantile_over_time(0.9, temperature[3m])"#,
    r#"quantile_over_time(0.25, odd{value="mixed"}[3m])"#,
    r#"present_over_time(gappy[1m])"#,
    r#"absent_over_time(gappy{gap="long"}[1m])"#,
    r#"absent_over_time(nosuch{a="b"}[1m])"#,
    r#"avg_over_time(odd{value="huge"}[5m])"#,
    // aggregation
    r#"sum(temperature)"#,
    r#"avg by (floor) (temperature)"#,
    r#"min without (room) (temperature)"#,
    r#"max by (floor, nosuch) (temperature)"#,
    r#"count without (instance, job) (temperature)"#,
    r#"stddev(temperature)"#,
    r#"stdvar by (floor) (temperature)"#,
    r#"group by (floor) (temperature)"#,
    r#"quantile(0.3, temperature)"#,
    r#"quantile by (floor) (0.75, temperature)"#,
    r#"topk by (floor) (1, temperature)"#,
    r#"topk(2, temperature)"#,
    r#"bottomk(2, temperature)"#,
    r#"count_values("v", salvo_requests_in_progress)"#,
    r#"count_values by (app_name) ("v", salvo_requests_in_progress)"#,
    r#"sum(odd)"#,
    r#"max(odd)"#,
    r#"sum by (__name__) ({__name__=~"area|temperature"})"#,
    // operators
    r#"1 + 2 * 3 ^ 2 % 7 - 4 / 8"#,
    r#"-2 ^ 2"#,
    r#"2 ^ 3 ^ 2"#,
    r#"1 > bool 2"#,
    r#"-temperature"#,
    r#"temperature > 20"#,
    r#"20 < temperature"#,
    r#"temperature > bool 20"#,
    r#"temperature == temperature"#,
    r#"temperature % 7"#,
    r#"(temperature + 0) atan2 2"#,
    r#"temperature * on (floor) group_left (owner) area"#,
    r#"area * on (floor) group_right (owner) temperature"#,
    r#"temperature + ignoring (room, owner) group_left area"#,
    r#"sum by (floor) (temperature) / on (floor) area"#,
    r#"sum by (floor) (temperature) / ignoring (owner, job, instance) area"#,
    r#"temperature and on (floor) area{floor="1"}"#,
    r#"temperature unless on (floor) area{floor="1"}"#,
    r#"temperature{floor="0"} or area"#,
    r#"gappy{gap="long"} or gappy{gap="late"}"#,
    r#"gappy and gappy{gap="long"}"#,
    r#"temperature > on (floor) group_left area / 3"#,
    r#"temperature >= bool on (floor) group_left area / 3"#,
    r#"salvo_requests_total{app_name="app-a"} - on (path, method) salvo_requests_total{app_name="app-b"}"#,
    r#"vector(1) + vector(1)"#,
    r#"1+1"#,
    r#"Inf - Inf"#,
    r#"0x1F + 1e3"#,
    // histograms
    r#"histogram_quantile(0.5, crooked_bucket)"#,
    r#"histogram_quantile(0.9, crooked_bucket)"#,
    r#"histogram_quantile(0.5, open_bucket)"#,
    r#"histogram_quantile(0.5, idle_bucket)"#,
    r#"histogram_quantile(0.1, negative_bucket)"#,
    r#"histogram_quantile(0.99, negative_bucket)"#,
    r#"histogram_quantile(1.5, crooked_bucket)"#,
    r#"histogram_quantile(-1, crooked_bucket)"#,
    r#"histogram_quantile(NaN, crooked_bucket)"#,
    r#"histogram_quantile(0.5, temperature)"#,
    r#"histogram_quantile(scalar(area{floor="1"}) / 100, rate(salvo_requests_duration_seconds_bucket[2m]))"#,
    // functions
    r#"abs(odd)"#,
    r#"ceil(temperature)"#,
    r#"floor(odd)"#,
    r#"round(temperature)"#,
    r#"round(temperature, 0.25)"#,
    r#"sqrt(temperature)"#,
    r#"exp(area / 10)"#,
    r#"ln(temperature)"#,
    r#"log2(temperature)"#,
    r#"log10(odd)"#,
    r#"sgn(odd)"#,
    r#"sin(temperature) + cos(temperature) + tan(temperature)"#,
    r#"asin(area / 100) + acos(area / 100) + atan(area)"#,
    r#"sinh(area / 10) + cosh(area / 10) + tanh(area)"#,
    r#"asinh(area) + acosh(area) + atanh(area / 100)"#,
    r#"deg(area) + rad(area) + pi()"#,
    r#"clamp(temperature, 18, 21)"#,
    r#"clamp(temperature, 21, 18)"#,
    r#"clamp_min(odd, 0)"#,
    r#"clamp_max(odd, 100)"#,
    r#"scalar(area)"#,
    r#"scalar(area{floor="0"})"#,
    r#"vector(time())"#,
    r#"absent(temperature)"#,
    r#"absent(nosuch{a="b", c=~"d", e="f"})"#,
    r#"absent(sum(nosuch{a="b"}))"#,
    r#"label_replace(temperature, "short", "$1-x", "room", "(.).*")"#,
    r#"label_replace(temperature, "room", "", "room", ".*")"#,
    r#"label_replace(temperature, "x", "$1", "nosuch", "(.*)")"#,
    r#"label_join(temperature, "both", "/", "room", "floor", "nosuch")"#,
    r#"minute() + hour() * 100"#,
    r#"day_of_week() + day_of_month() * 10 + day_of_year() * 1000"#,
    r#"month() + year() * 100 + days_in_month()"#,
    r#"year(vector(1e9)) + minute(temperature * 1e6)"#,
    r#"sort(temperature)"#,
    r#"sort_desc(temperature)"#,
    // subqueries
    r#"max_over_time(rate(restarting_total[1m])[5m:30s])"#,
    r#"avg_over_time(temperature[5m:])"#,
    r#"rate(restarting_total[5m:15s])"#,
    r#"sum_over_time((temperature > 18)[4m:20s] offset 1m)"#,
    r#"max_over_time(vector(time())[3m:45s])"#,
    r#"min_over_time(sum(temperature)[5m:30s] @ end())"#,
];

/// Questions that both must refuse.
const ERRORS: &[&str] = &[
    "",
    "temperature[",
    "sum(",
    "sum(temperature))",
    "{}",
    r#"{job=~".*"}"#,
    r#"temperature{room=~"("}"#,
    "rate(temperature)",
    "abs(temperature[5m])",
    "sum(temperature[5m])",
    "nosuch_function(temperature)",
    "rate(temperature[5m], 1)",
    "1 > 2",
    "1 and 2",
    "temperature + on (floor) area[1m]",
    "temperature offset 5m offset 5m",
    "temperature[0s]",
    "topk(temperature)",
    r#""text" + 1"#,
    "temperature bool 1",
    r#"label_replace(temperature, "x", "y", "room", "(")"#,
    "temperature * on (floor) temperature",
    "temperature / on (floor) area",
    "area * on (floor) group_left temperature",
    r#"rate({__name__=~"area|clash"}[1m]) or rate({__name__=~"salvo_requests_total|salvo_requests_in_progress"}[1m])"#,
    r#"abs({__name__=~"salvo_requests_duration_seconds_count|salvo_requests_duration_seconds_sum"})"#,
    r#"label_replace(temperature, "room", "same", "", "")"#,
    r#"count_values("", temperature)"#,
];

struct Pair {
    embedded: Embedded,
    real: Real,
    /// Time of the first sample, milliseconds.
    first: i64,
}

fn yaml(address: &str, path: &str, interval: &str) -> String {
    format!(
        "scrape_configs:\n- job_name: fixture\n  scrape_interval: {interval}\n  metrics_path: {path}\n  \
         static_configs: [{{targets: ['{address}']}}]\n"
    )
}

/// Both servers after they scraped the whole history.
async fn pair(name: &str) -> Option<Pair> {
    let binary = program("prometheus", "PROMETHEUS_BIN")?;
    let first = first_sample(now_ms());
    let body = exposition(first);
    let address = fixture(move |_| Page::open_metrics(body.clone())).await;
    let embedded = Embedded::start(&yaml(&address, "/embedded", "1s"), Limits::default()).await;
    embedded.scrape().await;
    let target = embedded.targets.targets()[0].last_scrape();
    assert_eq!(target.error, "");
    let real = Real::start(&binary, name, &yaml(&address, "/real", "1s")).await;
    let last = time_text(first + (STEPS - 1) * STEP_MS);
    until("the real Prometheus holds the history", async || {
        let query = format!("count(salvo_requests_total @ {last})");
        let (_, json) = real.http.get("/api/v1/query", &[("query", &query)]).await;
        json["data"]["result"][0]["value"][1] == "12"
    })
    .await;
    Some(Pair {
        embedded,
        real,
        first,
    })
}

fn time_text(millis: i64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

impl Pair {
    /// Asks both; returns what differs.
    async fn compare(&self, path: &str, params: &[(&str, &str)], ordered: bool) -> Option<String> {
        let (ours, theirs) = if params[0].1.len().is_multiple_of(2) {
            (
                self.embedded.http.get(path, params).await,
                self.real.http.get(path, params).await,
            )
        } else {
            (
                self.embedded.http.post(path, params).await,
                self.real.http.post(path, params).await,
            )
        };
        let difference = if ours.0 != theirs.0 {
            Some(format!("status {} instead of {}", ours.0, theirs.0))
        } else if ours.0 == 200 {
            differ(&ours.1["data"], &theirs.1["data"], ordered)
        } else {
            (ours.1["errorType"] != theirs.1["errorType"]).then(|| "another errorType".to_owned())
        };
        difference.map(|text| {
            format!(
                "{params:?}: {text}\n  ours   {:.1500}\n  theirs {:.1500}",
                ours.1, theirs.1
            )
        })
    }
}

/// The first difference between two answers. Series are compared by label set, unless their order counts.
fn differ(ours: &Value, theirs: &Value, ordered: bool) -> Option<String> {
    if ours["resultType"] != theirs["resultType"] {
        return Some("another resultType".to_owned());
    }
    let key = |value: &Value| value["metric"].to_string();
    let list = |value: &Value| {
        let mut list = value["result"].as_array().unwrap().clone();
        if !ordered && list.iter().all(Value::is_object) {
            list.sort_by_key(key);
        }
        list
    };
    let (ours, theirs) = (list(ours), list(theirs));
    if ours.len() != theirs.len() {
        return Some(format!("{} series instead of {}", ours.len(), theirs.len()));
    }
    ours.iter().zip(&theirs).find_map(|(ours, theirs)| {
        if ours.is_object() && key(ours) != key(theirs) {
            return Some(format!("series {} instead of {}", key(ours), key(theirs)));
        }
        numbers_differ(ours, theirs).then(|| format!("{ours:.300} instead of {theirs:.300}"))
    })
}

fn numbers_differ(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            left.len() != right.len()
                || left
                    .iter()
                    .any(|(name, value)| numbers_differ(value, &right[name]))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() != right.len()
                || left
                    .iter()
                    .zip(right)
                    .any(|(left, right)| numbers_differ(left, right))
        }
        (Value::String(left), Value::String(right)) => {
            match (left.parse::<f64>(), right.parse::<f64>()) {
                (Ok(left), Ok(right)) if left.is_finite() && right.is_finite() => {
                    (left - right).abs() > 1e-9 * left.abs().max(right.abs()).max(1e-300)
                        && left != right
                }
                _ => left != right,
            }
        }
        (Value::Number(left), Value::Number(right)) => {
            (left.as_f64().unwrap() - right.as_f64().unwrap()).abs() > 1e-4
        }
        _ => ours != theirs,
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
    let _scraper = salvo_observability::embedded::metrics::Scraper::start(
        &embedded.store,
        &embedded.targets,
        salvo_observability::embedded::metrics::FirstScrape::Immediate,
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
