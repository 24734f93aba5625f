//! Floods and garbage: a clear refusal that is counted, memory within its bounds, and the lab lives.
#![cfg(target_os = "linux")]

use crate::support::grpc;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::sent::{Sample, WriteRequest, lines_as_json, spans, trace_id};
use crate::support::up::Lab;
use crate::support::{eventually, http};
use prost::Message;

const MIB: f64 = (1 << 20) as f64;

/// Resident memory that a lab with the smallest stores may take whatever it is sent.
const SANE: u64 = 300 << 20;

const PROTOBUF: &str = "Content-Type: application/x-protobuf";
const JSON: &str = "Content-Type: application/json";

fn small() -> Lab {
    Lab::start(&["--no-apps", "--store-mib", "8"])
}

fn now_nanos() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos()).unwrap()
}

/// Fails when a store takes more than its 8 MiB and a few per cent.
fn within_limit(lab: &Lab, store: &str) {
    let bytes = lab.metric(&format!("lab_store_bytes{{store=\"{store}\"}}"));
    assert!(bytes <= 8.3 * MIB, "{store} takes {} MiB", bytes / MIB);
}

fn evicted(lab: &Lab, store: &str) -> f64 {
    lab.metric(&format!(
        "lab_store_evicted_total{{reason=\"bytes\",store=\"{store}\"}}"
    ))
}

fn ingested(lab: &Lab, store: &str, kind: &str) -> f64 {
    lab.metric(&format!(
        "lab_store_ingested_total{{kind=\"{kind}\",store=\"{store}\"}}"
    ))
}

