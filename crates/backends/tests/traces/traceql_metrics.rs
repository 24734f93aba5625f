//! Metrics queries of TraceQL are answered as a Tempo 2.10 with local blocks answered them.

use crate::support::shop;
use crate::support::traces::{Backend, Response};
use lab_backends::traces::Limits;
use serde_json::{Map, Value, json};

/// Labels of a series as text, and its values that are not 0.
fn lines(answer: &Value) -> Vec<String> {
    let series = answer["series"].as_array().unwrap().iter();
    let line = |series: &Value| {
        let labels = series["labels"].as_array().unwrap().iter();
        let labels: Vec<String> = labels
            .map(|label| {
                let value = label["value"].as_object().unwrap().values().next().unwrap();
                format!("{}={value}", label["key"].as_str().unwrap())
            })
            .collect();
        let value = |sample: &Value| sample["value"].as_f64();
        let values: Vec<f64> = match series["samples"].as_array() {
            Some(samples) => samples.iter().filter_map(value).collect(),
            None => value(series).into_iter().collect(),
        };
        format!("{} {values:?}", labels.join(","))
    };
    series.map(line).collect()
}

#[tokio::test]
async fn spans_are_counted_over_time_as_tempo_counts_them() {
    let backend = shop::backend().await;
    let get = |path: &'static str, query: &'static str| {
        let backend = &backend;
        async move {
            let params = [
                ("q", query),
                ("start", "1795359990"),
                ("end", "1795360010"),
                ("step", "10s"),
            ];
            backend.json(path, &params).await
        }
    };
    let range = "/api/metrics/query_range";
    let answer = get(range, "{} | count_over_time()").await;
    let stamps = answer["series"][0]["samples"].as_array().unwrap().iter();
    let stamps: Vec<&str> = stamps.map(|s| s["timestampMs"].as_str().unwrap()).collect();
    // One interval comes before the range, and each is named by its end.
    assert_eq!(stamps, ["1795359990000", "1795360000000", "1795360010000"]);

    for (query, expected) in [
        // A span that starts at the end of an interval belongs to it.
        (
            "{} | count_over_time()",
            vec!["__name__=\"count_over_time\" [1.0, 5.0]"],
        ),
        ("{} | rate()", vec!["__name__=\"rate\" [0.1, 0.5]"]),
        (
            "{ status = error } | rate()",
            vec!["__name__=\"rate\" [0.1]"],
        ),
        ("{ false } | rate()", vec![]),
        ("{ false } | rate() by (name)", vec![]),
        (
            "{ } | count_over_time() by (resource.service.name)",
            vec![
                "resource.service.name=\"cart\" [1.0]",
                "resource.service.name=\"gateway\" [1.0, 2.0]",
                "resource.service.name=\"stock\" [1.0]",
                "resource.service.name=\"worker\" [1.0]",
            ],
        ),
        // What a span does not have is no label; a series without any says nil.
        (
            "{ } | count_over_time() by (span.server.address)",
            vec![
                "span.server.address=\"cart\" [1.0]",
                "span.server.address=\"nil\" [1.0, 3.0]",
                "span.server.address=\"stock\" [1.0]",
            ],
        ),
        (
            "{ kind = client } | count_over_time() by (.server.address, status)",
            vec![
                ".server.address=\"cart\",status=\"unset\" [1.0]",
                ".server.address=\"stock\",status=\"unset\" [1.0]",
            ],
        ),
        (
            "{ kind = server } | by(resource.service.name) | count_over_time() by (span.http.response.status_code)",
            vec![
                "span.http.response.status_code=\"500\" [1.0]",
                "span.http.response.status_code=\"503\" [1.0]",
                "span.http.response.status_code=\"nil\" [1.0]",
            ],
        ),
    ] {
        let mut found = lines(&get(range, query).await);
        found.sort();
        assert_eq!(found, expected, "{query}");
    }

    let instant = "/api/metrics/query";
    assert_eq!(
        lines(&get(instant, "{} | rate()").await),
        ["__name__=\"rate\" [0.30000000000000004]"]
    );
    let answer = get(range, "{ status = error } | rate() by (name)").await;
    let exemplar = &answer["series"][0]["exemplars"][0];
    assert_eq!(exemplar["value"], 0.1);
    assert_eq!(exemplar["timestampMs"], "1795360000300");
    let labels = exemplar["labels"].as_array().unwrap();
    let trace = json!({ "key": "trace:id", "value": { "stringValue": "a1" } });
    assert!(labels.contains(&trace), "{labels:?}");
    let quiet = get(range, "{} | rate() with (exemplars=false)").await;
    assert_eq!(quiet["series"][0]["exemplars"], Value::Null);
}

