//! SIGTERM and Ctrl-C: not ready at once, running requests finish, nothing that is done is lost.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::collector::Collector;
use crate::support::eventually;
use crate::support::http;
use crate::support::service::Service;

const IN_PROGRESS: &str =
    "salvo_requests_in_progress{app_name=\"app\",method=\"GET\",path=\"/io_task\"}";

#[test]
fn a_running_request_finishes_while_new_ones_and_readiness_are_refused() {
    for signal in ["TERM", "INT"] {
        let collector = Collector::start();
        let mut app = Service::start(
            "app",
            &[
                ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
                ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
            ],
        );
        let mut running = http::connect(app.address);
        running
            .write_all(b"GET /io_task HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        eventually("it runs", || (app.metric(IN_PROGRESS) == 1.0).then_some(()));
        app.signal(signal);
        app.line_with("finishing running requests");
        assert_eq!(app.get("/readyz").status, 503);
        assert_eq!(app.get("/livez").status, 200);
        let refused = app.get("/");
        assert_eq!(refused.status, 503);
        assert_eq!(refused.header("connection"), Some("close"));
        assert_eq!(http::read(&mut running).expect("an answer").status, 200);
        assert_eq!(app.wait().code(), Some(0));
        // The span would have waited a minute for its batch.
        let spans = collector.spans();
        assert!(spans.iter().any(|span| span.span.name == "GET /io_task"));
        app.line_with("io task");
        app.line_with("spans flushed exported=2 dropped=0 failed=0");
    }
}

#[test]
fn a_request_that_never_ends_does_not_keep_it_from_ending() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target = silent.local_addr().unwrap().to_string();
    let mut app = Service::start(
        "app",
        &[
            ("TARGET_ONE_HOST", &target),
            ("TARGET_TIMEOUT", "600000"),
            ("REQUEST_TIMEOUT", "600000"),
        ],
    );
    let mut running = http::connect(app.address);
    running
        .write_all(b"GET /chain HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    // The target has been called, and will never answer.
    let (_held, _) = silent.accept().unwrap();
    app.signal("TERM");
    assert_eq!(app.wait().code(), Some(0));
    assert!(http::read(&mut running).is_none(), "cut off, not answered");
}

#[test]
fn terminated_under_load_it_loses_no_finished_span() {
    let collector = Collector::start();
    let mut app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
            ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ],
    );
    let answered = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (answered, stop, address) = (answered.clone(), stop.clone(), app.address);
            std::thread::spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    let request = b"GET /items/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
                    match http::try_send(address, request) {
                        Some(response) if response.status == 200 => {
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        _ => stop.store(true, Ordering::SeqCst),
                    }
                }
            })
        })
        .collect();
    eventually("some load", || {
        (answered.load(Ordering::SeqCst) > 500).then_some(())
    });
    app.signal("TERM");
    assert_eq!(app.wait().code(), Some(0));
    for client in clients {
        client.join().unwrap();
    }
    let answered = answered.load(Ordering::SeqCst);
    let ok = |code: Option<String>| code.as_deref() == Some("200");
    let received = collector
        .spans()
        .iter()
        .filter(|span| ok(span.attribute("http.response.status_code")))
        .count();
    assert_eq!(received, answered);
    let lines = app
        .log()
        .iter()
        .filter(|line| line.ends_with("- items"))
        .count();
    assert_eq!(lines, answered);
}

#[test]
fn a_collector_that_hangs_does_not_keep_it_from_ending() {
    let collector = Collector::start();
    collector.set_mood(crate::support::collector::Mood::Hang);
    let mut app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ],
    );
    for _ in 0..3 {
        app.get("/");
    }
    app.signal("TERM");
    assert_eq!(app.wait().code(), Some(0));
    app.line_with("spans flushed exported=0 dropped=0 failed=3");
}

#[test]
fn an_export_under_way_to_a_collector_that_hangs_does_not_keep_it_from_ending() {
    let collector = Collector::start();
    collector.set_mood(crate::support::collector::Mood::Hang);
    let mut app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
        ],
    );
    for _ in 0..3 {
        app.get("/");
    }
    eventually("an export is under way", || {
        collector.is_asked().then_some(())
    });
    app.signal("TERM");
    assert_eq!(app.wait().code(), Some(0));
    app.line_with("spans flushed exported=0 dropped=2 failed=1");
}
