//! Log records over OTLP become the entries that Loki 3.7.6 made of them, by whichever way they come.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use lab_backends::logs::{Clock, Limits};
use lab_backends::otlp::Receivers;
use lab_backends::traces;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use serde_json::{Value, json};
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::support::logs::{Backend, NOW, SECOND};
use crate::support::otlp::{self, GZIP, JSON, PROTOBUF, at, attribute, text, zipped};

/// Requests in JSON, and what Loki made of them. In them, NOW is the time of the recording, and `@n@` stands for n
/// times the letter l.
const GOLDEN: &str = include_str!("../golden/otlp_logs.json");

/// A store with Loki's API and both OTLP ports.
struct Ports {
    loki: Backend,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Ports {
    async fn start(limits: Limits, receiving: traces::Limits) -> Self {
        let loki = Backend::start(limits).await;
        let receivers = Receivers::of_traces(Arc::new(traces::Store::new(receiving)))
            .and_logs(Arc::clone(&loki.store));
        let (http, grpc) = otlp::open(receivers).await;
        Self { loki, http, grpc }
    }

    async fn post(
        &self,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> http::Response<Bytes> {
        post(&self.loki, self.http, "/v1/logs", headers, body).await
    }

    async fn client(&self) -> LogsServiceClient<tonic::transport::Channel> {
        let endpoint = format!("http://{}", self.grpc);
        LogsServiceClient::connect(endpoint).await.unwrap()
    }

    /// All entries of one service, in the order of time.
    async fn entries(&self, service: &str) -> Vec<Value> {
        let query = format!("{{service_name=\"{service}\"}}");
        let streams = streams(&self.loki, &query, NOW).await;
        let entries = streams.into_iter().flat_map(|stream| {
            let entries = stream["entries"].as_array().unwrap().clone();
            entries.into_iter()
        });
        entries.collect()
    }
}

async fn post(
    backend: &Backend,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> http::Response<Bytes> {
    let mut request = http::Request::post(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Full::new(body.into());
    backend.send_raw(request.body(body).unwrap()).await
}

/// Everything that a query finds around a time, in the form of the recording.
async fn streams(backend: &Backend, query: &str, now: i64) -> Vec<Value> {
    let (start, end) = (now - 3600 * SECOND, now + 3600 * SECOND);
    let uri = format!(
        "http://{}/loki/api/v1/query_range?query={}&start={start}&end={end}&limit=1000&direction=forward",
        backend.address,
        percent(query),
    );
    let request = http::Request::get(uri)
        .header("x-loki-response-encoding-flags", "categorize-labels")
        .body(Full::default())
        .unwrap();
    let answer = backend.send(request).await.json();
    let entry = |value: &Value| {
        let time: i64 = value[0].as_str().unwrap().parse().unwrap();
        let metadata = value[2].get("structuredMetadata").cloned();
        json!([
            format!("{:+}", time - now),
            value[1],
            metadata.unwrap_or(json!({}))
        ])
    };
    let mut found: Vec<Value> = answer["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stream| {
            let values = stream["values"].as_array().unwrap();
            json!({
                "labels": stream["stream"],
                "entries": values.iter().map(entry).collect::<Vec<_>>(),
            })
        })
        .collect();
    found.sort_by_key(|stream| stream["labels"].to_string());
    found
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A recorded text with what stands for times and long texts put in.
fn filled(text: &str, now: i64) -> String {
    let mut parts = text.split('@');
    let mut long = parts.next().unwrap().to_owned();
    while let (Some(count), Some(rest)) = (parts.next(), parts.next()) {
        long.push_str(&"l".repeat(count.parse().unwrap()));
        long.push_str(rest);
    }
    at(&long, now)
}

/// The message of a `google.rpc.Status` that has nothing else.
fn status_message(body: &Bytes) -> String {
    #[derive(prost::Message)]
    struct Status {
        #[prost(string, tag = "2")]
        message: String,
    }
    Status::decode(body.clone()).unwrap().message
}

/// Requests that are read otherwise than Loki does: it ignores what follows the message.
const OTHERWISE: [&str; 1] = ["trailing"];

#[tokio::test]
async fn requests_are_taken_and_refused_as_loki_does() {
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let now = golden["now"].as_i64().unwrap();
    let requests = golden["requests"].as_array().unwrap();
    assert!(requests.len() > 90);
    let mut differences = Vec::new();
    for recorded in requests {
        let name = recorded["name"].as_str().unwrap();
        if OTHERWISE.contains(&name) {
            continue;
        }
        let backend = Backend::at(Limits::default(), Clock::from_fn(move || now)).await;
        let headers: Vec<(&str, &str)> = recorded["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
            .collect();
        let body = filled(recorded["body"].as_str().unwrap(), now);
        let answer = post(&backend, backend.address, "/otlp/v1/logs", &headers, body).await;
        let status = answer.status().as_u16();
        if recorded["status"] != status {
            let text = status_message(answer.body());
            differences.push(format!(
                "{name}: {} not {status} {text}",
                recorded["status"]
            ));
            continue;
        }
        let expected = filled(recorded["text"].as_str().unwrap(), now);
        let expected = expected.replace("only gzip, lz4 and zstd are", "only gzip is");
        if status != 204 {
            assert_eq!(answer.headers()["content-type"], "application/octet-stream");
            let text = status_message(answer.body());
            // The reason of a decoder is its own.
            if name != "not_gzip" && !text.starts_with(&expected) {
                differences.push(format!("{name}:\n    {expected}\n    {text}"));
            }
        }
        let expected = filled(&recorded["streams"].to_string(), now);
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let query = match name {
            "service_map" => "{service_name_a=\"x\"}",
            "service_empty_after" => "{container_name=\"c1\"}",
            _ => "{service_name=~\".+\"}",
        };
        let found = json!(streams(&backend, query, now).await);
        if expected != found {
            differences.push(format!("{name}:\n    {expected}\n    {found}"));
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

/// A line a second after the one before it.
fn record(number: i64) -> LogRecord {
    let time = u64::try_from(NOW - 60 * SECOND + number * SECOND).unwrap();
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time + 5,
        severity_number: 17,
        severity_text: "ERROR".to_owned(),
        body: Some(text(&format!("line {number}"))),
        attributes: vec![attribute("http.route", "/cart")],
        flags: 1,
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        ..LogRecord::default()
    }
}

fn request(records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", "shop"), attribute("os", "linux")],
                ..Resource::default()
            }),
            scope_logs: vec![ScopeLogs {
                log_records: records,
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

#[tokio::test]
async fn every_transport_and_encoding_makes_the_same_entries() {
    let ports = Ports::start(Limits::default(), traces::Limits::default()).await;
    let (mut sent, loki) = (0, ports.loki.address);
    let mut next = || {
        sent += 1;
        request(vec![record(sent - 1)])
    };
    for (headers, zips) in [
        (vec![PROTOBUF], false),
        (vec![PROTOBUF, GZIP], true),
        (vec![JSON], false),
        (vec![JSON, GZIP], true),
    ] {
        let body = |message: ExportLogsServiceRequest| {
            let plain = match headers[0] == JSON {
                true => serde_json::to_vec(&message).unwrap(),
                false => message.encode_to_vec(),
            };
            if zips { zipped(&plain) } else { plain }
        };
        let answer = ports.post(&headers, body(next())).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], headers[0].1);
        match headers[0] == JSON {
            true => assert_eq!(answer.body(), r#"{"partialSuccess":{}}"#),
            false => {
                let answer = ExportLogsServiceResponse::decode(answer.into_body()).unwrap();
                assert_eq!(
                    answer.partial_success.unwrap_or_default(),
                    Default::default()
                );
            }
        }
        let answer = post(&ports.loki, loki, "/otlp/v1/logs", &headers, body(next())).await;
        assert_eq!(answer.status(), 204);
    }
    let mut client = ports.client().await;
    let answer = client.export(next()).await.unwrap().into_inner();
    assert_eq!(
        answer.partial_success.unwrap_or_default(),
        Default::default()
    );
    let mut client = client.send_compressed(CompressionEncoding::Gzip);
    client.export(next()).await.unwrap();

    let entries = ports.entries("shop").await;
    assert_eq!(entries.len(), 10);
    for (entry, number) in entries.iter().zip(0..) {
        let time = NOW - 60 * SECOND + number * SECOND;
        let expected = json!([format!("{:+}", time - NOW), format!("line {number}"), {
            "detected_level": "error",
            "flags": "1",
            "http_route": "/cart",
            "observed_timestamp": (time + 5).to_string(),
            "os": "linux",
            "severity_number": "17",
            "severity_text": "ERROR",
            "span_id": "0102030405060708",
            "trace_id": "0102030405060708090a0b0c0d0e0f10",
        }]);
        assert_eq!(*entry, expected);
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_counted_and_named_and_the_rest_is_kept() {
    let ports = Ports::start(Limits::default(), traces::Limits::default()).await;
    let nameless = LogRecord {
        attributes: vec![attribute("", "x")],
        ..record(1)
    };
    let old = LogRecord {
        time_unix_nano: 1,
        ..record(2)
    };
    let records = vec![nameless.clone(), old.clone(), record(3)];
    let body = serde_json::to_vec(&request(records.clone())).unwrap();
    let answer = ports.post(&[JSON], body).await;
    assert_eq!(answer.status(), 200);
    let partial: Value = serde_json::from_slice(answer.body()).unwrap();
    let partial = &partial["partialSuccess"];
    assert_eq!(partial["rejectedLogRecords"], "2");
    let message = partial["errorMessage"].as_str().unwrap();
    assert!(message.contains("label name is empty"), "{message}");
    assert_eq!(ports.entries("shop").await.len(), 1);

    let mut client = ports.client().await;
    let answer = client.export(request(vec![old.clone(), record(4)])).await;
    let partial = answer.unwrap().into_inner().partial_success.unwrap();
    assert_eq!(partial.rejected_log_records, 1);
    assert!(partial.error_message.contains("has timestamp too old"));

    // With nothing to keep it is no success.
    let error = client
        .export(request(vec![old, nameless]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    let none = client.export(ExportLogsServiceRequest::default()).await;
    assert!(none.is_ok());
    let stats = ports.loki.store.stats();
    assert_eq!((stats.refused_labels, stats.refused_too_old), (2, 3));
    assert_eq!(ports.entries("shop").await.len(), 2);

    let short = LogRecord {
        trace_id: vec![1; 4],
        ..record(5)
    };
    let body = request(vec![short, record(6)]).encode_to_vec();
    assert_eq!(ports.post(&[PROTOBUF], body).await.status(), 400);
    assert_eq!(ports.loki.store.stats().refused_requests, 1);
}

#[tokio::test]
async fn the_ingest_rate_refuses_a_whole_request_and_says_when_to_come_again() {
    let limits = Limits {
        ingest_bytes_per_second: 1000,
        ingest_burst_bytes: 2000,
        ..Limits::default()
    };
    let ports = Ports::start(limits, traces::Limits::default()).await;
    let many = |from: i64| request((from..from + 10).map(record).collect());
    let mut client = ports.client().await;
    client.export(many(0)).await.unwrap();
    let error = client.export(many(10)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    let retry = b"google.rpc.RetryInfo";
    assert!(error.details().windows(retry.len()).any(|it| it == retry));
    let answer = ports.post(&[PROTOBUF], many(10).encode_to_vec()).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    let headers = [PROTOBUF];
    let loki = ports.loki.address;
    let body = many(10).encode_to_vec();
    let answer = post(&ports.loki, loki, "/otlp/v1/logs", &headers, body).await;
    assert_eq!(answer.status(), 429);
    assert_eq!(ports.loki.store.stats().refused_rate, 30);
    assert_eq!(ports.entries("shop").await.len(), 10);
}

#[tokio::test]
async fn records_that_would_take_too_much_memory_are_refused_before_they_are_built() {
    let receiving = traces::Limits {
        max_decoded_bytes: 8 << 20,
        ..traces::Limits::default()
    };
    let ports = Ports::start(Limits::default(), receiving).await;
    // A hundred thousand empty records are 200 kB of protobuf.
    let empty = request(vec![LogRecord::default(); 100_000]);
    let body = empty.encode_to_vec();
    assert!(body.len() < 300_000);
    let answer = ports.post(&[PROTOBUF], body).await;
    assert_eq!(answer.status(), 413);
    let message = String::from_utf8_lossy(answer.body()).into_owned();
    assert!(
        message.contains("send fewer log records at once"),
        "{message}"
    );
    let json = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}{{}}]}}]}}]}}"#,
        "{},".repeat(100_000)
    );
    assert_eq!(ports.post(&[JSON], json).await.status(), 413);
    let error = ports.client().await.export(empty).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted);
    assert_eq!(ports.loki.store.stats().refused_requests, 3);
    assert_eq!(ports.loki.store.stats().entries, 0);
}

#[tokio::test]
async fn records_that_share_many_attributes_are_stored_a_portion_at_a_time() {
    let ports = Ports::start(Limits::default(), traces::Limits::default()).await;
    let mut shared = request((0..1000).map(|it| record(it % 50)).collect());
    for (number, record) in shared.resource_logs[0].scope_logs[0]
        .log_records
        .iter_mut()
        .enumerate()
    {
        record.body = Some(text(&format!("line {number}")));
    }
    let resource = shared.resource_logs[0].resource.as_mut().unwrap();
    let long = "x".repeat(300);
    resource
        .attributes
        .extend((0..100).map(|number| attribute(&format!("a{number}"), &long)));
    let mut client = ports.client().await;
    let answer = client.export(shared).await.unwrap().into_inner();
    assert_eq!(
        answer.partial_success.unwrap_or_default(),
        Default::default()
    );
    assert_eq!(ports.loki.store.stats().entries, 1000);
}
