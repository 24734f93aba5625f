//! Faults of calls to other instances, as they look in spans, log lines and metrics.

use std::time::Duration;

use serde_json::json;

use super::{Faulty, SLOW, begin, count_of, spans, took};
use crate::support::collector::Collector;
use crate::support::http;
use crate::support::service::Service;

/// Three instances that call each other round, the first one with faults.
fn chain_of(collector: &Collector) -> (Faulty, [Service; 2]) {
    let endpoint = collector.endpoint();
    let quick = [
        ("OTLP_GRPC_ENDPOINT", &*endpoint),
        ("IO_TASK_WAIT", "0"),
        ("CPU_TASK_PRIMES", "0"),
    ];
    let [b, c] = ["app-b", "app-c"].map(|name| Service::start(name, &quick));
    let (host_b, host_c) = (b.host(), c.host());
    let mut environment = quick.to_vec();
    environment.extend([("TARGET_ONE_HOST", &*host_b), ("TARGET_TWO_HOST", &*host_c)]);
    (Faulty::start("app-a", &environment), [b, c])
}

#[test]
fn a_slow_way_is_in_the_client_span_and_not_in_the_targets() {
    let collector = Collector::start();
    let (faulty, _others) = chain_of(&collector);
    faulty.put(json!([{"kind": "slow-dependency", "target": "one", "ms": SLOW, "jitter_ms": 10}]));
    let (response, slow) = faulty.timed("/chain");
    assert_eq!(response.status, 200, "{}", response.body);
    assert!(slow >= Duration::from_millis(SLOW - 10), "{slow:?}");
    let clients = collector.wait_for(3, |span| span.span.kind == 3);
    let slow: Vec<_> = clients
        .iter()
        .filter(|span| took(span) >= Duration::from_millis(SLOW - 10))
        .collect();
    let [client] = slow[..] else {
        panic!("one slow call: {slow:?}")
    };
    assert!(
        client
            .attribute("url.full")
            .expect("a URL")
            .ends_with("/io_task")
    );
    let server = &spans(&collector, 1, "GET /io_task")[0];
    assert_eq!(server.parent_id(), client.span_id());
    assert!(took(server) < Duration::from_millis(SLOW - 10));
    faulty.clear();
    assert!(faulty.timed("/chain").1 < Duration::from_millis(SLOW - 10));
}

#[test]
fn a_lost_context_breaks_the_trace_at_one_hop() {
    let collector = Collector::start();
    let (faulty, _others) = chain_of(&collector);
    faulty.put(json!([{"kind": "lost-context", "target": "two"}]));
    assert_eq!(faulty.app.get("/chain").status, 200);
    let one = spans(&collector, 1, "GET /io_task").remove(0);
    let two = spans(&collector, 1, "GET /cpu_task").remove(0);
    let chain = spans(&collector, 1, "GET /chain").remove(0);
    assert_eq!(one.trace_id(), chain.trace_id());
    assert_ne!(two.trace_id(), chain.trace_id());
    assert_eq!(two.parent_id(), "");
    faulty.clear();
    assert_eq!(faulty.app.get("/chain").status, 200);
    let whole = spans(&collector, 2, "GET /chain").remove(1);
    let two = spans(&collector, 2, "GET /cpu_task").remove(1);
    assert_eq!(two.trace_id(), whole.trace_id());
}

#[test]
fn a_pool_without_a_free_connection_fails_calls_that_wait_too_long() {
    let collector = Collector::start();
    let (faulty, _others) = chain_of(&collector);
    faulty.put(
        json!([{"kind": "pool-exhausted", "connections": 1, "hold_ms": 5000, "wait_ms": 200}]),
    );
    // The first call takes the only connection, and the next one of the same request finds none.
    let (response, slow) = faulty.timed("/chain");
    assert_eq!(response.status, 503, "{}", response.body);
    assert!(slow >= Duration::from_millis(200), "{slow:?}");
    let detail = response.json()["detail"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(
        detail.ends_with("/io_task was not called: no connection is free"),
        "{detail}"
    );
    faulty
        .app
        .line_with("caused by: all 1 connections of the pool are in use");
    let client = &collector.wait_for(1, |span| {
        span.attribute("error.type").as_deref() == Some("pool_timeout")
    })[0];
    let waits = spans(&collector, 2, "pool.acquire");
    let wait = waits
        .iter()
        .find(|span| span.parent_id() == client.span_id());
    let wait = wait.expect("the wait for a connection");
    assert!(took(wait) >= Duration::from_millis(200));
    assert_eq!(wait.attribute("pool.max").as_deref(), Some("1"));
    assert_eq!(count_of(&collector, "GET /io_task"), 0);
    let chain = &spans(&collector, 1, "GET /chain")[0];
    let kind = chain.event_attribute("exception", "exception.type");
    assert_eq!(
        kind.as_deref(),
        Some("salvo_observability::app::targets::CallError")
    );
    faulty.clear();
    assert_eq!(faulty.app.get("/chain").status, 200);
}

#[test]
fn calls_that_wait_for_the_pool_go_on_when_the_fault_is_removed() {
    let collector = Collector::start();
    let (faulty, _others) = chain_of(&collector);
    faulty.put(
        json!([{"kind": "pool-exhausted", "connections": 1, "hold_ms": 4000, "wait_ms": 4500}]),
    );
    let mut chain = begin(faulty.app.address, "/chain");
    collector.wait_for(1, |span| span.span.name == "pool.acquire");
    faulty.clear();
    assert_eq!(http::read(&mut chain).expect("a response").status, 200);
}

#[test]
fn retries_multiply_the_requests_that_a_target_sees() {
    let collector = Collector::start();
    let (faulty, [b, _c]) = chain_of(&collector);
    faulty.put(json!([{"kind": "retries", "attempts": 4, "target": "one"}]));
    let response = faulty.app.get("/chain");
    assert_eq!(response.status, 502, "{}", response.body);
    let seen = "salvo_responses_total{app_name=\"app-b\",method=\"GET\",path=\"/io_task\",status_code=\"200\"}";
    assert_eq!(b.metric(seen), 4.0);
    // A client span each, all of one trace, and each with the server span of the target below.
    let clients = collector.wait_for(4, |span| {
        span.span.kind == 3 && span.attribute("error.type").as_deref() == Some("unreachable")
    });
    let mut resends: Vec<_> = clients
        .iter()
        .map(|span| span.attribute("http.request.resend_count"))
        .collect();
    resends.sort();
    let expected = [None, Some("1"), Some("2"), Some("3")];
    assert_eq!(resends, expected.map(|it| it.map(str::to_owned)));
    let servers = spans(&collector, 4, "GET /io_task");
    for client in &clients {
        assert!(
            servers
                .iter()
                .any(|span| span.parent_id() == client.span_id())
        );
        assert_eq!(client.trace_id(), clients[0].trace_id());
    }
    let log = faulty.app.log();
    let again = log
        .iter()
        .filter(|line| line.contains("trying again"))
        .count();
    assert_eq!(again, 3);
    // Some attempts fail: in the end most requests succeed.
    faulty.put(json!([{"kind": "retries", "attempts": 5, "failing_share": 0.5}]));
    let statuses = faulty.statuses("/chain", 10);
    assert!(
        statuses.iter().filter(|status| **status == 200).count() >= 7,
        "{statuses:?}"
    );
    let before = b.metric(seen);
    assert!(before > 4.0 + 10.0, "{before}");
    faulty.clear();
    assert_eq!(faulty.app.get("/chain").status, 200);
    assert_eq!(b.metric(seen), before + 1.0);
}
