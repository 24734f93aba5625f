//! What comes in over OTLP is kept whole or refused clearly.

use std::io::{Read, Write};

use crate::support::spans::{PROTOBUF, request, span, spans_of, text};
use crate::support::traces::{Backend, send};
use flate2::Compression;
use flate2::write::GzEncoder;
use lab_backends::traces::Limits;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, Status, TracesData, span};
use prost::Message;
use tonic::Code;
use tonic::codec::CompressionEncoding;

const JSON: (&str, &str) = ("content-type", "application/json");

async fn client(backend: &Backend) -> TraceServiceClient<tonic::transport::Channel> {
    let endpoint = format!("http://{}", backend.otlp_grpc);
    TraceServiceClient::connect(endpoint).await.unwrap()
}

/// A span with everything that a span can have.
fn full_span() -> Span {
    let array = AnyValue {
        value: Some(any_value::Value::ArrayValue(ArrayValue {
            values: vec![AnyValue {
                value: Some(any_value::Value::IntValue(-7)),
            }],
        })),
    };
    let bytes = AnyValue {
        value: Some(any_value::Value::BytesValue(vec![0, 159, 146])),
    };
    let keyed = |key: &str, value: AnyValue| KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    };
    Span {
        trace_state: "vendor=1".to_owned(),
        parent_span_id: 77u64.to_be_bytes().to_vec(),
        flags: 0x101,
        attributes: vec![text("a", "b"), keyed("list", array), keyed("raw", bytes)],
        dropped_attributes_count: 1,
        events: vec![span::Event {
            time_unix_nano: 5,
            name: "exception".to_owned(),
            attributes: vec![text("exception.type", "E")],
            dropped_attributes_count: 2,
        }],
        dropped_events_count: 3,
        links: vec![span::Link {
            trace_id: 9u128.to_be_bytes().to_vec(),
            span_id: 8u64.to_be_bytes().to_vec(),
            trace_state: "x=y".to_owned(),
            attributes: vec![text("why", "retry")],
            dropped_attributes_count: 4,
            flags: 1,
        }],
        dropped_links_count: 5,
        status: Some(Status {
            message: "failed".to_owned(),
            code: 2,
        }),
        ..span(0xf0_11, 12)
    }
}

#[tokio::test]
async fn a_span_sent_over_grpc_comes_back_with_all_its_fields() {
    let backend = Backend::start(Limits::default()).await;
    let sent = request(vec![full_span()]);
    let mut client = client(&backend)
        .await
        .send_compressed(CompressionEncoding::Gzip);
    let answer = client.export(sent.clone()).await.unwrap().into_inner();
    assert_eq!(answer.partial_success.unwrap_or_default().rejected_spans, 0);

    for version in ["", "v2/"] {
        let uri = format!("http://{}/api/{version}traces/f011", backend.api);
        let get = http::Request::get(uri).header("accept", "application/protobuf");
        let mut body = send(get.body(http_body_util::Full::default()).unwrap())
            .await
            .body;
        if version == "v2/" {
            // Field 1, a message: the trace itself.
            assert_eq!(body[0], 0x0a);
            let _ = body.split_to(1);
            let length = prost::decode_length_delimiter(&mut body).unwrap();
            assert_eq!(body.len(), length);
        }
        let found = TracesData::decode(body).unwrap();
        assert_eq!(found.resource_spans, sent.resource_spans);
    }
}

#[tokio::test]
async fn a_large_trace_is_read_whole_as_json_and_as_protobuf() {
    let backend = Backend::start(Limits::default()).await;
    let mut wide = full_span();
    wide.attributes = (0..20_000)
        .map(|n| text(&format!("key-{n}"), "\"x\"\n"))
        .collect();
    let others = (100..2_098).map(|id| span(0xf0_11, id));
    let sent = request([wide].into_iter().chain(others).collect());
    backend.post(&[PROTOBUF], sent.encode_to_vec()).await;

    let stored = spans_of(&backend, 0xf0_11).await;
    assert_eq!(stored.len(), 1_999);
    for (path, list) in [
        ("/api/traces/f011", "/batches/0/scopeSpans/0/spans"),
        (
            "/api/v2/traces/f011",
            "/trace/resourceSpans/0/scopeSpans/0/spans",
        ),
    ] {
        let answer = backend.json(path, &[]).await;
        let spans = answer.pointer(list).unwrap().as_array().unwrap();
        assert_eq!(spans.len(), 1_999, "{path}");
        let wide = spans
            .iter()
            .find(|span| span["traceState"] == "vendor=1")
            .unwrap();
        let attributes = wide["attributes"].as_array().unwrap();
        assert_eq!(attributes.len(), 20_000, "{path}");
        let last = serde_json::json!({ "key": "key-19999", "value": { "stringValue": "\"x\"\n" } });
        assert_eq!(attributes[19_999], last);
    }
}

