//! Data points over OTLP become the series that Prometheus 3.14 made of them, by whichever way they come.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use lab_backends::metrics::Limits;
use lab_backends::otlp::Receivers;
use lab_backends::traces;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::support::metrics::{Embedded, Http, now_ms};
use crate::support::otlp::{self, GZIP, JSON, PROTOBUF, at, attribute, zipped};

/// Requests in JSON, and what Prometheus made of them. In them, NOW is the time of the recording, and CASE a name of
/// each request's own.
const GOLDEN: &str = include_str!("../golden/otlp_metrics.json");

const OWN_PATH: &str = "/api/v1/otlp/v1/metrics";

/// A request that is kept otherwise: Prometheus stores an exemplar without a time in 1970, where nobody finds it;
/// here it has the time of its data point.
const OTHERWISE: [&str; 1] = ["exemplar_no_time"];

/// A recorded text at a time in seconds.
fn filled(text: &str, now: i64) -> String {
    at(&text.replace("CASE", "case1x"), now * 1_000_000_000)
}

fn sorted(mut list: Vec<Value>) -> Value {
    list.sort_by_key(|item| item[0].to_string());
    json!(list)
}

/// All series around a time in seconds that have samples of a kind, `values` or `histograms`, in the form of the
/// recording.
async fn series(http: &Http, now: i64, kind: &str) -> Value {
    let time = (now + 900).to_string();
    let params = [("query", "{__name__=~\".+\"}[30m]"), ("time", &time)];
    let (_, answer) = http.get("/api/v1/query", &params).await;
    let sample = |point: &Value| {
        let offset = point[0].as_f64().unwrap() * 1000.0 - now as f64 * 1000.0;
        json!([format!("{:+}", offset.round() as i64), point[1]])
    };
    let found = answer["data"]["result"].as_array().unwrap().iter();
    let found = found.filter(|one| one[kind].is_array());
    sorted(
        found
            .map(|one| {
                let samples = one[kind].as_array().unwrap().iter().map(sample);
                json!([one["metric"], samples.collect::<Vec<_>>()])
            })
            .collect(),
    )
}

/// All exemplars around a time in seconds.
async fn exemplars(http: &Http, now: i64) -> Value {
    let (start, end) = ((now - 1000).to_string(), (now + 1000).to_string());
    let params = [
        ("query", "{__name__=~\".+\"}"),
        ("start", &start),
        ("end", &end),
    ];
    let (_, answer) = http.get("/api/v1/query_exemplars", &params).await;
    let exemplar = |one: &Value| {
        let offset = one["timestamp"].as_f64().unwrap() * 1000.0 - now as f64 * 1000.0;
        json!([
            one["labels"],
            one["value"],
            format!("{:+}", offset.round() as i64)
        ])
    };
    let found = answer["data"].as_array().unwrap().iter();
    sorted(
        found
            .map(|one| {
                let exemplars = one["exemplars"].as_array().unwrap().iter().map(exemplar);
                json!([one["seriesLabels"], exemplars.collect::<Vec<_>>()])
            })
            .collect(),
    )
}

fn recent() -> i64 {
    now_ms() / 1000 - 400
}