#[test]
fn a_flood_of_spans_stays_within_the_bytes_and_keeps_the_newest() {
    let mut lab = small();
    let (batches, size) = (80, 500);
    for batch in 0..batches {
        let body = spans(batch * size, size, now_nanos()).encode_to_vec();
        let answer = lab.post("otlp_http", "/v1/traces", &[PROTOBUF], &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        if batch % 8 == 7 {
            within_limit(&lab, "traces");
        }
    }
    assert_eq!(ingested(&lab, "traces", "span"), f64::from(batches * size));
    let held = lab.metric("lab_store_items{kind=\"span\",store=\"traces\"}");
    let thrown_away = evicted(&lab, "traces");
    assert!(thrown_away > 0.0);
    assert_eq!(held + thrown_away, f64::from(batches * size));
    assert_eq!(lab.spans(&trace_id(batches * size - 1)).len(), 1);
    assert_eq!(lab.spans(&trace_id(0)).len(), 0);
    assert!(lab.runs() && lab.memory() < SANE);
}

#[test]
fn a_flood_of_log_lines_stays_within_the_bytes_and_keeps_the_newest() {
    let mut lab = small();
    let (batches, size) = (80, 1000);
    for batch in 0..batches {
        let body = lines_as_json(batch * size, size, now_nanos());
        let answer = lab.post("loki", "/loki/api/v1/push", &[JSON], body.as_bytes());
        assert_eq!(answer.status, 204, "{}", answer.body);
        if batch % 8 == 7 {
            within_limit(&lab, "logs");
        }
    }
    assert_eq!(ingested(&lab, "logs", "entry"), f64::from(batches * size));
    assert!(evicted(&lab, "logs") > 0.0);
    let find = |number| {
        lab.entries(&format!(
            "{{compose_service=\"flood\"}} |= \"line {number} \""
        ))
    };
    assert_eq!(find(batches * size - 1).len(), 1);
    assert_eq!(find(0).len(), 0);
    assert!(lab.runs() && lab.memory() < SANE);
}

#[test]
fn a_million_series_stay_within_the_bytes() {
    let mut lab = small();
    let now = i64::try_from(now_nanos() / 1_000_000).unwrap();
    for batch in 0..100 {
        let names = batch * 10_000..(batch + 1) * 10_000;
        let series = names.map(|number| (format!("flood_{number}"), Sample::new(1.0, now)));
        let body = WriteRequest::of(series).in_snappy();
        let answer = lab.post("prometheus", "/api/v1/write", &[PROTOBUF], &body);
        assert!([204, 429].contains(&answer.status), "{}", answer.body);
        within_limit(&lab, "metrics");
    }
    let refused = lab.refused("metrics", "series");
    assert!(refused + evicted(&lab, "metrics") > 0.0);
    // What is scraped still comes in.
    eventually("the lab's own page is scraped", || {
        let answer = lab.json("prometheus", "/api/v1/query", &[("query", "up")]);
        let found = answer["data"]["result"].as_array()?.len();
        (found == 1).then_some(())
    });
    assert!(lab.runs() && lab.memory() < SANE);
}

#[test]
fn garbage_is_refused_everywhere_and_counted() {
    let mut lab = small();
    let garbage = b"\xff\xfe\xfd\xfc\xfb\xfa";
    let broken_protobuf = snap::raw::Encoder::new().compress_vec(garbage).unwrap();
    for (server, path, header, body, store, said) in [
        (
            "otlp_http",
            "/v1/traces",
            PROTOBUF,
            &garbage[..],
            "traces",
            "proto",
        ),
        (
            "otlp_http",
            "/v1/traces",
            JSON,
            b"{\"resourceSpans\": 7}",
            "traces",
            "json",
        ),
        (
            "loki",
            "/loki/api/v1/push",
            PROTOBUF,
            garbage,
            "logs",
            "snappy",
        ),
        (
            "loki",
            "/loki/api/v1/push",
            PROTOBUF,
            &broken_protobuf,
            "logs",
            "proto",
        ),
        (
            "loki",
            "/loki/api/v1/push",
            JSON,
            b"{\"streams\": 7}",
            "logs",
            "",
        ),
        (
            "loki",
            "/api/prom/push",
            PROTOBUF,
            garbage,
            "logs",
            "snappy",
        ),
        (
            "prometheus",
            "/api/v1/write",
            PROTOBUF,
            garbage,
            "metrics",
            "snappy",
        ),
        (
            "prometheus",
            "/api/v1/write",
            PROTOBUF,
            &broken_protobuf,
            "metrics",
            "protobuf",
        ),
    ] {
        let before = lab.refused(store, "malformed_request");
        let answer = lab.post(server, path, &[header], body);
        assert_eq!(answer.status, 400, "{path} {}", answer.body);
        assert!(
            answer.body.contains(said) && !answer.body.is_empty(),
            "{}",
            answer.body
        );
        assert_eq!(
            lab.refused(store, "malformed_request"),
            before + 1.0,
            "{path}"
        );
    }
    assert!(lab.runs());
}

#[test]
fn garbage_over_grpc_is_refused_and_counted() {
    let mut lab = small();
    let address = lab.server("otlp_grpc");
    let broken = grpc::send(address, vec![0xff; 64]).unwrap_err();
    assert_eq!(broken.code(), tonic::Code::Internal, "{broken}");
    assert_eq!(lab.refused("traces", "malformed_request"), 1.0);
    let large = grpc::send(address, vec![0; 100 << 20]).unwrap_err();
    assert_eq!(large.code(), tonic::Code::OutOfRange, "{large}");
    assert_eq!(lab.refused("traces", "request_too_large"), 1.0);
    let taken = grpc::export(address, spans(1, 1, now_nanos())).unwrap();
    assert_eq!(taken, 0);
    assert_eq!(lab.spans(&trace_id(1)).len(), 1);
    assert!(lab.runs() && lab.memory() < SANE);
}

#[test]
fn more_than_the_ingest_rate_is_refused_and_what_was_accepted_stays() {
    let mut lab = Lab::start(&["--no-apps"]);
    let send = |body: Vec<u8>| lab.post("otlp_http", "/v1/traces", &[PROTOBUF], &body);
    let small = |number| spans(number, 1, now_nanos()).encode_to_vec();
    assert_eq!(send(small(1)).status, 200);
    // Less than a request may have, more than may come at once.
    let mut large = spans(2, 5, now_nanos());
    for span in &mut large.resource_spans[0].scope_spans[0].spans {
        span.name = "n".repeat(4_100_000);
    }
    let refused = send(large.encode_to_vec());
    assert_eq!(refused.status, 429, "{}", refused.body);
    assert_eq!(lab.refused("traces", "rate"), 5.0);
    assert_eq!(send(small(7)).status, 200);
    for (number, found) in [(1, 1), (2, 0), (7, 1)] {
        assert_eq!(lab.spans(&trace_id(number)).len(), found, "{number}");
    }
    assert!(lab.runs() && lab.memory() < SANE);
}

#[test]
fn what_is_too_large_is_refused_before_it_takes_memory() {
    let mut lab = small();
    let zeros = vec![0; 1 << 20];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..100).for_each(|_| packed.write_all(&zeros).unwrap());
    let packed = packed.finish().unwrap();
    // Snappy begins with the length that it claims: 100 MiB.
    let claimed = [0x80, 0x80, 0x80, 0x32, 0];
    let whole = vec![b' '; 100 << 20];
    let gzip = "Content-Encoding: gzip";
    for (server, path, store) in [
        ("otlp_http", "/v1/traces", "traces"),
        ("loki", "/loki/api/v1/push", "logs"),
        ("prometheus", "/api/v1/write", "metrics"),
    ] {
        let refusals = || match store {
            "traces" => lab.refused(store, "request_too_large"),
            _ => lab.refused(store, "malformed_request"),
        };
        // The announcement is enough.
        let address = lab.server(server);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\n{PROTOBUF}\r\nContent-Length: 104857600\r\n\r\n"
        );
        let answer = http::send(address, head.as_bytes());
        assert_eq!(answer.status, 413, "{path}: {}", answer.body);
        assert_eq!(refusals(), 1.0, "{path}");

        // Who sends it all the same may find the connection closed.
        let answer = lab.try_post(server, path, &[PROTOBUF], &whole);
        assert!(answer.is_none_or(|answer| answer.status == 413));
        assert_eq!(refusals(), 2.0, "{path}");

        if store == "traces" {
            let answer = lab.post(server, path, &[PROTOBUF, gzip], &packed);
            assert_eq!(answer.status, 413, "{path}: {}", answer.body);
        } else {
            let answer = lab.post(server, path, &[PROTOBUF], &claimed);
            assert_eq!(answer.status, 413, "{path}: {}", answer.body);
        }
        assert_eq!(refusals(), 3.0, "{path}");
        assert!(lab.memory() < SANE, "{path}: {}", lab.memory() >> 20);
    }
    let answer = lab.post("loki", "/loki/api/v1/push", &[JSON, gzip], &packed);
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(lab.runs() && lab.memory() < SANE);
}

