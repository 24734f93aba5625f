//! Native histograms: queries over them, and pages that bring them, as Prometheus 3.14 has them.

use std::time::Duration;

use lab_backends::metrics::{Limits, QueryLimits};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::metrics::{Embedded, Page, fixture, now_ms};
use crate::support::replay::{replay, unhex};
use crate::support::write::{Pair, Series, Write};

/// A remote write of series with histograms of every kind, and what Prometheus answered to queries over them.
const QUERIES: &str = include_str!("../golden/native_histograms.json");

/// A page in protobuf, and what Prometheus made of it with each setting.
const PAGE: &str = include_str!("../golden/protobuf_scrape.json");

#[tokio::test(flavor = "multi_thread")]
async fn queries_over_histograms_have_the_answers_and_notes_that_prometheus_gave() {
    let golden: Value = serde_json::from_str(QUERIES).unwrap();
    let replayed = replay(golden["cmds"].as_array().unwrap()).await;
    assert!(replayed.len() > 700);
    let wrong: Vec<String> = replayed
        .iter()
        .filter_map(|one| {
            let text = one.difference.as_ref()?;
            Some(format!(
                "{} at {}: {text}",
                one.query["query"], one.query["time"]
            ))
        })
        .collect();
    let (count, all) = (wrong.len(), replayed.len());
    assert!(
        wrong.is_empty(),
        "{count} of {all} differ:\n{}",
        wrong.join("\n")
    );
}

const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

async fn protobuf(page: Vec<u8>) -> String {
    fixture(move |_| Page {
        status: 200,
        content_type: PROTOBUF,
        body: page.clone(),
        delay: Duration::ZERO,
    })
    .await
}

/// A server with one job, which keeps exemplars whatever their age is.
async fn scraping(address: &str, settings: &str) -> Embedded {
    let yaml = format!(
        "scrape_configs:\n- job_name: page\n{settings}  static_configs: [{{targets: ['{address}']}}]\n"
    );
    let limits = Limits {
        max_age: Duration::from_secs(3_000_000_000),
        ..Limits::default()
    };
    Embedded::start(&yaml, limits).await
}

const ON: &str = "  scrape_native_histograms: true\n";
const ALWAYS: &str = "  scrape_native_histograms: true\n  always_scrape_classic_histograms: true\n";

/// Labels without those of the target.
fn own(labels: &Value) -> Value {
    let mut labels = labels.as_object().unwrap().clone();
    labels.remove("job");
    labels.remove("instance");
    Value::Object(labels)
}

fn sorted(mut list: Vec<Value>) -> Value {
    list.sort_by_key(|item| item[0].to_string());
    json!(list)
}

fn recorded(list: &Value) -> Value {
    sorted(list.as_array().unwrap().clone())
}

#[tokio::test]
async fn a_page_in_protobuf_is_read_as_by_prometheus() {
    let golden: Value = serde_json::from_str(PAGE).unwrap();
    let address = protobuf(unhex(golden["page"].as_str().unwrap())).await;
    for (job, settings) in [("on", ON), ("off", ""), ("always", ALWAYS)] {
        let embedded = scraping(&address, settings).await;
        embedded.scrape().await;
        assert_eq!(
            embedded.targets.targets()[0].last_scrape().error,
            "",
            "{job}"
        );
        let wanted = &golden["jobs"][job];
        let query = r#"{job="page",__name__!~"scrape_.*|up"}"#;
        let (_, answer) = embedded
            .http
            .get("/api/v1/query", &[("query", query)])
            .await;
        let found = answer["data"]["result"].as_array().unwrap().iter();
        let found = found.map(|one| {
            let histogram = &one["histogram"][1];
            let value = if histogram.is_null() {
                &one["value"][1]
            } else {
                histogram
            };
            json!([own(&one["metric"]), value])
        });
        assert_eq!(
            sorted(found.collect()),
            recorded(&wanted["series"]),
            "{job}"
        );
        let scraped = embedded.vector("scrape_samples_scraped").await;
        assert_eq!(scraped[0].1.to_string(), wanted["scraped"], "{job}");

        let params = [("query", query), ("start", "0"), ("end", "9000000000")];
        let (_, answer) = embedded.http.get("/api/v1/query_exemplars", &params).await;
        let found = answer["data"].as_array().unwrap().iter();
        let found = found.map(|one| {
            let exemplars = one["exemplars"].as_array().unwrap().iter();
            let exemplars: Vec<Value> = exemplars
                .map(|it| json!([it["labels"], it["value"]]))
                .collect();
            json!([own(&one["seriesLabels"]), exemplars])
        });
        assert_eq!(
            sorted(found.collect()),
            recorded(&wanted["exemplars"]),
            "{job}"
        );
        if job == "on" {
            let (_, answer) = embedded.http.get("/api/v1/targets/metadata", &[]).await;
            let found = answer["data"].as_array().unwrap().iter();
            let found = found.map(|it| json!([it["metric"], it["type"], it["help"], it["unit"]]));
            assert_eq!(sorted(found.collect()), recorded(&golden["metadata"]));
        }
    }
}

#[tokio::test]
async fn a_histogram_that_is_gone_from_its_page_ends() {
    let golden: Value = serde_json::from_str(PAGE).unwrap();
    let page = unhex(golden["page"].as_str().unwrap());
    let scrapes = std::sync::atomic::AtomicUsize::new(0);
    let address = fixture(move |_| Page {
        status: 200,
        content_type: PROTOBUF,
        body: match scrapes.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => page.clone(),
            _ => Vec::new(),
        },
        delay: Duration::ZERO,
    })
    .await;
    let embedded = scraping(&address, ON).await;
    embedded.scrape().await;
    let count = "count(both_seconds)";
    assert_eq!(embedded.vector(count).await[0].1, 2.0);
    embedded.scrape().await;
    assert_eq!(embedded.vector(count).await, []);
}

