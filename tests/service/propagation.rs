//! W3C headers: what is well-formed is carried on, anything else starts afresh.

use std::io::Write;
use std::sync::LazyLock;

use crate::support::collector::{Collector, Received};
use crate::support::http;
use crate::support::service::Service;
use proptest::prelude::*;
use proptest::test_runner::Config;
use regex::Regex;

/// The form of a `traceparent` as the specification's grammar has it, ids of zeros aside.
static TRACEPARENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^(00|[0-9a-e][0-9a-f]|f[0-9a-e])-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$")
        .expect("regex")
});

/// Trace and parent of a header that must be taken.
fn valid(header: &str) -> Option<(String, String)> {
    let found = TRACEPARENT.captures(header.trim())?;
    let zeros = |id: &str| id.bytes().all(|byte| byte == b'0');
    let more = found.get(4).is_some();
    let excluded = zeros(&found[2]) || zeros(&found[3]) || (more && &found[1] == "00");
    (!excluded).then(|| (found[2].to_owned(), found[3].to_owned()))
}

/// Header values: near misses of the real thing, and any bytes that a header may have.
fn header_value() -> impl Strategy<Value = Vec<u8>> {
    let near =
        "[0-9a-fA-F+ ]{1,3}-[0-9a-fA-F+-]{30,34}-[0-9a-f]{15,17}-[0-9a-f]{1,3}(-[a-z]{0,3})?";
    let good = "(00|01|cc)-[0-9a-f]{32}-[0-9a-f]{16}-0[01]";
    let any = prop::collection::vec(
        prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8],
        0..200,
    );
    prop_oneof![
        good.prop_map(String::into_bytes),
        near.prop_map(String::into_bytes),
        any,
    ]
}

/// Sends all of `headers` to `/items/{case}` and gives the span.
fn span_of(app: &Service, collector: &Collector, case: u64, headers: &[(&str, &[u8])]) -> Received {
    let mut request =
        format!("GET /items/{case} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let response = http::send(app.address, &request);
    assert_eq!(response.status, 200);
    let path = format!("/items/{case}");
    let spans = collector.wait_for(1, |span| {
        span.attribute("url.path").as_deref() == Some(&path)
    });
    spans.into_iter().next().expect("a span")
}

fn observed() -> (Collector, Service) {
    let collector = Collector::start();
    let app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("OTEL_BSP_SCHEDULE_DELAY", "1"),
            ("OTEL_TRACES_SAMPLER", "always_on"),
        ],
    );
    (collector, app)
}

#[test]
fn whatever_the_headers_hold_the_request_is_answered_and_only_a_valid_parent_is_taken() {
    let (collector, app) = observed();
    let cases = std::cell::Cell::new(0);
    let strategy = (header_value(), header_value(), header_value());
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(256)
    };
    proptest!(config, |((traceparent, tracestate, baggage) in strategy)| {
        let case = cases.get() + 1;
        cases.set(case);
        let span = span_of(&app, &collector, case, &[
            ("traceparent", &traceparent),
            ("tracestate", &tracestate),
            ("baggage", &baggage),
        ]);
        let expected = std::str::from_utf8(&traceparent).ok().and_then(valid);
        match expected {
            Some((trace, parent)) => {
                prop_assert_eq!(span.trace_id(), trace);
                prop_assert_eq!(span.parent_id(), parent);
            }
            None => {
                prop_assert_eq!(span.parent_id(), "");
                let header = String::from_utf8_lossy(&traceparent).into_owned();
                prop_assert!(!header.contains(&span.trace_id()));
            }
        }
    });
}

#[test]
fn headers_of_the_largest_size_are_taken_or_ignored_but_never_an_error() {
    let (collector, app) = observed();
    let long = vec![b'a'; 10_000];
    let members = (0..1000)
        .map(|n| format!("k{n}=v"))
        .collect::<Vec<_>>()
        .join(",");
    let baggage = (0..500)
        .map(|n| format!("key{n}=value{n}"))
        .collect::<Vec<_>>()
        .join(",");
    for (case, (name, value)) in [
        ("traceparent", &long[..]),
        ("tracestate", &long[..]),
        ("tracestate", members.as_bytes()),
        ("baggage", &long[..]),
        ("baggage", baggage.as_bytes()),
    ]
    .into_iter()
    .enumerate()
    {
        let span = span_of(&app, &collector, case as u64, &[(name, value)]);
        assert_eq!(span.parent_id(), "", "{name}");
    }
}

