//! Spans become the service graph and the span metrics that Tempo 2.10 made of them.

use std::sync::Arc;
use std::time::Duration;

use lab_backends::generator::{Config, Generator};
use lab_backends::metrics::Limits;
use lab_backends::otlp::Receivers;
use lab_backends::traces;
use serde_json::{Value, json};

use crate::support::metrics::{Embedded, Http, now_ms};
use crate::support::otlp::{self, JSON};

/// Requests, in which `NOW` is the time at which they are sent, and the series and exemplars that Tempo wrote to
/// Prometheus: labels, whether the first sample is a 0 at the end of the minute before, and the last value. Buckets
/// are together, in the order of `bounds`.
const GOLDEN: &str = include_str!("../golden/generator.json");

/// A generator behind an OTLP port, and the store that it writes to.
struct Generating {
    prometheus: Embedded,
    generator: Arc<Generator>,
    otlp: Http,
}

impl Generating {
    async fn start(config: Config) -> Self {
        let prometheus = Embedded::start("scrape_configs: []", Limits::default()).await;
        let generator = Generator::new(config, Arc::clone(&prometheus.store));
        let generator = Arc::new(generator);
        let spans = Arc::new(traces::Store::new(traces::Limits::default()));
        let receivers = Receivers::of_traces_and_generator(spans, Arc::clone(&generator));
        let (http, _) = otlp::open(receivers).await;
        Self {
            prometheus,
            generator,
            otlp: Http::new(format!("http://{http}")),
        }
    }

    /// Sends a recorded request, or one like it.
    async fn send(&self, request: &Value) {
        let body = at_now(&request.to_string());
        let (status, _, answer) = self
            .otlp
            .post_with("/v1/traces", &[JSON], body.into())
            .await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    /// The values of a query at a time in milliseconds, by their labels.
    async fn at(&self, query: &str, time: i64) -> Vec<(Value, Value)> {
        let time = (time as f64 / 1000.0).to_string();
        let params = [("query", query), ("time", &time)];
        let (status, answer) = self.prometheus.http.get("/api/v1/query", &params).await;
        assert_eq!(status, 200, "{answer}");
        let found = answer["data"]["result"].as_array().unwrap().iter();
        let pair = |one: &Value| {
            let values = if one["values"].is_null() {
                &one["value"][1]
            } else {
                &one["values"]
            };
            (one["metric"].clone(), values.clone())
        };
        found.map(pair).collect()
    }
}

/// `NOW` and an offset in nanoseconds become a time.
fn at_now(text: &str) -> String {
    let now = now_ms() * 1_000_000;
    let mut parts = text.split("NOW");
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let end = part.find('"').unwrap();
        let offset: i64 = part[..end].parse().unwrap();
        filled.push_str(&format!("{}{}", now + offset, &part[end..]));
    }
    filled
}

/// The series in the form of the recording.
fn recorded(found: Vec<(Value, Value)>, bounds: &Value) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    let mut buckets: Vec<(Value, Value, Vec<Value>)> = Vec::new();
    for (mut labels, values) in found {
        let values = values.as_array().unwrap();
        let first = &values[0];
        let starts = first[1] == "0" && first[0].as_i64().is_some_and(|time| time % 60 == 59);
        let last = values.last().unwrap()[1].clone();
        let Some(bound) = labels.as_object_mut().unwrap().remove("le") else {
            all.push(json!([labels, starts, last]));
            continue;
        };
        let known = &bounds[labels["__name__"].as_str().unwrap()];
        let mut known = known.as_array().unwrap().iter();
        let place = known.position(|it| *it == bound).unwrap();
        let list = match buckets.iter_mut().find(|it| it.0 == labels) {
            Some(list) => list,
            None => {
                buckets.push((labels, json!(starts), Vec::new()));
                buckets.last_mut().unwrap()
            }
        };
        assert_eq!(list.1, starts);
        list.2.resize(list.2.len().max(place + 1), Value::Null);
        list.2[place] = last;
    }
    all.extend(buckets.into_iter().map(|it| json!([it.0, it.1, it.2])));
    sorted(all)
}

/// Sums to the nanosecond: Tempo adds the spans of several requests in any order.
fn rounded(mut series: Value) -> Value {
    let name = series[0]["__name__"].as_str().unwrap();
    if name.ends_with("_sum") {
        let sum: f64 = series[2].as_str().unwrap().parse().unwrap();
        series[2] = json!(format!("{sum:.9}"));
    }
    series
}

fn sorted(mut list: Vec<Value>) -> Vec<Value> {
    list.sort_by_key(Value::to_string);
    list
}