#[tokio::test]
async fn requests_are_taken_and_refused_as_prometheus_does() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let requests = golden["requests"].as_array().unwrap();
    assert!(requests.len() > 80);
    let mut differences = Vec::new();
    for recorded in requests {
        let name = recorded["name"].as_str().unwrap();
        let embedded = Embedded::empty().await;
        let now = recent();
        let headers: Vec<(&str, &str)> = recorded["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let mut answer = (StatusCode::OK, String::new());
        for body in recorded["bodies"].as_array().unwrap() {
            let body = filled(body.as_str().unwrap(), now);
            let (status, _, body) = embedded
                .http
                .post_with(OWN_PATH, &headers, body.into())
                .await;
            answer = (status, String::from_utf8_lossy(&body).into_owned());
        }
        let text = filled(recorded["text"].as_str().unwrap(), now);
        // Texts of decoders are their own.
        let same_text = name == "not_gzip" || answer.1.starts_with(&text);
        if recorded["status"] != answer.0.as_u16() || !same_text {
            let status = &recorded["status"];
            differences.push(format!("{name}: {status} {text}\n    {answer:?}"));
        }
        let expected = |field: &str| {
            let text = recorded[field].to_string().replace("CASE", "case1x");
            let list: Vec<Value> = serde_json::from_str(&text).unwrap();
            sorted(list)
        };
        for (field, kind) in [("series", "values"), ("native", "histograms")] {
            let found = series(&embedded.http, now, kind).await;
            if expected(field) != found {
                differences.push(format!("{name}:\n    {}\n    {found}", expected(field)));
            }
        }
        let found = exemplars(&embedded.http, now).await;
        if expected("exemplars") != found && !OTHERWISE.contains(&name) {
            differences.push(format!(
                "{name}:\n    {}\n    {found}",
                expected("exemplars")
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        requests.len(),
        differences.join("\n")
    );
}

/// A store with Prometheus' API and both OTLP ports.
struct Ports {
    prometheus: Embedded,
    http: Http,
    grpc: String,
}

impl Ports {
    async fn start(limits: Limits, receiving: traces::Limits) -> Self {
        let prometheus = Embedded::start("scrape_configs: []", limits).await;
        let receivers = Receivers::of_traces(Arc::new(traces::Store::new(receiving)))
            .and_metrics(Arc::clone(&prometheus.store));
        let (http, grpc) = otlp::open(receivers).await;
        Self {
            prometheus,
            http: Http::new(format!("http://{http}")),
            grpc: format!("http://{grpc}"),
        }
    }

    async fn post(
        &self,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> (StatusCode, HeaderMap, Vec<u8>) {
        self.http.post_with("/v1/metrics", headers, body).await
    }

    async fn client(&self) -> MetricsServiceClient<tonic::transport::Channel> {
        MetricsServiceClient::connect(self.grpc.clone())
            .await
            .unwrap()
    }

    /// Values of a counter by its label `way`.
    async fn count(&self) -> usize {
        self.prometheus.vector("cart_items_total").await.len()
    }
}

fn sum(name: &str, temporality: i32, attributes: Vec<KeyValue>) -> Metric {
    Metric {
        name: name.to_owned(),
        data: Some(Data::Sum(Sum {
            data_points: vec![NumberDataPoint {
                time_unix_nano: u64::try_from(now_ms() * 1_000_000).unwrap(),
                value: Some(Number::AsInt(3)),
                attributes,
                ..NumberDataPoint::default()
            }],
            aggregation_temporality: temporality,
            is_monotonic: true,
        })),
        ..Metric::default()
    }
}

fn counter(way: &str) -> Metric {
    sum("cart.items", 2, vec![attribute("way", way)])
}

fn request(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", "cart")],
                ..Resource::default()
            }),
            scope_metrics: vec![ScopeMetrics {
                metrics,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

#[tokio::test]
async fn every_transport_and_encoding_makes_the_same_series() {
    let ports = Ports::start(Limits::default(), traces::Limits::default()).await;
    for (number, (headers, zips)) in [
        (vec![PROTOBUF], false),
        (vec![PROTOBUF, GZIP], true),
        (vec![JSON], false),
        (vec![JSON, GZIP], true),
    ]
    .into_iter()
    .enumerate()
    {
        let body = |way: &str| {
            let message = request(vec![counter(&format!("{way} {number}"))]);
            let plain = match headers[0] == JSON {
                true => serde_json::to_vec(&message).unwrap(),
                false => message.encode_to_vec(),
            };
            if zips { zipped(&plain) } else { plain }
        };
        let (status, answered, answer) = ports.post(&headers, body("port")).await;
        assert_eq!(status, 200);
        assert_eq!(answered["content-type"], headers[0].1);
        match headers[0] == JSON {
            true => assert_eq!(answer, br#"{"partialSuccess":{}}"#),
            false => {
                let answer = ExportMetricsServiceResponse::decode(answer.as_slice()).unwrap();
                assert_eq!(
                    answer.partial_success.unwrap_or_default(),
                    Default::default()
                );
            }
        }
        let http = &ports.prometheus.http;
        let (status, _, answer) = http.post_with(OWN_PATH, &headers, body("own")).await;
        assert_eq!((status, answer.as_slice()), (StatusCode::OK, &b""[..]));
    }
    let mut client = ports.client().await;
    let answer = client.export(request(vec![counter("grpc")])).await.unwrap();
    let partial = answer.into_inner().partial_success;
    assert_eq!(partial.unwrap_or_default(), Default::default());
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    client
        .export(request(vec![counter("grpc gzip")]))
        .await
        .unwrap();
    assert_eq!(ports.count().await, 10);
    let jobs = ports
        .prometheus
        .vector("count by (way) (cart_items_total{job=\"cart\"} == 3)");
    assert_eq!(jobs.await.len(), 10);
}

#[tokio::test]
async fn what_cannot_be_kept_is_counted_and_named_and_the_rest_is_kept() {
    let ports = Ports::start(Limits::default(), traces::Limits::default()).await;
    let too_coarse = ExponentialHistogramDataPoint {
        scale: -5,
        ..ExponentialHistogramDataPoint::default()
    };
    let exponential = Metric {
        name: "latency".to_owned(),
        unit: "s".to_owned(),
        data: Some(Data::ExponentialHistogram(ExponentialHistogram {
            data_points: vec![too_coarse; 2],
            aggregation_temporality: 2,
        })),
        ..Metric::default()
    };
    let delta = sum("since.last", 1, Vec::new());
    let nameless = sum("odd", 2, vec![attribute("", "x")]);
    let metrics = vec![exponential.clone(), delta.clone(), nameless, counter("a")];
    let body = serde_json::to_vec(&request(metrics)).unwrap();
    let (status, _, answer) = ports.post(&[JSON], body).await;
    assert_eq!(status, 200);
    let partial: Value = serde_json::from_slice(&answer).unwrap();
    let partial = &partial["partialSuccess"];
    assert_eq!(partial["rejectedDataPoints"], "4");
    let message = partial["errorMessage"].as_str().unwrap();
    for part in [
        "cannot convert exponential to native histogram. Scale must be >= -4, was -5",
        "invalid temporality and type combination for metric \"since.last\"",
        "label name is empty",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(ports.count().await, 1);

    // With nothing to keep it is no success.
    let mut client = ports.client().await;
    let error = client
        .export(request(vec![exponential, delta]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let none = client.export(ExportMetricsServiceRequest::default()).await;
    assert!(none.is_ok());

    // A full store keeps what it has.
    let limits = Limits {
        max_series: 1,
        ..Limits::default()
    };
    let ports = Ports::start(limits, traces::Limits::default()).await;
    let mut client = ports.client().await;
    let both = request(vec![counter("a"), counter("b")]);
    let partial = client
        .export(both)
        .await
        .unwrap()
        .into_inner()
        .partial_success
        .unwrap();
    assert_eq!(partial.rejected_data_points, 1);
    assert!(partial.error_message.contains("series limit exceeded"));
    let error = client
        .export(request(vec![counter("c")]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn the_ingest_rate_refuses_a_whole_request_and_says_when_to_come_again() {
    let limits = Limits {
        ingest_bytes_per_second: 100,
        ingest_burst_bytes: 150,
        ..Limits::default()
    };
    let ports = Ports::start(limits, traces::Limits::default()).await;
    let body = |way: &str| request(vec![counter(way)]).encode_to_vec();
    assert_eq!(ports.post(&[PROTOBUF], body("a")).await.0, 200);
    let (status, headers, _) = ports.post(&[PROTOBUF], body("b")).await;
    assert_eq!(status, 429);
    assert!(headers.contains_key("retry-after"));
    let http = &ports.prometheus.http;
    let (status, ..) = http.post_with(OWN_PATH, &[PROTOBUF], body("b")).await;
    assert_eq!(status, 429);
    assert_eq!(ports.prometheus.store.stats().refused_rate, 2);
    assert_eq!(ports.count().await, 1);
}

#[tokio::test]
async fn data_points_that_would_take_too_much_memory_are_refused_before_they_are_built() {
    let receiving = traces::Limits {
        max_decoded_bytes: 8 << 20,
        ..traces::Limits::default()
    };
    let ports = Ports::start(Limits::default(), receiving).await;
    // A hundred thousand empty points are 200 kB of protobuf.
    let points = vec![NumberDataPoint::default(); 100_000];
    let mut metric = counter("a");
    metric.data = Some(Data::Sum(Sum {
        data_points: points,
        aggregation_temporality: 2,
        is_monotonic: true,
    }));
    let empty = request(vec![metric]);
    let (status, _, answer) = ports.post(&[PROTOBUF], empty.encode_to_vec()).await;
    assert_eq!(status, 413);
    let message = String::from_utf8_lossy(&answer).into_owned();
    assert!(
        message.contains("send fewer data points at once"),
        "{message}"
    );
    let error = ports.client().await.export(empty).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(ports.prometheus.store.stats().refused_requests, 2);
    assert_eq!(ports.prometheus.store.stats().series, 0);
}
