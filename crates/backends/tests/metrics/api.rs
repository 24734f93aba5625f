//! What the Prometheus API promises besides the values: health, shapes, refusals, bounds.

use std::process::Command;
use std::time::Duration;

use crate::support::metrics::{Embedded, now_ms, program};
use lab_backends::metrics::store::{Appended, Exemplar, ExemplarAppended};
use lab_backends::metrics::{Labels, Limits, QueryLimits, Store};
use serde_json::json;

async fn embedded() -> Embedded {
    Embedded::start("scrape_configs: []", Limits::default()).await
}

fn series(name: &str, index: usize) -> Labels {
    Labels::from_pairs([("__name__", name), ("i", &index.to_string())])
}

#[tokio::test]
async fn grafana_s_health_check_is_answered() {
    let embedded = embedded().await;
    let (status, json) = embedded
        .http
        .post("/api/v1/query", &[("query", "1+1"), ("time", "4")])
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        json,
        json!({"status": "success", "data": {"resultType": "scalar", "result": [4, "2"]}})
    );
    let (_, build) = embedded.http.get("/api/v1/status/buildinfo", &[]).await;
    assert!(build["data"]["version"].as_str().unwrap().starts_with("3."));
    for (path, text) in [
        ("/-/ready", "Prometheus Server is Ready.\n"),
        ("/-/healthy", "Prometheus Server is Healthy.\n"),
    ] {
        let (status, body) = embedded.http.try_get(path).await.unwrap();
        assert_eq!((status.as_u16(), body.as_ref()), (200, text.as_bytes()));
    }
    for (path, data) in [
        ("/api/v1/rules", json!({"groups": []})),
        ("/api/v1/alerts", json!({"alerts": []})),
    ] {
        assert_eq!(embedded.http.get(path, &[]).await.1["data"], data);
    }
    assert_eq!(
        embedded.http.get("/api/v1/status/runtimeinfo", &[]).await.0,
        200
    );
    assert_eq!(
        embedded.http.try_get("/metrics").await.unwrap().0,
        404,
        "/metrics is the lab's own"
    );
}