#[tokio::test]
async fn both_http_encodings_are_taken_plain_and_gzipped_and_answered_alike() {
    let backend = Backend::start(Limits::default()).await;
    let zip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let gzip = ("content-encoding", "gzip");
    let cases = [
        (PROTOBUF, false),
        (PROTOBUF, true),
        (JSON, false),
        (JSON, true),
    ];
    for (id, (encoding, zipped)) in (1..).zip(cases) {
        let message = request(vec![span(500, id)]);
        let body = match encoding {
            JSON => serde_json::to_vec(&message).unwrap(),
            _ => message.encode_to_vec(),
        };
        let answer = if zipped {
            backend.post(&[encoding, gzip], zip(&body)).await
        } else {
            backend.post(&[encoding], body).await
        };
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.content_type(), Some(encoding.1));
        if encoding == JSON {
            assert_eq!(answer.text(), r#"{"partialSuccess":{}}"#);
        } else {
            ExportTraceServiceResponse::decode(answer.body).unwrap();
        }
    }
    assert_eq!(spans_of(&backend, 500).await.len(), 4);
}

#[tokio::test]
async fn other_signals_and_methods_are_refused() {
    let backend = Backend::start(Limits::default()).await;
    for path in ["/v1/metrics", "/v1/logs"] {
        let uri = format!("http://{}{path}", backend.otlp_http);
        let post = http::Request::post(uri).header("content-type", "application/json");
        let answer = send(post.body("{}".into()).unwrap()).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    let uri = format!("http://{}/v1/traces", backend.otlp_http);
    let get = http::Request::get(uri).body(http_body_util::Full::default());
    assert_eq!(send(get.unwrap()).await.status, 405);

    let endpoint = format!("http://{}", backend.otlp_grpc);
    let channel = tonic::transport::Channel::from_shared(endpoint).unwrap();
    let mut grpc = tonic::client::Grpc::new(channel.connect().await.unwrap());
    grpc.ready().await.unwrap();
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let answer: Result<tonic::Response<ExportTraceServiceResponse>, _> = grpc
        .unary(
            tonic::Request::new(ExportTraceServiceRequest::default()),
            http::uri::PathAndQuery::from_static(path),
            tonic_codec(),
        )
        .await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
}

/// The codec that generated clients use.
fn tonic_codec()
-> impl tonic::codec::Codec<Encode = ExportTraceServiceRequest, Decode = ExportTraceServiceResponse>
{
    Prost
}

#[derive(Clone, Copy, Default)]
struct Prost;

impl tonic::codec::Codec for Prost {
    type Encode = ExportTraceServiceRequest;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl tonic::codec::Encoder for Prost {
    type Item = ExportTraceServiceRequest;
    type Error = tonic::Status;

    fn encode(
        &mut self,
        item: Self::Item,
        to: &mut tonic::codec::EncodeBuf<'_>,
    ) -> Result<(), tonic::Status> {
        item.encode(to)
            .map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

impl tonic::codec::Decoder for Prost {
    type Item = ExportTraceServiceResponse;
    type Error = tonic::Status;

    fn decode(
        &mut self,
        from: &mut tonic::codec::DecodeBuf<'_>,
    ) -> Result<Option<Self::Item>, tonic::Status> {
        Self::Item::decode(from)
            .map(Some)
            .map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

#[tokio::test]
async fn garbage_is_refused_and_counted_and_the_backend_lives_on() {
    let backend = Backend::start(Limits::default()).await;
    // Nested beyond what a decoder should follow: field 5 of an AnyValue within itself.
    let mut nested = vec![];
    for _ in 0..5_000 {
        let mut outer = vec![0x0a];
        prost::encode_length_delimiter(nested.len(), &mut outer).unwrap();
        outer.extend(&nested);
        nested = vec![0x2a];
        prost::encode_length_delimiter(outer.len(), &mut nested).unwrap();
        nested.extend(outer);
    }
    let mut deep = request(vec![span(1, 1)]).encode_to_vec();
    for tag in [[0x12u8], [0x0a], [0x0a], [0x0a]] {
        let mut outer = tag.to_vec();
        prost::encode_length_delimiter(nested.len(), &mut outer).unwrap();
        outer.extend(&nested);
        nested = outer;
    }
    deep.extend(nested);
    let deep_json = format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{}{}}}]}}}}]}}"#,
        r#"{"arrayValue":{"values":["#.repeat(5_000),
        "]}}".repeat(5_000),
    );
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (PROTOBUF.1, b"garbage".to_vec()),
        (PROTOBUF.1, vec![0xff; 10_000]),
        (
            PROTOBUF.1,
            request(vec![full_span()]).encode_to_vec()[..100].to_vec(),
        ),
        (PROTOBUF.1, deep),
        (JSON.1, b"[]".to_vec()),
        (JSON.1, br#"{"resourceSpans": 5}"#.to_vec()),
        (
            JSON.1,
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}"#.to_vec(),
        ),
        (JSON.1, deep_json.into_bytes()),
    ];
    let count = cases.len() as u64;
    for (content_type, body) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let answer = backend.post(&[("content-type", content_type)], body).await;
        assert_eq!(answer.status, 400, "{shown}");
        assert_eq!(answer.content_type(), Some(content_type), "{shown}");
    }
    let gzip = ("content-encoding", "gzip");
    let answer = backend.post(&[PROTOBUF, gzip], &b"not gzip"[..]).await;
    assert_eq!(answer.status, 400);
    let brotli = ("content-encoding", "br");
    let answer = backend.post(&[PROTOBUF, brotli], &b""[..]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(backend.store.stats().requests_refused_malformed, count + 2);
    assert_eq!(backend.store.stats().spans, 0);
    backend
        .post(&[PROTOBUF], request(vec![span(1, 1)]).encode_to_vec())
        .await;
    assert_eq!(spans_of(&backend, 1).await.len(), 1);
}