/// What the outgoing call of `/chain` carries, for a request with `headers`.
fn forwarded(headers: &[(&str, &str)], environment: &[(&str, &str)]) -> String {
    let target = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let host = target.local_addr().expect("address").to_string();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = target.accept().expect("a call");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            std::io::Read::read_exact(&mut stream, &mut byte).expect("a head");
            head.push(byte[0]);
        }
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .expect("an answer");
        String::from_utf8(head).expect("text")
    });
    let mut environment = environment.to_vec();
    environment.extend([
        ("TARGET_ONE_HOST", &*host),
        ("TARGET_TWO_HOST", "127.0.0.1:1"),
    ]);
    let app = Service::start("app", &environment);
    http::request(app.address, "GET", "/chain", headers);
    heard.join().expect("the target")
}

/// The values of a header in a head, in their order.
fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let prefix = format!("{name}: ");
    head.lines()
        .filter_map(|line| line.strip_prefix(&prefix))
        .collect()
}

const PARENT: (&str, &str) = (
    "traceparent",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
);

#[test]
fn trace_state_and_baggage_go_on_to_the_targets() {
    let head = forwarded(
        &[
            PARENT,
            ("tracestate", "vendor=value"),
            ("baggage", "user=ada%20l,plan=x"),
        ],
        &[],
    );
    assert!(
        head.contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"),
        "{head}"
    );
    assert!(
        !head.contains("b7ad6b7169203331"),
        "the parent is the client span: {head}"
    );
    assert!(head.contains("tracestate: vendor=value\r\n"), "{head}");
    let baggage = head
        .lines()
        .find_map(|line| line.strip_prefix("baggage: "))
        .expect("baggage");
    let mut members: Vec<_> = baggage.split(',').collect();
    members.sort_unstable();
    assert_eq!(members, ["plan=x", "user=ada%20l"]);
}

#[test]
fn an_unsampled_caller_makes_an_unsampled_call() {
    let unsampled = PARENT.1.replace("-01", "-00");
    let head = forwarded(&[("traceparent", &unsampled)], &[]);
    assert!(
        head.contains("traceparent: 00-0af7651916cd43dd8448eb211c80319c-"),
        "{head}"
    );
    assert!(
        head.lines()
            .any(|line| line.starts_with("traceparent") && line.ends_with("-00"))
    );
}

#[test]
fn only_the_formats_asked_for_are_propagated() {
    let baggage = ("baggage", "user=ada");
    let head = forwarded(&[PARENT, baggage], &[("OTEL_PROPAGATORS", "tracecontext")]);
    assert!(
        head.contains("traceparent") && !head.contains("baggage"),
        "{head}"
    );
    let app = Service::start("app", &[("OTEL_PROPAGATORS", "baggage")]);
    assert_eq!(app.get("/").header("traceresponse"), None);
    let head = forwarded(&[PARENT, baggage], &[("OTEL_PROPAGATORS", "none")]);
    assert!(
        !head.contains("traceparent") && !head.contains("baggage"),
        "{head}"
    );
}

#[test]
fn every_answer_names_its_trace_and_the_server_span_and_whether_it_is_sampled() {
    let (collector, app) = observed();
    for (target, status) in [
        ("/", 200),
        ("/items/x", 422),
        ("/error_test", 500),
        ("/nope", 404),
    ] {
        let answer = app.get(target);
        assert_eq!(answer.status, status);
        let told = answer.header("traceresponse").expect("a traceresponse");
        let span = collector.wait_for(1, |span| {
            span.attribute("url.path").as_deref() == Some(target)
        });
        let expected = format!("00-{}-{}-", span[0].trace_id(), span[0].span_id());
        assert!(told.starts_with(&expected), "{told}");
        let flags = u8::from_str_radix(&told[expected.len()..], 16).expect("flags");
        assert_eq!(flags & 1, 1, "{told}");
        assert_eq!(span[0].parent_id(), "", "nobody had to invent a parent");
    }
    let continued = http::request(app.address, "GET", "/", &[PARENT]);
    let told = continued.header("traceresponse").expect("a traceresponse");
    assert!(
        told.starts_with("00-0af7651916cd43dd8448eb211c80319c-"),
        "{told}"
    );
    assert!(
        !told.contains("b7ad6b7169203331"),
        "the server's span: {told}"
    );
    for probe in ["/metrics", "/livez", "/readyz"] {
        assert_eq!(app.get(probe).header("traceresponse"), None, "{probe}");
    }
    let unsampled = Service::start("app", &[("OTEL_TRACES_SAMPLER", "always_off")]);
    let answer = unsampled.get("/");
    let told = answer.header("traceresponse").expect("a traceresponse");
    let flags = u8::from_str_radix(&told[53..], 16).expect("flags");
    assert_eq!(flags & 1, 0, "{told}");
}