#[tokio::test]
async fn a_page_that_is_no_protobuf_is_refused_as_a_whole() {
    let golden: Value = serde_json::from_str(PAGE).unwrap();
    let page = unhex(golden["page"].as_str().unwrap());
    let half = page.len() / 2;
    // A counter named "a", and a histogram with a span of two buckets and one count.
    let few: &[u8] = b"\x0a\x0a\x01a\x18\x04\x22\x0b\x3a\x09\x62\x02\x10\x02\x6a\x01\x02\x08\x01";
    let mut few = few.to_vec();
    few[0] = few.len() as u8 - 1;
    for (body, named) in [
        (page[..half].to_vec(), "end of the body"),
        (vec![0x80; 12], "invalid"),
        (few, "spans need 2 buckets, have 1 buckets"),
    ] {
        let embedded = scraping(&protobuf(body).await, ON).await;
        embedded.scrape().await;
        let error = embedded.targets.targets()[0].last_scrape().error;
        assert!(error.contains(named), "{error}");
        assert_eq!(
            embedded
                .vector(r#"{job="page",__name__!~"scrape_.*|up"}"#)
                .await,
            []
        );
        assert_eq!(embedded.vector("up").await[0].1, 0.0);
    }
}

#[tokio::test]
async fn protobuf_is_asked_for_only_where_native_histograms_are_wanted() {
    for (settings, wanted) in [(ON, true), ("", false)] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap();
            let answer = b"HTTP/1.1 204 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            socket.write_all(answer).await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        scraping(&address, settings).await.scrape().await;
        let head = asked.await.unwrap();
        let first = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,";
        assert_eq!(head.contains(first), wanted, "{head}");
        assert!(head.contains("application/openmetrics-text;version=1.0.0"));
    }
}

/// One span of buckets from index zero.
#[derive(Clone, PartialEq, prost::Message)]
struct Native {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(message, repeated, tag = "11")]
    spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Span {
    #[prost(uint32, tag = "2")]
    length: u32,
}

impl Embedded {
    /// Pushes histograms with so many buckets of one observation each, a second apart until now.
    async fn push(&self, name: &str, histograms: u32, buckets: u32) -> (u16, String) {
        let now = now_ms();
        let native = |before: u32| {
            let mut deltas = vec![0; buckets as usize];
            deltas[0] = 1;
            let native = Native {
                count: buckets.into(),
                schema: 3,
                spans: vec![Span { length: buckets }],
                deltas,
                timestamp: now - i64::from(before) * 1000,
            };
            prost::Message::encode_to_vec(&native)
        };
        let label = Pair {
            name: "__name__".to_owned(),
            value: name.to_owned(),
        };
        let write = Write {
            series: vec![Series {
                labels: vec![label],
                histograms: (0..histograms).rev().map(native).collect(),
                ..Series::default()
            }],
        };
        let raw = prost::Message::encode_to_vec(&write);
        let body = snap::raw::Encoder::new().compress_vec(&raw).unwrap();
        let kind = "application/x-protobuf";
        let (status, text) = self.http.post_raw("/api/v1/write", kind, body).await;
        (status.as_u16(), String::from_utf8_lossy(&text).into_owned())
    }
}

#[tokio::test]
async fn a_histogram_is_listed_as_a_series_and_federate_leaves_it_out() {
    let embedded = Embedded::empty().await;
    assert_eq!(embedded.push("native", 2, 3).await.0, 204);
    let (_, answer) = embedded
        .http
        .get("/api/v1/series", &[("match[]", "native")])
        .await;
    assert_eq!(answer["data"], json!([{"__name__": "native"}]));
    let path = "/federate?match[]=native";
    let (status, page) = embedded.http.try_get(path).await.unwrap();
    assert_eq!((status.as_u16(), page.len()), (200, 0));
}

#[tokio::test]
async fn a_histogram_of_too_many_buckets_is_refused_by_their_number() {
    let embedded = Embedded::empty().await;
    assert_eq!(embedded.push("wide", 1, 10_000).await.0, 204);
    let (status, text) = embedded.push("wider", 1, 10_001).await;
    assert_eq!(status, 400);
    assert!(text.contains("10001 buckets are more than 10000"), "{text}");
    let kept = embedded
        .http
        .get("/api/v1/query", &[("query", "count(wider)")])
        .await;
    assert_eq!(kept.1["data"]["result"], json!([]));
}

#[tokio::test]
async fn a_query_unpacks_no_more_histograms_than_its_memory_allows() {
    let queries = QueryLimits {
        max_points: 200_000,
        ..QueryLimits::default()
    };
    let yaml = "scrape_configs: []";
    let embedded = Embedded::start_with(yaml, Limits::default(), queries).await;
    // In the store a bucket that does not grow takes a byte, in a query sixteen.
    assert_eq!(embedded.push("wide", 100, 2_000).await.0, 204);
    for (query, status) in [
        ("wide", 200),
        ("histogram_count(rate(wide[20s]))", 200),
        ("wide[5m]", 422),
        ("rate(wide[5m])", 422),
        ("sum_over_time(wide[5m])", 422),
    ] {
        let (answered, answer) = embedded
            .http
            .get("/api/v1/query", &[("query", query)])
            .await;
        assert_eq!(answered.as_u16(), status, "{query}: {answer:.300}");
    }
    assert!(embedded.store.stats().bytes < 1 << 20);
}