#[tokio::test]
async fn a_hundred_megabytes_are_refused_without_being_read() {
    let backend = Backend::start(Limits::default()).await;
    let address = backend.otlp_http;
    // Announced: refused before a byte of the body has been sent.
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /v1/traces HTTP/1.1\r\nHost: lab\r\nContent-Type: application/x-protobuf\r\n\
             Content-Length: {}\r\n\r\n",
            100 << 20
        )
        .unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        String::from_utf8_lossy(&head).into_owned()
    });
    assert_eq!(answer.await.unwrap(), "HTTP/1.1 413");

    // A small body that unpacks to a hundred megabytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let zeros = vec![0; 1 << 20];
    (0..100).for_each(|_| encoder.write_all(&zeros).unwrap());
    let gzip = ("content-encoding", "gzip");
    let answer = backend
        .post(&[PROTOBUF, gzip], encoder.finish().unwrap())
        .await;
    assert_eq!(answer.status, 413);
    assert_eq!(backend.store.stats().requests_refused_too_large, 2);

    // Over gRPC the limit is the collector's 4 MiB.
    let mut large = span(1, 1);
    large.attributes = vec![text("a", "x".repeat(5 << 20))];
    let error = client(&backend).await.export(request(vec![large])).await;
    assert_eq!(error.unwrap_err().code(), Code::OutOfRange);
    assert_eq!(backend.store.stats().spans, 0);
}

#[tokio::test]
async fn of_a_flood_exactly_what_was_accepted_is_found() {
    let limits = Limits {
        ingest_bytes_per_second: 20_000,
        ingest_burst_bytes: 20_000,
        ..Limits::default()
    };
    let backend = Backend::start(limits).await;
    let mut grpc = client(&backend).await;
    let mut accepted = Vec::new();
    let (mut refused_grpc, mut refused_http) = (0, 0);
    for trace in 1..=200u128 {
        let message = request((1..=10).map(|id| span(trace, id)).collect());
        let ok = if trace % 2 == 0 {
            let answer = backend.post(&[PROTOBUF], message.encode_to_vec()).await;
            if answer.status == 429 {
                refused_http += 1;
                let wait: u64 = answer.headers["retry-after"]
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                assert!(wait >= 1);
            } else {
                assert_eq!(answer.status, 200);
            }
            answer.status == 200
        } else {
            match grpc.export(message).await {
                Ok(_) => true,
                Err(status) => {
                    refused_grpc += 1;
                    assert_eq!(status.code(), Code::ResourceExhausted);
                    assert!(status.message().starts_with("RATE_LIMITED: "));
                    let details = String::from_utf8_lossy(status.details()).into_owned();
                    assert!(details.contains("google.rpc.RetryInfo"));
                    false
                }
            }
        };
        if ok {
            accepted.push(trace);
        }
    }
    assert!(
        refused_grpc > 10 && refused_http > 10,
        "the flood was refused"
    );
    assert!(!accepted.is_empty());
    for trace in 1..=200 {
        let expected = if accepted.contains(&trace) { 10 } else { 0 };
        assert_eq!(
            spans_of(&backend, trace).await.len(),
            expected,
            "trace {trace}"
        );
    }
    let stats = backend.store.stats();
    assert_eq!(stats.spans_ingested, accepted.len() as u64 * 10);
    assert_eq!(stats.spans_ingested + stats.spans_refused_rate, 2_000);
}