#[tokio::test]
async fn a_metrics_query_that_cannot_be_answered_is_refused_by_name() {
    let backend = shop::backend().await;
    let good = [
        ("q", "{} | rate()"),
        ("start", "1795359990"),
        ("end", "1795360010"),
    ];
    for (name, value, message) in [
        ("q", "{}", "not a metrics query"),
        ("q", "{} | rate(", "parse error at line 1, col 11"),
        (
            "q",
            "{} | compare({ status = error }) | topk(2)",
            "`compare()` cannot be used with second stage functions",
        ),
        (
            "step",
            "1ms",
            "step of 1ms is too small, minimum step for given range is 2ms",
        ),
        ("step", "0", "step of 0s is too small"),
        (
            "step",
            "often",
            "cannot parse \"often\" to a valid duration",
        ),
        ("start", "1795360020", "end must be greater than start"),
        ("start", "yesterday", "could not parse 'start' parameter"),
        (
            "start",
            "1795340000",
            "metrics query time range exceeds the maximum allowed duration of 3h0m0s",
        ),
    ] {
        let mut params: Vec<_> = good.into_iter().filter(|(n, _)| *n != name).collect();
        params.push((name, value));
        let answer = backend.get("/api/metrics/query_range", &params).await;
        assert_eq!(answer.status, 400, "{name}={value}: {}", answer.text());
        assert!(
            answer.text().contains(message),
            "{name}={value}: {}",
            answer.text()
        );
    }
}

fn recorded() -> Value {
    serde_json::from_str(include_str!("../golden/traceql_metrics.json")).unwrap()
}

async fn with_the_recorded_spans(recorded: &Value) -> Backend {
    let backend = Backend::start(Limits::default()).await;
    backend.ingest(&recorded["input"]).await;
    backend
}

/// Numbers may differ in their last digits, since spans are added in another order.
fn alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        _ => ours == theirs,
    }
}

/// An answer in the form of the recording.
fn in_short(answer: &Value, path: &str) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let series = list(&answer["series"]).into_iter().map(|series| {
        let labels = list(&series["labels"]).into_iter();
        let labels = labels.map(|label| json!([label["key"], label["value"]]));
        let zero = |value: &Value| {
            if value.is_null() {
                json!(0)
            } else {
                value.clone()
            }
        };
        let values = match path {
            "range" => {
                let sample = |sample: Value| {
                    let stamp: i64 = sample["timestampMs"].as_str().unwrap().parse().unwrap();
                    json!([stamp, zero(&sample["value"])])
                };
                list(&series["samples"]).into_iter().map(sample).collect()
            }
            _ => zero(&series["value"]),
        };
        json!([labels.collect::<Vec<_>>(), values])
    });
    let mut short = Map::new();
    short.insert("series".to_owned(), series.collect());
    for name in ["status", "message"] {
        if !answer[name].is_null() {
            short.insert(name.to_owned(), answer[name].clone());
        }
    }
    Value::Object(short)
}

