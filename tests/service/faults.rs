//! What happens when the collector fails: nothing to requests, and every span is accounted for.

use std::time::{Duration, Instant};

use crate::support::collector::{Collector, Mood};
use crate::support::eventually;
use crate::support::service::{Service, accounted};

/// Many requests; gives how many there were.
fn traffic(app: &Service, count: usize) -> f64 {
    let mut stream = crate::support::http::connect(app.address);
    for _ in 0..count {
        std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(
            crate::support::http::read(&mut stream)
                .expect("a response")
                .status,
            200
        );
    }
    count as f64
}

fn observed(collector: &Collector, more: &[(&str, &str)]) -> Service {
    let endpoint = collector.endpoint();
    let mut environment = vec![("OTLP_GRPC_ENDPOINT", &*endpoint)];
    environment.extend(more);
    Service::start("app", &environment)
}

#[test]
fn every_span_is_exported_when_the_collector_accepts() {
    let collector = Collector::start();
    let app = observed(&collector, &[("OTEL_BSP_MAX_QUEUE_SIZE", "100000")]);
    let made = traffic(&app, 2000);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    assert_eq!(collector.spans().len(), 2000);
}

#[test]
fn no_span_is_dropped_at_the_default_queue_while_the_collector_keeps_up() {
    let collector = Collector::start();
    let app = observed(&collector, &[]);
    let made: f64 = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| traffic(&app, 2000)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .sum()
    });
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    assert_eq!(collector.spans().len() as f64, made);
}

#[test]
fn eight_exports_at_a_time_reach_a_collector_that_answers_and_none_of_their_spans_is_lost() {
    let collector = Collector::start();
    let app = observed(
        &collector,
        &[
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
            ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
        ],
    );
    let mut made = traffic(&app, 100);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    collector.set_mood(Mood::Hold);
    made += traffic(&app, 200);
    eventually("eight exports under way", || {
        (collector.unanswered() == 8).then_some(())
    });
    // The other 120 wait, and no ninth export begins.
    assert_eq!(app.spans("app"), [100.0, 0.0, 0.0]);
    assert_eq!(collector.unanswered(), 8);
    collector.set_mood(Mood::Accept);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    assert_eq!(collector.spans().len() as f64, made);
}

#[test]
fn one_export_at_a_time_reaches_a_collector_that_has_not_answered() {
    let collector = Collector::start();
    collector.set_mood(Mood::Hold);
    let app = observed(
        &collector,
        &[
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
        ],
    );
    let made = traffic(&app, 100);
    eventually("an export under way", || {
        (collector.unanswered() > 0).then_some(())
    });
    assert_eq!(collector.unanswered(), 1);
    collector.set_mood(Mood::Accept);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
}

#[test]
fn a_collector_that_refuses_fails_no_request_and_every_span_counts_as_failed() {
    let collector = Collector::start();
    collector.set_mood(Mood::Refuse);
    let app = observed(&collector, &[("OTEL_BSP_MAX_QUEUE_SIZE", "100000")]);
    let made = traffic(&app, 1000);
    assert_eq!(accounted(&app, "app", made), [0.0, 0.0, made]);

    collector.set_mood(Mood::Accept);
    traffic(&app, 10);
    collector.wait_for(10, |_| true);
    assert_eq!(accounted(&app, "app", made + 10.0), [10.0, 0.0, made]);
    // One line when it began and one when it ended, however many exports failed.
    let log = app.log();
    let lines = |part: &str| log.iter().filter(|line| line.contains(part)).count();
    assert_eq!(lines("span export failed"), 1);
    app.line_with("span export works again");
}

#[test]
fn a_collector_that_hangs_fills_the_queue_and_the_rest_is_dropped_and_counted() {
    let collector = Collector::start();
    collector.set_mood(Mood::Hang);
    let app = observed(
        &collector,
        &[
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "500"),
        ],
    );
    let mut made = traffic(&app, 1000);
    let spans = app.spans("app");
    assert!(
        spans[1] >= 1000.0 - 100.0 - 10.0 * 20.0,
        "bounded queue: {spans:?}"
    );
    collector.set_mood(Mood::Accept);
    eventually("exporting resumes", || {
        made += traffic(&app, 1);
        (app.spans("app")[0] > 0.0).then_some(())
    });
    let spans = accounted(&app, "app", made);
    assert_eq!(spans.iter().sum::<f64>(), made, "{spans:?}");
    assert_eq!(collector.spans().len() as f64, spans[0]);
}