#[test]
fn entries_of_impossible_times_are_refused_and_spans_of_such_times_do_no_harm() {
    let mut lab = small();
    for (time, reason) in [(1, "too_old"), (4_000_000_000_000_000_000, "too_new")] {
        let body = lines_as_json(0, 1, time);
        let answer = lab.post("loki", "/loki/api/v1/push", &[JSON], body.as_bytes());
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert!(answer.body.contains("timestamp"), "{}", answer.body);
        assert_eq!(lab.refused("logs", reason), 1.0);
    }
    // Tempo keeps them; they must be found by their id and keep nothing else from being found.
    for (number, time) in [(1, 0), (2, 1), (3, u64::MAX)] {
        let body = spans(number, 1, time).encode_to_vec();
        let answer = lab.post("otlp_http", "/v1/traces", &[PROTOBUF], &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(lab.spans(&trace_id(number)).len(), 1);
    }
    let body = spans(4, 1, now_nanos()).encode_to_vec();
    lab.post("otlp_http", "/v1/traces", &[PROTOBUF], &body);
    let found = lab.json("tempo", "/api/search", &[("q", "{ name = \"flood\" }")]);
    let ids = found["traces"].as_array().unwrap().iter();
    // Leading zeros are left out, as Tempo does.
    let mut ids = ids.map(|it| it["traceID"].as_str().unwrap());
    assert!(ids.any(|id| trace_id(4).ends_with(id)), "{found}");
    assert!(lab.runs() && lab.memory() < SANE);
}

/// Opens connections that each send a part of a body and then nothing.
fn half_sent(
    address: std::net::SocketAddr,
    path: &str,
    header: &str,
    count: usize,
    bytes: usize,
) -> Vec<std::net::TcpStream> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\nContent-Length: {}\r\n\r\n",
        bytes + 100_000
    );
    let part = vec![b' '; bytes];
    let open = |_| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        // A server that has no room for more stops to read.
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write(head.as_bytes());
        let mut sent = 0;
        while let Ok(more) = stream.write(&part[sent..]) {
            sent += more;
            if more == 0 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        stream
    };
    (0..count).map(open).collect()
}