/// Tempo draws a service with an empty name as a server without one; here it is in the span metrics only.
fn is_nameless_edge(series: &Value) -> bool {
    let labels = &series[0];
    labels["client"] == "user" && labels["server"].is_null()
}

#[tokio::test]
async fn spans_become_the_series_and_exemplars_that_tempo_made_of_them() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let lab = Generating::start(Config::default()).await;
    for request in golden["requests"].as_array().unwrap() {
        lab.send(&request["request"]).await;
    }
    let later = now_ms() + 11_000;
    lab.generator.tick(later);

    let found = lab.at(r#"{__name__=~"traces_.+"}[5m]"#, later + 1000).await;
    let found = recorded(found, &golden["bounds"]);
    let found: Vec<_> = found.into_iter().map(rounded).collect();
    let expected = golden["series"].as_array().unwrap().iter();
    let expected: Vec<_> = expected
        .filter(|it| !is_nameless_edge(it))
        .cloned()
        .map(rounded)
        .collect();
    differ_not(&sorted(expected), &sorted(found));

    let (start, end) = (
        (later / 1000 - 60).to_string(),
        (later / 1000 + 60).to_string(),
    );
    let query = r#"{__name__=~"traces_.+"}"#;
    let params = [("query", query), ("start", &start), ("end", &end)];
    let http = &lab.prometheus.http;
    let (_, answer) = http.get("/api/v1/query_exemplars", &params).await;
    let mut found = Vec::new();
    for series in answer["data"].as_array().unwrap() {
        for one in series["exemplars"].as_array().unwrap() {
            found.push(json!([series["seriesLabels"], one["labels"], one["value"]]));
        }
    }
    let expected = golden["exemplars"].as_array().unwrap().iter();
    let expected: Vec<_> = expected
        .filter(|it| !is_nameless_edge(it))
        .cloned()
        .collect();
    differ_not(&sorted(expected), &sorted(found));

    // What Grafana's tab "Service Graph" asks. A sum has its first increase with the second sample.
    let later = later + 5000;
    lab.generator.tick(later);
    for (query, found) in [
        (
            "sum by (client, server) (rate(traces_service_graph_request_server_seconds_sum[5m]))",
            25,
        ),
        (
            "sum by (client, server) (rate(traces_service_graph_request_total[5m]))",
            25,
        ),
        (
            "sum by (client, server) (rate(traces_service_graph_request_failed_total[5m]))",
            3,
        ),
        (
            "topk(5, sum(rate(traces_spanmetrics_calls_total{span_kind=\"SPAN_KIND_SERVER\"}[5m])) by (span_name))",
            5,
        ),
        (
            "topk(5, sum(rate(traces_spanmetrics_calls_total{status_code=\"STATUS_CODE_ERROR\",span_name=~\"GET|PUT.*\"}[5m])) by (span_name))",
            1,
        ),
        (
            "histogram_quantile(.9, sum(rate(traces_spanmetrics_latency_bucket{span_name=~\"GET\"}[5m])) by (le))",
            1,
        ),
    ] {
        assert_eq!(lab.at(query, later).await.len(), found, "{query}");
    }

    let stats = lab.generator.stats();
    assert_eq!(stats.spans_outside_slack, 2);
    assert_eq!((stats.edges_expired, stats.collections_failed), (3, 0));
    assert_eq!(stats.series_added, stats.active_series);
}

fn differ_not(expected: &[Value], found: &[Value]) {
    let lacking = |of: &[Value], among: &[Value]| {
        let alone = of.iter().filter(|it| !among.contains(it));
        alone.map(Value::to_string).collect::<Vec<_>>()
    };
    let (missing, more) = (lacking(expected, found), lacking(found, expected));
    assert!(
        missing.is_empty() && more.is_empty() && expected.len() == found.len(),
        "{} of {} are missing:\n{}\n{} are more:\n{}",
        missing.len(),
        expected.len(),
        missing.join("\n"),
        more.len(),
        more.join("\n"),
    );
    assert!(expected.len() > 100);
}

/// A request with one span.
fn one(service: &str, name: &str, kind: i32, ids: (u32, u32, u32)) -> Value {
    let (trace, id, parent) = ids;
    let parent = if parent == 0 {
        String::new()
    } else {
        format!("{parent:016x}")
    };
    json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": service } }] },
        "scopeSpans": [{ "spans": [{
            "traceId": format!("{trace:032x}"), "spanId": format!("{id:016x}"), "parentSpanId": parent,
            "name": name, "kind": kind,
            "startTimeUnixNano": "NOW-200000000", "endTimeUnixNano": "NOW-100000000",
        }] }],
    }] })
}

