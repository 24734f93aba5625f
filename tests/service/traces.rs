//! What reaches the collector: one whole trace per request, with the names of `docs/contract.md`.

use crate::support::collector::{Collector, Received};
use crate::support::http::request;
use crate::support::service::{Service, trio};

/// `SpanKind` of OTLP.
const SERVER: i32 = 2;
const CLIENT: i32 = 3;

/// `StatusCode` of OTLP.
const ERROR: i32 = 2;

fn status(span: &Received) -> i32 {
    span.span.status.as_ref().map_or(0, |status| status.code)
}

#[test]
fn chain_is_one_trace_of_seven_spans_with_the_right_parents() {
    let collector = Collector::start();
    let [a, b, c] = trio(&collector.endpoint());
    assert_eq!(a.get("/chain").status, 200);
    let spans = collector.wait_for(7, |_| true);
    assert_eq!(spans.len(), 7);

    let roots: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_id().is_empty())
        .collect();
    let [root] = roots[..] else {
        panic!("one root, not {roots:?}")
    };
    assert_eq!(root.service, "app-a");
    assert_eq!(
        (root.span.name.as_str(), root.span.kind),
        ("GET /chain", SERVER)
    );
    assert!(spans.iter().all(|span| span.trace_id() == root.trace_id()));

    let mut calls = Vec::new();
    for client in spans.iter().filter(|span| span.span.kind == CLIENT) {
        assert_eq!(client.parent_id(), root.span_id());
        assert_eq!(
            (client.service.as_str(), client.span.name.as_str()),
            ("app-a", "GET")
        );
        let mut served = spans
            .iter()
            .filter(|span| span.parent_id() == client.span_id());
        let server = served.next().expect("a server span below the client span");
        assert!(served.next().is_none());
        assert_eq!(server.span.kind, SERVER);
        let port = client.attribute("server.port").unwrap();
        calls.push((server.service.clone(), server.span.name.clone(), port));
    }
    calls.sort();
    let port = |service: &Service| service.address.port().to_string();
    assert_eq!(
        calls,
        [
            ("app-a".to_owned(), "GET /".to_owned(), port(&a)),
            ("app-b".to_owned(), "GET /io_task".to_owned(), port(&b)),
            ("app-c".to_owned(), "GET /cpu_task".to_owned(), port(&c)),
        ]
    );
}

