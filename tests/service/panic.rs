//! A panic in a handler: the client gets a 500, the panic is told in all three pillars, the
//! process lives on. No route of the service panics, so one that does is served here.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::collector::Collector;
use crate::support::http::get;
use jiff::tz::TimeZone;
use openmetrics_exemplars::Exposition;
use opentelemetry_sdk::trace::Sampler;
use salvo::conn::tcp::TcpAcceptor;
use salvo::{Router, Server, handler};
use salvo_observability::telemetry::batch::BatchSettings;
use salvo_observability::telemetry::log_line::LogFormat;
use salvo_observability::telemetry::observe::Observe;
use salvo_observability::telemetry::otlp::Collector as Endpoint;
use salvo_observability::telemetry::propagation::Propagation;
use salvo_observability::telemetry::server_span::ServerSpan;
use salvo_observability::telemetry::{Settings, Telemetry};

#[handler]
async fn fails() {
    tokio::task::yield_now().await;
    panic!("the part that is always there");
}

#[handler]
async fn sound() -> &'static str {
    "ok"
}

/// Runs this test's body in a process of its own, where standard output can be read.
fn serve(endpoint: String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let telemetry = Telemetry::start(&Settings {
            service_name: "app".to_owned(),
            service_version: "1",
            span_target: env!("CARGO_CRATE_NAME"),
            scope: ("app", "1"),
            resource: Vec::new(),
            collector: Some(Endpoint {
                endpoint,
                timeout: Duration::from_secs(10),
                headers: http::HeaderMap::new(),
                gzip: false,
                user_agent: "app/1",
            }),
            sampler: Sampler::AlwaysOn,
            batch: BatchSettings::default(),
            spool: None,
            propagation: Propagation::default(),
            log_format: LogFormat::Text,
            log_filter: "info".to_owned(),
            time_zone: TimeZone::UTC,
        })
        .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .push(Router::with_path("broken").get(fails))
            .push(Router::with_path("sound").get(sound));
        let span = ServerSpan::new(telemetry.tracer(), Propagation::default());
        let service = salvo::Service::new(routes)
            .hoop(Observe::new(telemetry.metrics()).with_spans(span, |_| true));
        let server = Server::new(TcpAcceptor::try_from(listener).unwrap());
        let handle = server.handle();
        let metrics = telemetry.metrics();
        let asking = tokio::task::spawn_blocking(move || {
            ask(address);
            let page = metrics.expose(Exposition::OpenMetrics).unwrap();
            println!("{}", String::from_utf8(page).unwrap());
            handle.stop_graceful(Duration::from_secs(1));
        });
        server.try_serve(service).await.unwrap();
        asking.await.unwrap();
        telemetry.shutdown(Duration::from_secs(5)).await;
    });
}

fn ask(address: SocketAddr) {
    let broken = get(address, "/broken");
    assert_eq!(broken.status, 500);
    assert_eq!(broken.body, r#"{"detail":"Internal Server Error"}"#);
    assert_eq!(get(address, "/sound").status, 200);
}

const ENDPOINT: &str = "PANIC_TEST_ENDPOINT";

#[test]
fn a_panic_is_a_500_a_log_line_with_backtrace_an_exception_event_and_a_count() {
    if let Ok(endpoint) = std::env::var(ENDPOINT) {
        return serve(endpoint);
    }
    let collector = Collector::start();
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("panic::a_panic_is_a_500_a_log_line_with_backtrace_an_exception_event_and_a_count")
        .env(ENDPOINT, collector.endpoint())
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");

    let message = "GET /broken panicked: the part that is always there";
    let line = text
        .lines()
        .position(|line| line.ends_with(message))
        .expect(&text);
    let entry: Vec<_> = text.lines().skip(line).take(60).collect();
    assert!(
        entry[0].contains(" ERROR [") && !entry[0].contains("trace_id=0 "),
        "{text}"
    );
    // The place first, then the backtrace, which passes through the handler again.
    assert!(
        entry[2].starts_with("      at tests/service/panic.rs:"),
        "{text}"
    );
    let mut backtrace = entry[3..].iter();
    assert!(
        backtrace.any(|line| line.starts_with("    ") && line.contains("tests/service/panic.rs:")),
        "{text}"
    );
    assert!(
        text.contains(r#"salvo_exceptions_total{app_name="app",exception_type="panic",method="GET",path="/broken"} 1 "#),
        "{text}"
    );

    let spans = collector.wait_for(2, |_| true);
    let broken = spans
        .iter()
        .find(|span| span.span.name == "GET /broken")
        .unwrap();
    let of = |key| broken.event_attribute("exception", key).unwrap();
    assert_eq!(of("exception.type"), "panic");
    assert_eq!(of("exception.message"), "the part that is always there");
    assert!(of("exception.stacktrace").contains("tests/service/panic.rs:"));
    assert_eq!(
        broken.attribute("http.response.status_code").as_deref(),
        Some("500")
    );
}