#[test]
fn half_sent_bodies_take_bounded_memory_give_it_back_and_delay_nobody() {
    let mut lab = small();
    for (server, path, header, bytes) in [
        ("loki", "/loki/api/v1/push", JSON, 8 << 20),
        ("prometheus", "/api/v1/write", PROTOBUF, 3 << 20),
        ("otlp_http", "/v1/traces", PROTOBUF, 8 << 20),
        (
            "prometheus",
            "/api/v1/query",
            "Content-Type: application/x-www-form-urlencoded",
            900_000,
        ),
    ] {
        let open = half_sent(lab.server(server), path, header, 40, bytes);
        let started = std::time::Instant::now();
        let line = lines_as_json(0, 1, now_nanos());
        let answer = lab.post("loki", "/loki/api/v1/push", &[JSON], line.as_bytes());
        assert_eq!(answer.status, 204, "{}", answer.body);
        let span = spans(1, 1, now_nanos()).encode_to_vec();
        let answer = lab.post("otlp_http", "/v1/traces", &[PROTOBUF], &span);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let took = started.elapsed();
        assert!(took.as_secs() < 10, "{path}: {took:?}");
        assert!(lab.memory() < SANE, "{path}: {} MiB", lab.memory() >> 20);
        // Who sends nothing is let go.
        eventually("the bodies are given up", || {
            let gone = |stream: &std::net::TcpStream| !matches!(stream.peek(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock);
            open.iter().all(gone).then_some(())
        });
    }
    assert!(lab.runs() && lab.memory() < SANE);
}

/// A snappy body of `head` and then of a part again and again.
fn repeated(head: &[u8], part: &[u8], count: usize) -> Vec<u8> {
    let body = [head, &part.repeat(count)].concat();
    snap::raw::Encoder::new().compress_vec(&body).unwrap()
}

#[test]
fn elements_are_counted_before_they_are_built() {
    let mut lab = Lab::start(&["--no-apps"]);
    // A stream of 10 million empty entries, one and a half megabytes as sent.
    let entries = repeated(&[0x0a, 0x80, 0xda, 0xc4, 0x09], &[0x12, 0], 10_000_000);
    let series = repeated(&[], &[0x0a, 0], 2_000_000);
    let streams = format!(
        "{{\"streams\":[{}{{\"stream\":{{}}}}]}}",
        "{\"stream\":{},\"values\":[]},".repeat(400_000)
    );
    let empty = format!(
        "{{\"streams\":[{{\"stream\":{{\"a\":\"b\"}},\"values\":[{}[\"1\",\"\"]]}}]}}",
        "[\"1\",\"\"],".repeat(1_500_000)
    );
    for (server, path, header, body) in [
        ("loki", "/loki/api/v1/push", PROTOBUF, &entries[..]),
        ("loki", "/api/prom/push", PROTOBUF, &entries[..]),
        ("prometheus", "/api/v1/write", PROTOBUF, &series[..]),
        ("loki", "/loki/api/v1/push", JSON, streams.as_bytes()),
        ("loki", "/loki/api/v1/push", JSON, empty.as_bytes()),
    ] {
        let answer = lab.post(server, path, &[header], body);
        assert_eq!(answer.status, 413, "{path}: {}", answer.body);
        assert!(answer.body.contains("send fewer"), "{}", answer.body);
        assert!(lab.memory() < SANE, "{path}: {} MiB", lab.memory() >> 20);
    }
    assert!(lab.runs());
}

/// Bytes in gzip.
fn gzip(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for part in parts {
        packed.write_all(part.as_ref()).unwrap();
    }
    packed.finish().unwrap()
}

/// Looks at the memory of a lab until the work is done. The most that it took.
fn most_memory_during(lab: &Lab, work: impl FnOnce() + Send) -> u64 {
    std::thread::scope(|scope| {
        let work = scope.spawn(work);
        let mut most = lab.memory();
        while !work.is_finished() {
            most = most.max(lab.memory());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        work.join().unwrap();
        most
    })
}

#[test]
fn hostile_senders_at_once_stay_within_the_memory_and_keep_nobody_out() {
    let mut lab = small();
    // What each takes is close to what a request may have, so that it is let in as far as possible.
    let empty_spans = {
        let spans = [0x12, 0].repeat(70_000);
        let scope = [&[0x12][..], &prost_length(spans.len()), &spans].concat();
        gzip([&[0x0a][..], &prost_length(scope.len()), &scope])
    };
    let json_spans = gzip([
        &b"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":["[..],
        &b"{},".repeat(1_000_000),
        &b"{}]}]}]}"[..],
    ]);
    let entries = repeated(&[0x0a, 0x90, 0x4e], &[0x12, 0], 5_000);
    let many_entries = repeated(&[0x0a, 0x80, 0xa4, 0xe8, 0x03], &[0x12, 0], 4_000_000);
    let series = repeated(&[], &[0x0a, 0], 60_000);
    let packed = [PROTOBUF, "Content-Encoding: gzip"];
    let packed_json = [JSON, "Content-Encoding: gzip"];
    let hostile: [(&str, &str, &[&str], &[u8]); 5] = [
        ("otlp_http", "/v1/traces", &packed, &empty_spans),
        ("otlp_http", "/v1/traces", &packed_json, &json_spans),
        ("loki", "/loki/api/v1/push", &[PROTOBUF], &entries),
        ("loki", "/loki/api/v1/push", &[PROTOBUF], &many_entries),
        ("prometheus", "/api/v1/write", &[PROTOBUF], &series),
    ];
    let target = &lab;
    let most = most_memory_during(&lab, || {
        std::thread::scope(|scope| {
            for (server, path, headers, body) in hostile.iter().cycle().take(15) {
                scope.spawn(move || {
                    for _ in 0..3 {
                        let _ = target.try_post(server, path, headers, body);
                    }
                });
            }
            for number in 0..20 {
                let line = lines_as_json(number, 1, now_nanos());
                let answer = target.post("loki", "/loki/api/v1/push", &[JSON], line.as_bytes());
                assert_eq!(answer.status, 204, "{}", answer.body);
                let span = spans(number, 1, now_nanos()).encode_to_vec();
                let answer = target.post("otlp_http", "/v1/traces", &[PROTOBUF], &span);
                assert_eq!(answer.status, 200, "{}", answer.body);
            }
        });
    });
    assert!(most < 512 << 20, "{} MiB", most >> 20);
    assert_eq!(lab.spans(&trace_id(19)).len(), 1);
    assert_eq!(lab.entries("{compose_service=\"flood\"}").len(), 20);
    assert!(lab.runs());
}

/// A length as protobuf writes it.
fn prost_length(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(length as u64, &mut bytes);
    bytes
}

#[test]
fn answers_that_nobody_reads_take_bounded_memory_and_the_others_are_answered() {
    let mut lab = small();
    let line = "x".repeat(2000);
    let values: Vec<_> = (0..500)
        .map(|at| serde_json::json!([(now_nanos() + at).to_string(), line]))
        .collect();
    for batch in 0..6 {
        let labels = serde_json::json!({"compose_service": "long", "batch": batch.to_string()});
        let body = serde_json::json!({"streams": [{"stream": labels, "values": values}]});
        let body = body.to_string();
        let answer = lab.post("loki", "/loki/api/v1/push", &[JSON], body.as_bytes());
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
    let address = lab.server("loki");
    let query = crate::support::up::with(
        "/loki/api/v1/query_range",
        &[("query", "{compose_service=\"long\"}"), ("limit", "5000")],
    );
    let head = format!("GET {query} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let mut open = Vec::new();
    let most = most_memory_during(&lab, || {
        for _ in 0..60 {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            open.push(stream);
        }
        for stream in &open {
            let timeout = Some(std::time::Duration::from_secs(60));
            stream.set_read_timeout(timeout).unwrap();
            assert!(stream.peek(&mut [0]).unwrap() > 0, "it is answered");
        }
    });
    // One answer has six megabytes.
    assert!(most < 200 << 20, "{} MiB", most >> 20);
    let labels = lab.json("loki", "/loki/api/v1/labels", &[]);
    assert_eq!(labels["status"], "success");
    let first = lab.entries("{compose_service=\"long\", batch=\"5\"} |= \"no such line\"");
    assert_eq!(first.len(), 0);
    // Who reads it gets it, when the others are gone.
    drop(open);
    eventually("the whole answer comes", || {
        let answer = http::send(
            address,
            head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        );
        (answer.status == 200 && answer.body.len() > 6_000_000).then_some(())
    });
    assert!(lab.runs());
}

#[test]
fn a_collectors_largest_export_is_taken_at_the_smallest_size() {
    let mut lab = small();
    let export = |first: u32, count: u32, attributes: usize| {
        let mut export = spans(first, count, now_nanos());
        for span in &mut export.resource_spans[0].scope_spans[0].spans {
            let attribute = span.attributes[0].clone();
            span.attributes.resize(attributes, attribute);
        }
        export
    };
    for (first, attributes) in [(0, 0), (100_000, 2), (200_000, 20)] {
        let one =
            export(first, 2, attributes).encoded_len() - export(first, 1, attributes).encoded_len();
        let count = u32::try_from(((4 << 20) - 200) / one).unwrap();
        let sent = export(first, count, attributes);
        let size = sent.encoded_len();
        assert!((4_100_000..=4 << 20).contains(&size), "{size}");
        let refused = grpc::export(lab.server("otlp_grpc"), sent).unwrap();
        assert_eq!(refused, 0, "{attributes} attributes");
        assert_eq!(lab.spans(&trace_id(first + count - 1)).len(), 1);
    }
    assert!(lab.runs() && lab.memory() < SANE);
}