#[test]
fn spans_carry_the_attributes_of_the_contract() {
    let collector = Collector::start();
    let other = Service::start("app-b", &[]);
    let host = other.host();
    let app = Service::start(
        "app-a",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("TARGET_ONE_HOST", &host),
            ("TARGET_TWO_HOST", &host),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "deployment.environment.name=a%20lab,service.instance.id=one",
            ),
        ],
    );
    app.get("/items/42?q=x");
    app.get("/chain");
    let spans = collector.wait_for(6, |_| true);

    let item = spans
        .iter()
        .find(|span| span.span.name == "GET /items/{item_id}")
        .unwrap();
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/items/{item_id}"),
        ("url.path", "/items/42"),
        ("url.scheme", "http"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(item.attribute(key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(item.span.kind, SERVER);
    assert_eq!(status(item), 0);
    for (key, value) in [
        ("service.name", "app-a"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("compose_service", "app-a"),
        ("service.instance.id", "one"),
        ("deployment.environment.name", "a lab"),
    ] {
        assert_eq!(
            item.resource.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }

    let url = format!("http://{host}/io_task");
    let call = spans
        .iter()
        .find(|span| span.attribute("url.full").as_deref() == Some(&url))
        .expect("the client span of the call");
    assert_eq!((call.span.kind, call.span.name.as_str()), (CLIENT, "GET"));
    for (key, value) in [
        ("http.request.method", "GET"),
        ("server.address", "127.0.0.1"),
        ("server.port", &other.address.port().to_string()),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(call.attribute(key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn each_instance_has_an_id_of_its_own() {
    let collector = Collector::start();
    let export = ("OTLP_GRPC_ENDPOINT", &*collector.endpoint());
    let [one, two] = ["one", "two"].map(|name| Service::start(name, &[export]));
    one.get("/");
    two.get("/");
    let spans = collector.wait_for(2, |_| true);
    let ids: Vec<_> = spans
        .iter()
        .map(|span| span.resource.get("service.instance.id").expect("an id"))
        .collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn error_test_is_an_error_with_its_exception_and_every_cause() {
    let collector = Collector::start();
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &collector.endpoint())]);
    app.get("/error_test");
    let spans = collector.wait_for(1, |_| true);
    let span = &spans[0];
    assert_eq!(status(span), ERROR);
    assert_eq!(span.attribute("error.type").as_deref(), Some("500"));
    assert_eq!(
        span.attribute("http.response.status_code").as_deref(),
        Some("500")
    );
    let of = |key| span.event_attribute("exception", key).expect(key);
    assert_eq!(
        of("exception.type"),
        "salvo_observability::app::handlers::StockError"
    );
    assert_eq!(of("exception.message"), "the stock of item 7 is unknown");
    let stacktrace = of("exception.stacktrace");
    assert!(
        stacktrace.contains(
            "caused by: the count \"a dozen\" is not a number\n  caused by: invalid digit"
        ),
        "{stacktrace}"
    );
}

#[test]
fn a_failing_target_is_an_error_on_client_and_server_span() {
    let collector = Collector::start();
    let app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("TARGET_ONE_HOST", "127.0.0.1:1"),
        ],
    );
    assert_eq!(app.get("/chain").status, 502);
    let failed = |span: &Received| status(span) == ERROR;
    let spans = collector.wait_for(2, failed);
    let kind = |kind| spans.iter().find(|span| span.span.kind == kind).unwrap();
    assert_eq!(
        kind(CLIENT).attribute("error.type").as_deref(),
        Some("unreachable")
    );
    let message = kind(SERVER).event_attribute("exception", "exception.message");
    assert_eq!(
        message.as_deref(),
        Some("http://127.0.0.1:1/io_task cannot be reached")
    );
}

#[test]
fn a_client_error_is_no_error_of_the_server() {
    let collector = Collector::start();
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &collector.endpoint())]);
    app.get("/items/x");
    app.get("/nope");
    let spans = collector.wait_for(2, |_| true);
    assert!(spans.iter().all(|span| status(span) == 0));
    let lost = spans
        .iter()
        .find(|span| span.span.name == "GET")
        .expect("no route");
    assert_eq!(lost.attribute("http.route"), None);
}

#[test]
fn probes_make_no_spans() {
    let collector = Collector::start();
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &collector.endpoint())]);
    for target in ["/metrics", "/livez", "/readyz", "/"] {
        app.get(target);
    }
    let names: Vec<_> = collector
        .wait_for(1, |_| true)
        .into_iter()
        .map(|span| span.span.name)
        .collect();
    assert_eq!(names, ["GET /"]);
}

#[test]
fn the_sampler_is_the_one_asked_for() {
    let collector = Collector::start();
    let never = Service::start(
        "never",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0"),
        ],
    );
    never.get("/");
    // The caller has decided to sample, and the sampler respects it.
    let sampled = [(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )];
    request(never.address, "GET", "/items/1", &sampled);
    let spans = collector.wait_for(1, |_| true);
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].trace_id(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(spans[0].parent_id(), "b7ad6b7169203331");
    // What was not sampled still has an id in the log, but is no exemplar.
    assert!(!never.line_with("hello world").contains("trace_id=0 "));
    let page = never.openmetrics();
    assert!(
        !page
            .lines()
            .any(|line| line.contains("path=\"/\"") && line.contains("TraceID"))
    );
}

#[test]
fn a_request_that_was_not_answered_is_found_by_its_own_id() {
    let collector = Collector::start();
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &collector.endpoint())]);
    let mut stream = crate::support::http::connect(app.address);
    let head = "GET /io_task HTTP/1.1\r\nHost: a\r\nX-Request-ID: unanswered\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    crate::support::eventually("the request is being answered", || {
        let series =
            "salvo_requests_in_progress{app_name=\"app\",method=\"GET\",path=\"/io_task\"}";
        (app.metric(series) > 0.0).then_some(())
    });
    drop(stream);
    let spans = collector.wait_for(1, |span| span.span.name == "GET /io_task");
    let id = spans[0].attribute("http.request.header.x-request-id");
    assert!(id.expect("the id").contains("unanswered"));
    assert_eq!(spans[0].attribute("http.response.status_code"), None);
}