#[tokio::test]
async fn what_takes_too_much_memory_once_it_is_decoded_is_refused_before_it_is_built() {
    let limits = Limits {
        max_decoded_bytes: 8 << 20,
        ..Limits::default()
    };
    let backend = Backend::start(limits).await;
    let zip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    // A million empty elements of two bytes each, within the messages that hold them.
    let within = |tags: &[u8]| {
        let (element, holders) = tags.split_last().unwrap();
        let mut bytes: Vec<u8> = [*element, 0].repeat(1_000_000);
        for tag in holders.iter().rev() {
            let mut outer = vec![*tag];
            prost::encode_length_delimiter(bytes.len(), &mut outer).unwrap();
            outer.extend(&bytes);
            bytes = outer;
        }
        bytes
    };
    let protobuf: [&[u8]; 6] = [
        &[0x0a],                   // resource spans
        &[0x0a, 0x12],             // scope spans
        &[0x0a, 0x12, 0x12],       // spans
        &[0x0a, 0x12, 0x12, 0x5a], // events of one span
        &[0x0a, 0x12, 0x12, 0x4a], // attributes of one span
        &[0x0a, 0x0a, 0x1a, 0x1a], // keys of an entity reference
    ];
    let gzip = ("content-encoding", "gzip");
    let mut grpc = raw_client(&backend).await;
    for tags in protobuf {
        let body = within(tags);
        let answer = backend.post(&[PROTOBUF, gzip], zip(&body)).await;
        assert_eq!(answer.status, 413, "{tags:x?}");
        let error = export_raw(&mut grpc, body).await.unwrap_err();
        assert_eq!(
            error.code(),
            Code::ResourceExhausted,
            "{tags:x?}: {error:?}"
        );
        assert!(error.message().contains("send fewer spans at once"));
    }
    for (before, element, after) in [
        (r#"{"resourceSpans":["#, "{},", "{}]}"),
        (r#"{"resourceSpans":[{"scopeSpans":["#, "null,", "null]}]}"),
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":["#,
            "{},",
            "{}]}]}]}",
        ),
        (
            r#"{"resourceSpans":[{"resource":{"attributes":["#,
            "{},",
            "{}]}}]}",
        ),
        (
            r#"{"resourceSpans":[{"resource":{"attributes":[{"value":{"arrayValue":{"values":["#,
            "{},",
            "{}]}}}]}}]}",
        ),
        (
            r#"{"resourceSpans":[{"resource":{"entityRefs":[{"idKeys":["#,
            "\"\",",
            "\"\"]}]}}]}",
        ),
    ] {
        let body = format!("{before}{}{after}", element.repeat(500_000));
        let answer = backend.post(&[JSON, gzip], zip(body.as_bytes())).await;
        assert_eq!(answer.status, 413, "{before}");
    }
    assert_eq!(backend.store.stats().requests_refused_too_large, 18);
    // Unknown fields take nothing, and the receiver lives on.
    let unknown = [0xfa, 0x01, 0].repeat(1_000_000);
    assert_eq!(backend.post(&[PROTOBUF], unknown).await.status, 200);
    let good = request(vec![full_span()]).encode_to_vec();
    assert_eq!(backend.post(&[PROTOBUF], good).await.status, 200);
    assert_eq!(backend.store.stats().spans, 1);
}

/// A client that sends bytes as they are.
async fn raw_client(backend: &Backend) -> tonic::client::Grpc<tonic::transport::Channel> {
    let endpoint = format!("http://{}", backend.otlp_grpc);
    let channel = tonic::transport::Channel::from_shared(endpoint).unwrap();
    tonic::client::Grpc::new(channel.connect().await.unwrap())
}

async fn export_raw(
    grpc: &mut tonic::client::Grpc<tonic::transport::Channel>,
    body: Vec<u8>,
) -> Result<(), tonic::Status> {
    grpc.ready().await.unwrap();
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let path = http::uri::PathAndQuery::from_static(path);
    let request = tonic::Request::new(body);
    let answer: Result<tonic::Response<ExportTraceServiceResponse>, _> =
        grpc.unary(request, path, Raw).await;
    answer.map(|_| ())
}

/// Sends bytes, reads protobuf.
#[derive(Clone, Copy)]
struct Raw;

impl tonic::codec::Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Prost;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Prost {
        Prost
    }
}

impl tonic::codec::Encoder for Raw {
    type Item = Vec<u8>;
    type Error = tonic::Status;

    fn encode(
        &mut self,
        item: Vec<u8>,
        to: &mut tonic::codec::EncodeBuf<'_>,
    ) -> Result<(), tonic::Status> {
        prost::bytes::BufMut::put_slice(to, &item);
        Ok(())
    }
}