#[tokio::test]
async fn what_is_not_supported_is_named() {
    let embedded = embedded().await;
    for (query, named) in [
        ("mad_over_time(up[5m])", "mad_over_time"),
        ("limitk(1, up)", "limitk"),
        ("info(up)", "info"),
        (r#"up{a="b" or c="d"}"#, "or"),
    ] {
        let (status, json) = embedded
            .http
            .get("/api/v1/query", &[("query", query)])
            .await;
        assert_eq!(status, 400, "{query}");
        assert_eq!(json["status"], "error");
        assert_eq!(json["errorType"], "bad_data");
        let text = json["error"].as_str().unwrap();
        assert!(
            text.starts_with("invalid parameter \"query\":") && text.contains(named),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_bomb_of_parentheses_is_a_bad_query() {
    let embedded = embedded().await;
    for query in [
        format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        "(".repeat(20_000),
        "-".repeat(20_000) + "1",
        format!("1{}", "+1".repeat(20_000)),
        format!("1{}", "+1".repeat(200)),
        format!("{}up{}", "sum(".repeat(5_000), ")".repeat(5_000)),
        format!("up{}", "[1m:]".repeat(2_000)),
        format!("up{{a=~\"{}\"}}", "(".repeat(30_000)),
    ] {
        for (path, more) in [
            ("/api/v1/query", vec![]),
            (
                "/api/v1/query_range",
                vec![("start", "1"), ("end", "9"), ("step", "1")],
            ),
        ] {
            let params: Vec<(&str, &str)> = std::iter::once(("query", query.as_str()))
                .chain(more)
                .collect();
            let (status, json) = embedded.http.post(path, &params).await;
            assert_eq!(status, 400, "{query:.30} {json}");
            assert_eq!(json["errorType"], "bad_data");
        }
    }
    let deep = format!("1{}", "+1".repeat(98));
    assert_eq!(
        embedded
            .http
            .post("/api/v1/query", &[("query", &deep)])
            .await
            .0,
        200
    );
    let nested = format!("{}vector(1){}", "abs(".repeat(60), ")".repeat(60));
    assert_eq!(
        embedded
            .http
            .post("/api/v1/query", &[("query", &nested)])
            .await
            .0,
        200
    );
}

#[tokio::test]
async fn a_query_that_costs_too_much_is_refused() {
    let limits = QueryLimits {
        max_samples: 1_000,
        max_points: 5_000,
        ..QueryLimits::default()
    };
    let embedded = Embedded::start_with("scrape_configs: []", Limits::default(), limits).await;
    let now = now_ms();
    for index in 0..20 {
        for step in 0..100 {
            embedded
                .store
                .append(&series("a", index), now - 100_000 + step * 1_000, 1.0, now)
                .unwrap();
        }
    }
    let (status, json) = embedded
        .http
        .get("/api/v1/query", &[("query", "sum(rate(a[2m]))")])
        .await;
    assert_eq!(
        (status.as_u16(), &json["errorType"]),
        (422, &json!("execution"))
    );
    assert!(json["error"].as_str().unwrap().contains("too many samples"));
    let window = [
        ("query", "vector(1)"),
        ("start", "0"),
        ("end", "6000"),
        ("step", "1"),
    ];
    assert_eq!(
        embedded.http.get("/api/v1/query_range", &window).await.0,
        422
    );
    let window = [
        ("query", "1"),
        ("start", "0"),
        ("end", "12000"),
        ("step", "1"),
    ];
    let (status, json) = embedded.http.get("/api/v1/query_range", &window).await;
    assert_eq!(status, 400);
    assert!(json["error"].as_str().unwrap().contains("11,000 points"));
    let (status, json) = embedded
        .http
        .get("/api/v1/query", &[("query", "a"), ("timeout", "0")])
        .await;
    assert_eq!(
        (status.as_u16(), &json["errorType"]),
        (503, &json!("timeout"))
    );
}

#[tokio::test]
async fn limit_cuts_the_list_and_says_so() {
    let embedded = embedded().await;
    let now = now_ms();
    for index in 0..5 {
        embedded
            .store
            .append(&series("a", index), now, index as f64, now)
            .unwrap();
    }
    for (path, params) in [
        ("/api/v1/query", vec![("query", "a")]),
        ("/api/v1/series", vec![("match[]", "a")]),
        ("/api/v1/label/i/values", vec![]),
    ] {
        let params: Vec<(&str, &str)> = params.into_iter().chain([("limit", "2")]).collect();
        let (status, json) = embedded.http.get(path, &params).await;
        assert_eq!(status, 200);
        let list = if path.ends_with("query") {
            &json["data"]["result"]
        } else {
            &json["data"]
        };
        assert_eq!(list.as_array().unwrap().len(), 2, "{path}");
        assert_eq!(json["warnings"], json!(["results truncated due to limit"]));
    }
}

#[test]
fn samples_follow_the_order_rules_of_prometheus() {
    let store = Store::new(Limits::default());
    let (labels, now) = (series("a", 1), 10_000_000);
    for (time, value, outcome) in [
        (now, 1.0, Appended::Stored),
        (now, 1.0, Appended::Repeated),
        (now, 2.0, Appended::Duplicate),
        (now - 1, 1.0, Appended::OutOfOrder),
        (now - 4_000_000, 1.0, Appended::OutOfBounds),
        (now + 700_000, 1.0, Appended::OutOfBounds),
        (now + 1, f64::NAN, Appended::Stored),
        (now + 1, f64::NAN, Appended::Repeated),
    ] {
        assert_eq!(
            store.append(&labels, time, value, now),
            Ok(outcome),
            "{time} {value}"
        );
    }
    let stats = store.stats();
    assert_eq!((stats.samples_ingested, stats.refused_duplicate), (2, 1));
    assert_eq!(
        (stats.refused_out_of_order, stats.refused_out_of_bounds),
        (1, 2)
    );
}

#[test]
fn the_exemplar_ring_keeps_the_newest() {
    let store = Store::new(Limits {
        max_exemplars: 10,
        ..Limits::default()
    });
    let now = 10_000_000;
    let exemplar = |time: i64| Exemplar {
        labels: Labels::from_pairs([("TraceID", format!("{time:032x}"))]),
        value: 1.0,
        timestamp: time,
        has_timestamp: true,
    };
    for step in 0..100 {
        assert_eq!(
            store.add_exemplar(&series("a", step % 3), exemplar(now + step as i64), now),
            ExemplarAppended::Stored
        );
    }
    assert_eq!(store.stats().exemplars, 10);
    assert_eq!(
        store.add_exemplar(&series("a", 0), exemplar(now + 99), now),
        ExemplarAppended::Repeated
    );
    assert_eq!(
        store.add_exemplar(&series("a", 0), exemplar(now + 1), now),
        ExemplarAppended::Refused
    );
    let long = Exemplar {
        labels: Labels::from_pairs([("t", "x".repeat(200))]),
        ..exemplar(now + 200)
    };
    assert_eq!(
        store.add_exemplar(&series("a", 0), long, now),
        ExemplarAppended::Refused
    );
    assert_eq!(store.stats().refused_exemplars, 2);
}

#[test]
fn memory_stays_under_the_limit_and_the_oldest_goes_first() {
    let max_bytes = 4 << 20;
    let store = Store::new(Limits {
        max_bytes,
        ..Limits::default()
    });
    let start = 10_000_000;
    for step in 0..600_i64 {
        let now = start + step * 1_000;
        for index in 0..1_000 {
            // Values that do not pack, on series that come and go.
            let labels = series("a", index + (step as usize / 100) * 500);
            store
                .append(&labels, now, step as f64 * 0.1 + index as f64, now)
                .unwrap();
        }
        assert!(
            store.stats().bytes <= max_bytes as u64 * 102 / 100,
            "{} bytes",
            store.stats().bytes
        );
    }
    let stats = store.stats();
    assert!(stats.evicted_by_bytes > 100_000, "{stats:?}");
    assert_eq!(stats.samples_ingested, 600_000);
    assert!(
        stats.bytes > max_bytes as u64 / 2,
        "no more is thrown away than needed: {stats:?}"
    );
    let (mut times, mut values) = (Vec::new(), Vec::new());
    store
        .series(&series("a", 2_600))
        .unwrap()
        .read(i64::MIN, i64::MAX, &mut times, &mut values);
    assert_eq!(
        times.last(),
        Some(&(start + 599_000)),
        "the newest is there"
    );
    assert!(times[0] > start, "the oldest is gone");
}

#[test]
fn a_flood_of_series_is_bounded_by_bytes_too() {
    let max_bytes = 8 << 20;
    let store = Store::new(Limits {
        max_bytes,
        max_series: usize::MAX,
        ..Limits::default()
    });
    for index in 0..100_000 {
        let now = 10_000_000 + index as i64;
        store
            .append(&series("flood", index), now, 1.0, now)
            .unwrap();
        if index % 1_000 == 0 {
            assert!(store.stats().bytes <= max_bytes as u64 * 102 / 100);
        }
    }
    let stats = store.stats();
    assert!(stats.bytes <= max_bytes as u64 * 102 / 100, "{stats:?}");
    assert!(stats.series < 50_000 && stats.series > 1_000, "{stats:?}");
}

#[test]
fn what_is_older_than_the_retention_goes() {
    let limits = Limits {
        max_age: Duration::from_secs(60),
        ..Limits::default()
    };
    let store = Store::new(limits);
    let start = 10_000_000;
    store.append(&series("old", 1), start, 1.0, start).unwrap();
    let later = start + 120_000;
    store.append(&series("new", 1), later, 1.0, later).unwrap();
    store.evict_expired(later);
    let stats = store.stats();
    assert_eq!((stats.series, stats.evicted_by_age), (1, 1));
    assert_eq!(store.label_values("__name__"), ["new"]);
    store.evict_expired(later + 120_000);
    assert_eq!(store.stats().bytes, 0, "everything is given back");
    assert!(store.label_names().is_empty());
}

#[derive(Clone, PartialEq, prost::Message)]
struct Write {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Pair>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    histograms: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[tokio::test]
async fn remote_write_2_is_refused_by_its_content_type_so_that_the_sender_falls_back() {
    let embedded = embedded().await;
    let series = Series {
        labels: vec![Pair {
            name: "__name__".to_owned(),
            value: "pushed".to_owned(),
        }],
        samples: vec![Sample {
            value: 2.5,
            timestamp: now_ms(),
        }],
        histograms: Vec::new(),
    };
    let write = Write {
        series: vec![series],
    };
    let raw = prost::Message::encode_to_vec(&write);
    let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
    for (kind, wanted) in [
        (
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            415,
        ),
        ("application/x-protobuf; proto=unknown.Message", 415),
        ("text/plain", 415),
        ("application/json", 415),
        ("application/x-protobuf;proto=prometheus.WriteRequest", 204),
        ("application/x-protobuf", 204),
    ] {
        let http = &embedded.http;
        let (status, text) = http.post_raw("/api/v1/write", kind, body.clone()).await;
        let text = String::from_utf8_lossy(&text);
        assert_eq!(status.as_u16(), wanted, "{kind}: {text}");
        let there = embedded.vector("pushed").await.len();
        assert_eq!(there, usize::from(wanted == 204), "{kind}");
        assert!(wanted == 204 || text.contains("x-protobuf") || text.contains("WriteRequest"));
    }
}

#[tokio::test]
async fn a_native_histogram_is_refused_by_name_and_the_rest_of_its_batch_is_kept() {
    let embedded = embedded().await;
    let series = |name: &str, histograms: Vec<Vec<u8>>| Series {
        labels: vec![Pair {
            name: "__name__".to_owned(),
            value: name.to_owned(),
        }],
        samples: if histograms.is_empty() {
            vec![Sample {
                value: 1.0,
                timestamp: now_ms(),
            }]
        } else {
            Vec::new()
        },
        histograms,
    };
    let write = Write {
        series: vec![
            series("before", Vec::new()),
            series("native", vec![vec![0x08, 0x05]]),
            series("after", Vec::new()),
        ],
    };
    let raw = prost::Message::encode_to_vec(&write);
    let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
    let http = &embedded.http;
    let (status, text) = http
        .post_raw("/api/v1/write", "application/x-protobuf", body)
        .await;
    let text = String::from_utf8_lossy(&text);
    assert_eq!(status, 400);
    assert!(
        text.contains("native histograms") && text.contains("native"),
        "{text}"
    );
    for (name, there) in [("before", 1), ("native", 0), ("after", 1)] {
        assert_eq!(embedded.vector(name).await.len(), there, "{name}");
    }
}

/// Labels as bytes: a sender may get them wrong in ways that the types of a language do not allow.
#[derive(Clone, PartialEq, prost::Message)]
struct RawPair {
    #[prost(bytes = "vec", tag = "1")]
    name: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<RawPair>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawWrite {
    #[prost(message, repeated, tag = "1")]
    series: Vec<RawSeries>,
}

#[tokio::test]
async fn a_pushed_series_with_wrong_labels_is_refused_alone() {
    let embedded = embedded().await;
    let series = |labels: &[(&[u8], &[u8])]| RawSeries {
        labels: labels
            .iter()
            .map(|(name, value)| RawPair {
                name: name.to_vec(),
                value: value.to_vec(),
            })
            .collect(),
        samples: vec![Sample {
            value: 1.0,
            timestamp: now_ms(),
        }],
    };
    for (wrong, said) in [
        (&[(&b"a"[..], &b"1"[..]), (b"a", b"2")][..], "given twice"),
        (&[(b"a", b"1"), (b"a", b"1")], "given twice"),
        (&[(b"__name__", b"other")], "given twice"),
        (&[(b"", b"1")], "without a name"),
        (&[(b"a", b"\xff")], "not UTF-8"),
        (&[(b"\xff", b"1")], "not UTF-8"),
    ] {
        let mut labels = vec![(&b"__name__"[..], &b"wrong"[..])];
        labels.extend_from_slice(wrong);
        let write = RawWrite {
            series: vec![
                series(&[(b"__name__", b"before")]),
                series(&labels),
                series(&[(b"__name__", b"after")]),
            ],
        };
        let raw = prost::Message::encode_to_vec(&write);
        let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
        let (status, text) = embedded
            .http
            .post_raw("/api/v1/write", "application/x-protobuf", body)
            .await;
        let text = String::from_utf8_lossy(&text);
        assert!(status == 400 && text.contains(said), "{status} {text}");
    }
    for (name, there) in [("before", 1), ("wrong", 0), ("other", 0), ("after", 1)] {
        assert_eq!(embedded.vector(name).await.len(), there, "{name}");
    }
}

#[tokio::test]
async fn remote_write_stores_and_refuses_garbage() {
    let embedded = embedded().await;
    let now = now_ms();
    let message = |timestamp: i64| {
        let pair = |name: &str, value: &str| Pair {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let series = Series {
            labels: vec![pair("job", "x"), pair("__name__", "pushed")],
            samples: vec![Sample {
                value: 2.5,
                timestamp,
            }],
            histograms: Vec::new(),
        };
        let raw = prost::Message::encode_to_vec(&Write {
            series: vec![series],
        });
        snap::raw::Encoder::new().compress_vec(&raw).unwrap()
    };
    let kind = "application/x-protobuf";
    assert_eq!(
        embedded
            .http
            .post_raw("/api/v1/write", kind, message(now))
            .await
            .0,
        204
    );
    assert_eq!(
        embedded.vector("pushed").await,
        [("{\"__name__\":\"pushed\"}".to_owned(), 2.5)]
    );
    let (status, text) = embedded
        .http
        .post_raw("/api/v1/write", kind, message(now - 1))
        .await;
    assert_eq!(status, 400);
    assert!(String::from_utf8_lossy(&text).contains("out of order"));
    let broken = snap::raw::Encoder::new().compress_vec(&[0xff; 50]).unwrap();
    for (body, wanted) in [
        (b"no snappy".to_vec(), 400),
        (broken, 400),
        (vec![0; 5 << 20], 413),
        (vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00], 413),
    ] {
        assert_eq!(
            embedded
                .http
                .post_raw("/api/v1/write", kind, body)
                .await
                .0
                .as_u16(),
            wanted
        );
    }
}

#[test]
fn the_shipped_configuration_is_valid_for_the_real_server() {
    let Some(promtool) = program("promtool", "PROMTOOL_BIN") else {
        return;
    };
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../etc/prometheus/prometheus.yml"
    );
    let output = Command::new(promtool)
        .args(["check", "config", file])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
