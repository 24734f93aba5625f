//! PromQL answers are those of the real Prometheus, recorded over the same samples.

use crate::support::metrics::Embedded;
use crate::support::promql_cases;
use crate::support::promql_recorded::{golden, recorded};
use crate::support::replay;
use lab_backends::metrics::engine::{self, QueryData, Sample};
use lab_backends::metrics::{Labels, Limits, QueryLimits, Store};
use lab_backends::wire::Stop;
use serde_json::Value;

/// Notes as they are compared: without a number that Prometheus counts too high over several steps.
fn notes(list: &Value) -> Vec<String> {
    let counted = regex::Regex::new("over [0-9]+ samples").unwrap();
    let list = replay::notes(list).into_iter();
    list.map(|note| counted.replace(&note, "").into_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_errors_and_annotations_are_those_that_prometheus_gave() {
    let (answers, embedded) = recorded().await;
    let mut wrong = Vec::new();
    for wanted in &answers {
        let answer = replay::ask(&embedded, wanted).await;
        wrong.extend(replay::differs(
            &answer,
            wanted,
            &["errorType", "error"],
            notes,
        ));
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

/// Queries with bytes that are not UTF-8, with Prometheus' status and error.
const NOT_UTF8: [(&str, u16, &str); 19] = [
    (
        r#"count_values("\xff", vector(1))"#,
        422,
        r#"invalid label name "\xff""#,
    ),
    (
        r#"label_join(vector(1), "\xff", "-", "job")"#,
        422,
        "invalid destination label name in label_join(): \u{fffd}",
    ),
    (
        r#"label_join(vector(1), "a", "-", "\xff")"#,
        422,
        "invalid source label name in label_join(): \u{fffd}",
    ),
    (
        r#"sum by ("\xff") (vector(1))"#,
        400,
        r#"invalid parameter "query": 1:9: parse error: invalid label name for grouping: "\xff""#,
    ),
    (
        r#"vector(1) * on("\xff") vector(1)"#,
        400,
        r#"invalid parameter "query": 1:16: parse error: invalid label name for grouping: "\xff""#,
    ),
    (
        r#"vector(1) * on(job) group_left("\xff") vector(1)"#,
        400,
        r#"invalid parameter "query": 1:32: parse error: invalid label name for grouping: "\xff""#,
    ),
    (
        r#"label_replace(vector(1), "\xff", "x", "a", "")"#,
        422,
        "invalid destination label name in label_replace(): \u{fffd}",
    ),
    (
        r#"label_replace(vector(1), "a\xc3", "x", "", "")"#,
        422,
        "invalid destination label name in label_replace(): a\u{fffd}",
    ),
    (
        r#"label_replace(vector(1), "a", "x", "job", "\xff")"#,
        422,
        "invalid regular expression in label_replace(): \u{fffd}",
    ),
    (
        r#"label_replace(vector(1), "a", "x", "job", "(\xff)")"#,
        422,
        "invalid regular expression in label_replace(): (\u{fffd})",
    ),
    (
        r#"up{job!~"\xff.*"}"#,
        400,
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: invalid UTF-8: `\u{fffd}.*`",
    ),
    (
        r#"up{job=~"[\xff]"}"#,
        400,
        "invalid parameter \"query\": 1:4: parse error: error parsing regexp: invalid UTF-8: `\u{fffd}]`",
    ),
    // Without an operator it is no regular expression to Prometheus.
    (r#"up{job=~"a|\xff"}"#, 200, ""),
    (r#"up{job=~"\xff"}"#, 200, ""),
    (r#"up{job=~"\\xff"}"#, 200, ""),
    (r#"label_replace(vector(1), "a", "x", "\xff", "")"#, 200, ""),
    (
        r#"label_replace(vector(1), "\xc3\x9c", "x", "", "")"#,
        200,
        "",
    ),
    (
        r#"label_replace(vector(1), "\ufffd", "x", "", "")"#,
        200,
        "",
    ),
    (r#""\xff""#, 200, ""),
];

#[tokio::test]
async fn bytes_that_are_not_utf8_are_no_label_name_and_no_expression() {
    let embedded = Embedded::empty().await;
    for (query, wanted, error) in NOT_UTF8 {
        let params = [("query", query)];
        let (status, answer) = embedded.http.get("/api/v1/query", &params).await;
        assert_eq!(status, wanted, "{query}: {answer}");
        assert_eq!(answer["error"].as_str().unwrap_or(""), error, "{query}");
    }
}

/// Requests as they are sent, with Prometheus' status and error.
const AS_SENT: [(&str, u16, &str); 16] = [
    (
        "/api/v1/query?query=up%7Ba=%22%FF%22%7D",
        400,
        r#"invalid parameter "query": 1:6: parse error: invalid UTF-8 rune"#,
    ),
    (
        "/api/v1/format_query?query=up%7Ba=%60%FF%60%7D",
        400,
        r#"invalid parameter "query": 1:6: parse error: invalid UTF-8 rune"#,
    ),
    (
        "/api/v1/query?query=up%7B%22%FF%22%7D",
        400,
        r#"invalid parameter "query": 1:4: parse error: invalid UTF-8 rune"#,
    ),
    (
        "/api/v1/query?query=%22%FF",
        400,
        r#"invalid parameter "query": 1:1: parse error: invalid UTF-8 rune"#,
    ),
    (
        "/api/v1/query?query=up%FF",
        400,
        "invalid parameter \"query\": 1:3: parse error: unexpected character: '\u{fffd}'",
    ),
    (
        "/api/v1/query?query=%zz",
        400,
        r#"invalid parameter "query": unknown position: parse error: no expression found in input"#,
    ),
    (
        "/api/v1/query?query=1;x",
        400,
        r#"invalid parameter "query": unknown position: parse error: no expression found in input"#,
    ),
    ("/api/v1/query?query=1&x=%zz", 200, ""),
    (
        "/api/v1/series?match[]=up&match[]=%zz",
        400,
        r#"error parsing form values: invalid URL escape "%zz""#,
    ),
    (
        "/api/v1/series?match[]=up&a;b",
        400,
        "error parsing form values: invalid semicolon separator in query",
    ),
    ("/api/v1/labels?match[]=up&match[]=%zz", 200, ""),
    (
        "/api/v1/labels?start=x",
        400,
        r#"invalid parameter "start": invalid time value for 'start': cannot parse "x" to a valid timestamp"#,
    ),
    (
        "/api/v1/label/job/values?end=x",
        400,
        r#"invalid parameter "end": invalid time value for 'end': cannot parse "x" to a valid timestamp"#,
    ),
    (
        "/api/v1/label/%FF/values?start=x",
        400,
        r#"invalid label name: "\xff""#,
    ),
    ("/federate?match[]=%7B%7D", 200, ""),
    ("/federate?match[]=%7Bjob=~%22.*%22%7D", 200, ""),
];

#[tokio::test]
async fn parameters_are_read_as_they_are_sent() {
    let embedded = Embedded::empty().await;
    for (path, wanted, error) in AS_SENT {
        let (status, answer) = embedded.http.get(path, &[]).await;
        assert_eq!(status, wanted, "{path}: {answer}");
        assert_eq!(answer["error"].as_str().unwrap_or(""), error, "{path}");
    }
}

/// Exemplars, labels, series, metadata and refused parameters. The order of a list is not compared,
/// unless the request cuts it.
#[tokio::test(flavor = "multi_thread")]
async fn exemplars_series_labels_and_refusals_are_those_that_prometheus_gave() {
    let (_, embedded) = recorded().await;
    let golden = golden();
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

#[test]
fn every_query_has_a_recorded_response() {
    let golden = golden();
    let known: Vec<&str> = golden["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["query"].as_str().unwrap())
        .collect();
    let queries = [
        promql_cases::dashboards(),
        promql_cases::language(),
        promql_cases::written(),
        promql_cases::refused(),
        promql_cases::refused_by_3(),
    ];
    for query in queries.concat() {
        assert!(
            known.contains(&query.as_str()),
            "{query:?} has no recorded response"
        );
    }
}

const SHARED_START: i64 = 1_800_000_000_000;

/// As many series as several threads are used for: counters that restart, with gaps, staleness markers and NaN.
fn shared_series() -> (Store, Vec<Vec<(i64, f64)>>) {
    let store = Store::new(Limits::default());
    let mut all = Vec::new();
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    for index in 0..2_500 {
        let labels = Labels::from_pairs([("__name__", "x_total"), ("i", &index.to_string())]);
        let mut samples = Vec::new();
        let mut value = random(1000) as f64 * 0.1;
        for step in 0..40 {
            let time = SHARED_START + step * 15_000 + random(900) as i64;
            value = match random(40) {
                0 => random(5) as f64,
                1 => f64::from_bits(0x7ff0_0000_0000_0002),
                2 => f64::NAN,
                3 => continue,
                _ if value.is_nan() => 0.3,
                _ => value + random(100) as f64 * 0.37,
            };
            samples.push((time, value));
            store.append(&labels, time, value, time).unwrap();
        }
        all.push(samples);
    }
    (store, all)
}

fn bits(data: QueryData) -> Vec<(String, Vec<(i64, u64)>)> {
    let QueryData::Matrix(matrix) = data else {
        panic!("{data:?}");
    };
    let points = |points: Vec<(i64, f64)>| {
        let bits = points
            .into_iter()
            .map(|(time, value)| (time, value.to_bits()));
        bits.collect()
    };
    matrix
        .into_iter()
        .map(|(labels, values)| (labels.get("i").to_owned(), points(values.numbers)))
        .collect()
}

#[test]
fn series_that_threads_share_have_the_values_that_each_has_alone() {
    let (store, samples) = shared_series();
    let (limits, stop) = (QueryLimits::default(), Stop::never());
    let (start, end) = (SHARED_START, SHARED_START + 600_000);
    let ask =
        |query: &str| engine::range(&store, query, start, end, 10_000, &limits, &stop).unwrap();
    for query in [
        "X",
        "timestamp(X)",
        "rate(X[1m])",
        "increase(X[5m] offset 1m)",
        "resets(X[2m])",
        "max_over_time(X[1m])",
        "quantile_over_time(1.5, X[1m])",
        "max_over_time(rate(X[1m])[2m:15s])",
    ] {
        let all = ask(&query.replace('X', "x_total"));
        let infos = all.infos;
        let warnings = all.warnings.len();
        let all = bits(all.data);
        assert!(all.len() > 2_000, "{query}: {}", all.len());
        for (index, values) in all.iter().step_by(59) {
            let alone = ask(&query.replace('X', &format!("x_total{{i=\"{index}\"}}")));
            assert_eq!(alone.infos, infos, "{query}");
            assert_eq!(alone.warnings.len(), warnings, "{query}");
            assert_eq!(
                bits(alone.data),
                [(index.clone(), values.clone())],
                "{query}"
            );
        }
    }
    for (index, values) in bits(ask("resets(x_total[2m])").data) {
        let own: Vec<_> = samples[index.parse::<usize>().unwrap()]
            .iter()
            .filter(|(_, value)| value.to_bits() != 0x7ff0_0000_0000_0002)
            .collect();
        for (time, resets) in values {
            let window: Vec<f64> = own
                .iter()
                .filter(|(at, _)| *at > time - 120_000 && *at <= time)
                .map(|(_, value)| *value)
                .collect();
            let falls = window.windows(2).filter(|pair| pair[1] < pair[0]).count();
            assert_eq!(f64::from_bits(resets), falls as f64, "{index} at {time}");
        }
    }
}

#[test]
fn steps_that_threads_share_have_the_sums_of_a_single_step() {
    let (store, _) = shared_series();
    let (limits, stop) = (QueryLimits::default(), Stop::never());
    let (start, end) = (SHARED_START, SHARED_START + 600_000);
    for query in [
        "sum(x_total != NaN)",
        "avg(x_total > 0)",
        "stddev(x_total > 0)",
        "min(x_total)",
        "quantile(0.9, x_total)",
    ] {
        let asked = engine::range(&store, query, start, end, 3_000, &limits, &stop).unwrap();
        let all = bits(asked.data);
        assert_eq!(all.len(), 1, "{query}");
        for (time, value) in all[0].1.iter().step_by(7) {
            let alone = engine::instant(&store, query, *time, &limits, &stop).unwrap();
            let QueryData::Vector(vector) = alone.data else {
                panic!("{query}");
            };
            let Sample::Number(alone) = vector[0].1 else {
                panic!("{query}");
            };
            assert_eq!(alone.to_bits(), *value, "{query} at {time}");
        }
    }
}

#[test]
fn a_query_of_many_threads_reads_no_more_than_its_limit() {
    let (store, samples) = shared_series();
    let held: usize = samples.iter().map(Vec::len).sum();
    let end = SHARED_START + 600_000;
    let ask = |max_samples: usize| {
        let limits = QueryLimits {
            max_samples: max_samples as u64,
            ..QueryLimits::default()
        };
        let query = "count(last_over_time(x_total[11m]))";
        engine::instant(&store, query, end, &limits, &Stop::never())
    };
    // What the windows look at counts too: an eighth of it.
    assert!(ask(held + held / 8).is_ok());
    let refused = ask(held - 1).unwrap_err().to_string();
    assert!(refused.contains("too many samples"), "{refused}");
}