/// Where an attribute has more values than are shown, some of those that occur equally often are, and a
/// Tempo shows others each time. Such series are replaced by their totals.
fn without_ties(short: &mut Value, top: usize) {
    let sum = |values: &Value| match values.as_array() {
        Some(samples) => samples.iter().map(|s| s[1].as_f64().unwrap()).sum(),
        None => values.as_f64().unwrap(),
    };
    let all = short["series"].as_array_mut().unwrap();
    let group = |series: &Value| format!("{} {}", series[0][0], series[0][1][0]);
    let of: Vec<String> = all.iter().map(group).collect();
    let full = |name: &String| of.iter().filter(|other| *other == name).count() == top;
    let mut ties = Vec::new();
    let mut rest = Vec::new();
    for (series, name) in all.drain(..).zip(&of) {
        match full(name) && !name.contains("_total") {
            true => ties.push(format!("{name} {}", sum(&series[1]))),
            false => rest.push(series),
        }
    }
    ties.sort();
    rest.extend(ties.into_iter().map(Value::from));
    *all = rest;
}

/// The difference of an answer to the recorded one, if there is any.
fn difference(case: &Value, answer: &Response) -> Option<String> {
    let [path, query, status, expected] = [&case[0], &case[1], &case[3], &case[4]];
    let text = answer.text();
    if u64::from(answer.status.as_u16()) != status.as_u64().unwrap() {
        return Some(format!(
            "status should be {status}: {expected}\n  ours {text}"
        ));
    }
    if let Some(expected) = expected.as_str().or(expected["text"].as_str()) {
        return (text != expected).then(|| format!("should be {expected}\n  ours      {text}"));
    }
    let mut ours = in_short(
        &serde_json::from_str(&text).unwrap(),
        path.as_str().unwrap(),
    );
    let mut theirs = expected.clone();
    if !theirs["status"].is_null() {
        // Some of the series, and which ones is chance.
        let number = |short: &Value| short["series"].as_array().unwrap().len();
        (ours["series"], theirs["series"]) = (number(&ours).into(), number(&theirs).into());
    } else if query.as_str().unwrap().contains("compare(") {
        let top = [1, 2, 3, 5].into_iter().find(|top| {
            let query = query.as_str().unwrap();
            query.contains(&format!("}}, {top}"))
        });
        let top = top.unwrap_or(10);
        without_ties(&mut ours, top);
        without_ties(&mut theirs, top);
    }
    let same = alike(&ours["series"], &theirs["series"])
        && ours["status"] == theirs["status"]
        && ours["message"] == theirs["message"];
    (!same).then(|| {
        let series = |short: &Value| short["series"].as_array().cloned().unwrap_or_default();
        let (a, b) = (series(&ours), series(&theirs));
        let other = (0..a.len().max(b.len())).find(|at| {
            let none = Value::Null;
            !alike(a.get(*at).unwrap_or(&none), b.get(*at).unwrap_or(&none))
        });
        let at = other.unwrap_or_default();
        format!(
            "series {at}: should be {:?}\n  ours      {:?}",
            b.get(at),
            a.get(at)
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_metrics_query_is_answered_as_tempo_did() {
    let recorded = recorded();
    let backend = with_the_recorded_spans(&recorded).await;
    let cases = recorded["cases"].as_array().unwrap();
    assert!(cases.len() > 600, "the recording is whole");
    let mut differences = Vec::new();
    for case in cases {
        let path = match case[0].as_str().unwrap() {
            "range" => "/api/metrics/query_range",
            _ => "/api/metrics/query",
        };
        let mut params = vec![("q", case[1].as_str().unwrap())];
        let others = case[2].as_object().unwrap().iter();
        params.extend(others.map(|(name, value)| (name.as_str(), value.as_str().unwrap())));
        let answer = backend.get(path, &params).await;
        if let Some(difference) = difference(case, &answer) {
            differences.push(format!(
                "{} {} {}\n  {difference}",
                case[0], case[1], case[2]
            ));
        }
    }
    let count = differences.len();
    assert!(count == 0, "{count} differ\n{}", differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exemplar_says_what_tempo_says_of_its_trace() {
    let recorded = recorded();
    let backend = with_the_recorded_spans(&recorded).await;
    for case in recorded["exemplars"].as_array().unwrap() {
        let query = case[0].as_str().unwrap();
        let theirs = case[1].as_array().unwrap();
        let params = [
            ("q", query),
            ("start", "1795359990"),
            ("end", "1795360270"),
            ("step", "60s"),
            ("exemplars", "100"),
        ];
        let answer = backend.json("/api/metrics/query_range", &params).await;
        let mut compared = 0;
        for series in answer["series"].as_array().unwrap() {
            for exemplar in series["exemplars"].as_array().into_iter().flatten() {
                let labels = exemplar["labels"].as_array().unwrap().iter();
                let labels: Map<String, Value> = labels
                    .map(|l| (l["key"].as_str().unwrap().to_owned(), l["value"].clone()))
                    .collect();
                let trace = &labels["trace:id"];
                // Which traces become exemplars is chance.
                let Some(same) = theirs.iter().find(|one| one[1]["trace:id"] == *trace) else {
                    continue;
                };
                compared += 1;
                assert_eq!(same[0], series["labels"], "{query} {trace}");
                assert_eq!(same[1], Value::Object(labels.clone()), "{query} {trace}");
                let value = exemplar["value"].as_f64().unwrap_or_default();
                assert!(
                    alike(&json!(value), &json!(same[2].as_f64())),
                    "{query} {trace}"
                );
                assert_eq!(
                    same[3].to_string(),
                    exemplar["timestampMs"].as_str().unwrap()
                );
            }
        }
        let enough = if theirs.len() > 8 { 8 } else { theirs.len() };
        assert!(
            compared >= enough,
            "{query}: {compared} of {}",
            theirs.len()
        );
    }
}

#[tokio::test]
async fn an_answer_with_too_many_series_says_that_it_is_a_part() {
    let backend = Backend::start(Limits::default()).await;
    let span = |n: usize| {
        json!({
            "traceId": format!("{:032x}", n + 1), "spanId": format!("{:016x}", n + 1),
            "name": format!("name {n}"), "startTimeUnixNano": "1795360001000000000",
            "endTimeUnixNano": "1795360002000000000",
            "attributes": [{ "key": "n", "value": { "intValue": n.to_string() } }],
        })
    };
    let spans: Vec<Value> = (0..1_500).map(span).collect();
    let spans = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
    backend.ingest(&spans).await;
    let ask = async |query: &str, step: &str| {
        let params = [
            ("q", query),
            ("start", "1795360000"),
            ("end", "1795360060"),
            ("step", step),
        ];
        backend.get("/api/metrics/query_range", &params).await
    };
    for query in [
        "{} | rate() by(name)",
        "{} | avg_over_time(duration) by(name)",
        "{} | quantile_over_time(duration, .5, .9) by(name)",
        "{} | histogram_over_time(duration) by(span.n)",
    ] {
        let answer: Value = serde_json::from_str(&ask(query, "60s").await.text()).unwrap();
        assert_eq!(answer["series"].as_array().unwrap().len(), 1_000, "{query}");
        assert_eq!(answer["status"], "PARTIAL", "{query}");
        let message = answer["message"].as_str().unwrap();
        assert!(message.starts_with("Response exceeds maximum series limit of 1000"));
    }
    // More points than an answer may have are refused.
    let answer = ask("{} | rate() by(name)", "10ms").await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("metrics query makes more than"));
    // A comparison shows the most frequent values, however many there are.
    let answer = ask("{} | compare({ span.n < 10 }, 3)", "60s").await;
    let answer: Value = serde_json::from_str(&answer.text()).unwrap();
    let of = |side: &str, name: &str| {
        let series = answer["series"].as_array().unwrap().iter();
        let this = |s: &&Value| {
            s["labels"][0]["value"]["stringValue"] == side && s["labels"][1]["key"] == name
        };
        series.filter(this).count()
    };
    assert_eq!(
        (of("baseline", "span.n"), of("selection", "span.n")),
        (3, 3)
    );
    assert_eq!(of("baseline_total", "span.n"), 1);
}