#[test]
fn all_headers_of_trace_state_and_baggage_go_on_as_one_and_stand_in_the_span() {
    let state = [
        ("tracestate", ""),
        ("tracestate", "a=1 , foo@@bar= x"),
        ("tracestate", ",b=2"),
    ];
    let head = forwarded(
        &[
            &[PARENT],
            &state[..],
            &[
                ("baggage", "user=ada%20l;p=1"),
                ("baggage", "b=YQ==, plan=x"),
            ],
        ]
        .concat(),
        &[],
    );
    assert_eq!(values(&head, "tracestate"), ["a=1,foo@@bar= x,b=2"]);
    assert_eq!(values(&head, "baggage"), ["user=ada%20l;p=1,b=YQ==,plan=x"]);

    let (collector, app) = observed();
    let parent = (PARENT.0, PARENT.1.as_bytes());
    let mut headers = vec![parent];
    headers.extend(state.map(|(name, value)| (name, value.as_bytes())));
    let span = span_of(&app, &collector, 1, &headers);
    assert_eq!(span.span.trace_state, "a=1,foo@@bar= x,b=2");
    assert_eq!(span.attribute("w3c.tracestate"), None);
    // One that is malformed discards them all, and nothing else.
    headers.push(("tracestate", b"c="));
    let span = span_of(&app, &collector, 2, &headers);
    assert_eq!(span.span.trace_state, "");
    assert_eq!(span.parent_id(), "b7ad6b7169203331");
}

#[test]
fn a_trace_state_without_a_parent_is_dropped_and_none_is_sent_empty() {
    let state = ("tracestate", "a=1");
    let wrong = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-0-01");
    for headers in [&[state][..], &[wrong, state], &[PARENT]] {
        let head = forwarded(headers, &[]);
        assert_eq!(values(&head, "tracestate"), [""; 0], "{head}");
        assert_eq!(values(&head, "traceparent").len(), 1, "{head}");
    }
}

#[test]
fn two_parents_that_differ_start_a_new_trace() {
    let (collector, app) = observed();
    let first = PARENT.1.as_bytes();
    let other = PARENT.1.replace("319c", "319d");
    for (case, second) in [other.as_bytes(), b"", b"\xff"].into_iter().enumerate() {
        let headers = [("traceparent", first), ("traceparent", second)];
        let span = span_of(&app, &collector, case as u64, &headers);
        assert_eq!(span.parent_id(), "", "{second:?}");
        assert!(!span.trace_id().starts_with("0af7651916cd43dd"));
    }
    let headers = [("traceparent", first), ("traceparent", first)];
    let span = span_of(&app, &collector, 9, &headers);
    assert_eq!(span.parent_id(), "b7ad6b7169203331");
}

#[test]
fn the_random_flag_is_passed_on_and_set_for_traces_that_begin_here() {
    for (given, passed) in [
        ("00", "00"),
        ("01", "01"),
        ("02", "02"),
        ("03", "03"),
        ("fe", "02"),
        ("ff", "03"),
    ] {
        let parent = format!("{}{given}", &PARENT.1[..53]);
        let head = forwarded(&[("traceparent", &parent)], &[]);
        let sent = values(&head, "traceparent");
        assert_eq!(&sent[0][53..], passed, "{given}: {head}");
    }
    let head = forwarded(&[], &[]);
    assert_eq!(&values(&head, "traceparent")[0][53..], "03", "{head}");
    let head = forwarded(&[], &[("OTEL_TRACES_SAMPLER", "always_off")]);
    assert_eq!(&values(&head, "traceparent")[0][53..], "02", "{head}");
    let app = Service::start("app", &[]);
    let answer = app.get("/");
    assert!(
        answer
            .header("traceresponse")
            .expect("told")
            .ends_with("-03")
    );
}