const SERVER: i32 = 2;
const CLIENT: i32 = 3;

#[tokio::test]
async fn new_series_are_written_at_once_and_the_others_at_the_interval() {
    let lab = Generating::start(Config::default()).await;
    let start = now_ms();
    lab.generator.tick(start);
    lab.send(&one("shop", "GET /", SERVER, (1, 1, 0))).await;
    lab.generator.tick(start + 1000);
    lab.send(&one("shop", "GET /", SERVER, (2, 2, 0))).await;
    lab.generator.tick(start + 2000);
    let calls = r#"traces_spanmetrics_calls_total{service="shop"}"#;
    assert_eq!(lab.at(calls, start + 2000).await[0].1, "1");
    // A request from nobody known is in the graph as early as its span.
    let request = r#"traces_service_graph_request_total{client="user",server="shop"}"#;
    assert_eq!(lab.at(request, start + 2000).await[0].1, "1");
    // The rate of the first second is seen.
    let increase = format!("increase({calls}[2m])");
    assert_eq!(lab.at(&increase, start + 2000).await.len(), 1);
    lab.generator.tick(start + 5000);
    assert_eq!(lab.at(calls, start + 5000).await[0].1, "2");
}

#[tokio::test]
async fn spans_beyond_the_bound_on_series_share_one() {
    let lab = Generating::start(Config {
        max_active_series: 40,
        ..Config::default()
    })
    .await;
    for number in 1..=20 {
        lab.send(&one(
            "shop",
            &format!("GET /{number}"),
            1,
            (number, number, 0),
        ))
        .await;
    }
    let now = now_ms();
    lab.generator.tick(now);
    let named = lab
        .at(r#"traces_spanmetrics_calls_total{service="shop"}"#, now)
        .await;
    assert_eq!(named.len(), 2);
    let shared = lab
        .at(
            r#"traces_spanmetrics_calls_total{metric_overflow="true"}"#,
            now,
        )
        .await;
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0].1, "18");
    let stats = lab.generator.stats();
    assert_eq!((stats.active_series, stats.series_limited), (57, 18 * 19));
}

#[tokio::test]
async fn series_without_spans_are_given_up_and_may_come_back() {
    let lab = Generating::start(Config::default()).await;
    lab.send(&one("shop", "GET /", SERVER, (1, 1, 0))).await;
    let start = now_ms();
    lab.generator.tick(start);
    assert_eq!(lab.generator.stats().active_series, 19 + 24);
    lab.generator.tick(start + 15 * 60 * 1000 + 5000);
    let stats = lab.generator.stats();
    assert_eq!((stats.active_series, stats.series_removed), (0, 43));
    // Again from 1, after a 0: a reset that rate() understands.
    lab.send(&one("shop", "GET /", SERVER, (2, 2, 0))).await;
    let later = start + 25 * 60 * 1000;
    lab.generator.tick(later);
    let calls = r#"traces_spanmetrics_calls_total{service="shop"}[5m]"#;
    let values = lab.at(calls, later).await[0].1.clone();
    let values: Vec<_> = values.as_array().unwrap().iter().map(|it| &it[1]).collect();
    assert_eq!(values, ["0", "1"]);
}

#[tokio::test]
async fn spans_wait_for_their_other_one_within_bounds() {
    let config = Config {
        max_edges: 2,
        edge_wait: Duration::from_secs(10),
        ..Config::default()
    };
    let lab = Generating::start(config).await;
    for number in 1..=3 {
        lab.send(&one("shop", "GET", CLIENT, (number, number, 9)))
            .await;
    }
    let stats = lab.generator.stats();
    assert_eq!((stats.edges, stats.spans_dropped_by_edges), (2, 1));
    // One finds its server, which makes room.
    lab.send(&one("stock", "GET /", SERVER, (1, 11, 1))).await;
    lab.send(&one("shop", "GET", CLIENT, (4, 4, 9))).await;
    let now = now_ms();
    lab.generator.tick(now);
    let stats = lab.generator.stats();
    assert_eq!((stats.edges, stats.spans_dropped_by_edges), (3, 1));
    assert_eq!(stats.edges_expired, 0);
    lab.generator.tick(now + 11_000);
    assert_eq!(lab.generator.stats().edges_expired, 2);
    let all = lab
        .at("traces_service_graph_request_total", now + 11_000)
        .await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].0["server"], "stock");
}