#[test]
fn a_collector_that_starts_later_and_goes_away_and_comes_back_gets_what_is_sent_then() {
    let address = Collector::start().address;
    let endpoint = format!("http://{address}");
    let environment = [
        ("OTLP_GRPC_ENDPOINT", &*endpoint),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ];
    let app = Service::start("app", &environment);
    let mut made = traffic(&app, 5);
    assert_eq!(accounted(&app, "app", made), [0.0, 0.0, 5.0]);
    for _ in 0..2 {
        let collector = Collector::start_at(address);
        eventually("spans arrive", || {
            made += traffic(&app, 1);
            (!collector.spans().is_empty()).then_some(())
        });
    }
    let spans = accounted(&app, "app", made);
    assert_eq!(spans.iter().sum::<f64>(), made, "{spans:?}");
}

#[test]
fn spans_wait_for_a_collector_that_is_away_for_less_than_the_time_of_an_export() {
    let address = Collector::start().address;
    let endpoint = format!("http://{address}");
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &endpoint)]);
    let made = traffic(&app, 50);
    // Long enough for several retries.
    let started = Instant::now();
    eventually("the collector was away for two seconds", || {
        (started.elapsed() > Duration::from_secs(2)).then_some(())
    });
    let collector = Collector::start_at(address);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    assert_eq!(collector.spans().len() as f64, made);
}

#[test]
fn a_collector_that_is_not_there_does_not_slow_a_request() {
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", "http://127.0.0.1:1")]);
    let started = Instant::now();
    traffic(&app, 200);
    // The export's own time limit is 10 s: one that were waited for would show.
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn without_an_endpoint_nothing_is_exported_and_nothing_lost() {
    for off in [
        ("OTLP_GRPC_ENDPOINT", ""),
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
    ] {
        let collector = Collector::start();
        let app = observed(&collector, &[off]);
        traffic(&app, 10);
        assert_eq!(app.spans("app"), [0.0, 0.0, 0.0], "{off:?}");
        assert!(collector.spans().is_empty(), "{off:?}");
    }
}

#[test]
fn long_paths_do_not_make_a_batch_that_the_collector_refuses() {
    let collector = Collector::start();
    let app = observed(&collector, &[("OTEL_BSP_SCHEDULE_DELAY", "60000")]);
    let path = "é".repeat(7000);
    let mut stream = crate::support::http::connect(app.address);
    for _ in 0..512 {
        let request = format!("GET /items/{path} HTTP/1.1\r\nHost: a\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        crate::support::http::read(&mut stream).expect("a response");
    }
    assert_eq!(accounted(&app, "app", 512.0), [512.0, 0.0, 0.0]);
    let sent = collector.largest_request();
    assert!(
        sent < 4 << 20,
        "{sent} bytes, more than gRPC servers take by default"
    );
}

#[test]
fn spans_that_the_collector_refuses_in_an_answer_count_as_failed_and_are_told_once() {
    let collector = Collector::start();
    collector.set_mood(Mood::Partial);
    let app = observed(
        &collector,
        &[
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100000"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
        ],
    );
    let made = traffic(&app, 200);
    let spans = accounted(&app, "app", made);
    assert!(spans[2] >= 20.0, "one of each request: {spans:?}");
    assert_eq!(spans.iter().sum::<f64>(), made, "{spans:?}");
    assert_eq!(spans[0], collector.spans().len() as f64);
    assert_eq!(spans[1], 0.0);
    let line = app.line_with("the collector has refused spans");
    assert!(line.contains("no room\\nfor more"), "{line}");
    let told = |part: &str| app.log().iter().filter(|line| line.contains(part)).count();
    assert_eq!(told("the collector has refused spans"), 1);
    assert_eq!(told("span export failed"), 0);
}

#[test]
fn a_collector_that_only_warns_has_taken_all_spans() {
    let collector = Collector::start();
    collector.set_mood(Mood::Warn);
    let app = observed(&collector, &[]);
    let made = traffic(&app, 20);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    let line = app.line_with("the collector warns");
    assert!(line.contains("no room"), "{line}");
}
