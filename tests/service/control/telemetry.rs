//! Faults of spans, log lines and metrics: the service is well, and what is told of it is wrong.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{Faulty, SLOW, spans};
use crate::support::collector::{Collector, Mood};
use crate::support::eventually;

#[test]
fn a_log_level_hides_lines_until_it_is_removed() {
    let faulty = Faulty::start("app", &[]);
    let of = |part: &str| {
        let log = faulty.app.log();
        log.iter().filter(|line| line.contains(part)).count()
    };
    faulty.put(json!([{"kind": "log-level", "level": "error"}]));
    faulty.app.get("/");
    faulty.app.get("/items/x");
    faulty.app.get("/error_test");
    faulty.app.line_with("/error_test failed");
    assert_eq!((of("hello world"), of("WARN")), (0, 0));
    faulty.put(json!([{"kind": "log-level", "level": "off"}]));
    faulty.app.get("/error_test");
    faulty.clear();
    faulty.app.get("/");
    faulty.app.line_with("hello world");
    assert_eq!(of("/error_test failed"), 1);
}

#[test]
fn a_scrape_that_fails_leaves_the_service_and_its_probes_alone() {
    let faulty = Faulty::start("app", &[]);
    faulty.put(json!([{"kind": "scrape", "status": 503}]));
    assert_eq!(faulty.app.get("/metrics").status, 503);
    for fine in ["/", "/livez", "/readyz"] {
        assert_eq!(faulty.app.get(fine).status, 200, "{fine}");
    }
    faulty.put(json!([{"kind": "scrape", "delay_ms": SLOW}]));
    let (page, slow) = faulty.timed("/metrics");
    assert_eq!(page.status, 200);
    assert!(slow >= Duration::from_millis(SLOW), "{slow:?}");
    // Down for a second, then up for a second.
    faulty.put(json!([{"kind": "scrape", "status": 500, "period_s": 2, "down_s": 1}]));
    for status in [500, 200, 500, 200] {
        eventually(&format!("a scrape that gives {status}"), || {
            (faulty.app.get("/metrics").status == status).then_some(())
        });
    }
    let share = json!([{"kind": "scrape", "status": 500, "share": 0.5}]);
    faulty.put(share);
    let mut statuses = faulty.statuses("/metrics", 30);
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 500]);
    faulty.clear();
    assert_eq!(faulty.app.get("/metrics").status, 200);
}

#[test]
fn a_skewed_clock_moves_spans_and_log_lines() {
    let collector = Collector::start();
    let faulty = Faulty::observed(&collector, &[]);
    let now = || {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a time")
            .as_secs_f64()
    };
    let ahead = |number: usize| {
        let span = spans(&collector, number, "GET /items/{item_id}")
            .remove(number - 1)
            .span;
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
        span.start_time_unix_nano as f64 / 1e9 - now()
    };
    let day = |number: usize| {
        let lines = eventually("a line", || {
            let log = faulty.app.log();
            let lines: Vec<_> = log
                .into_iter()
                .filter(|line| line.ends_with(" - items"))
                .collect();
            (lines.len() >= number).then_some(lines)
        });
        lines[number - 1][..10].to_owned()
    };
    faulty.app.get("/items/1");
    assert!(ahead(1).abs() < 60.0);
    for (number, seconds) in [(2, 86_400), (3, -86_400)] {
        faulty.put(json!([{"kind": "clock-skew", "seconds": seconds}]));
        faulty.app.get("/items/1");
        let skew = ahead(number);
        assert!((skew - f64::from(seconds)).abs() < 60.0, "{skew}");
        assert_ne!(day(number), day(1));
    }
    faulty.clear();
    faulty.app.get("/items/1");
    assert!(ahead(4).abs() < 60.0);
}

#[test]
fn a_small_queue_of_spans_drops_the_rest_and_counts_it() {
    let collector = Collector::start();
    collector.set_mood(Mood::Hold);
    let faulty = Faulty::observed(&collector, &[("OTEL_BSP_SCHEDULE_DELAY", "60000")]);
    faulty.put(json!([{"kind": "span-queue", "size": 5}]));
    for _ in 0..20 {
        faulty.app.get("/");
    }
    let dropped = || faulty.app.spans("app")[1];
    eventually("15 of 20 spans are dropped", || {
        (dropped() == 15.0).then_some(())
    });
    faulty.clear();
    for _ in 0..20 {
        faulty.app.get("/");
    }
    assert_eq!(dropped(), 15.0);
    collector.set_mood(Mood::Accept);
}

#[test]
fn raw_paths_as_labels_make_a_series_for_each_path_up_to_a_bound() {
    let faulty = Faulty::start("app", &[]);
    let series = |page: &str| -> Vec<String> {
        let lines = page
            .lines()
            .filter(|line| line.starts_with("salvo_requests_total{"));
        lines
            .filter_map(|line| {
                line.split("path=\"")
                    .nth(1)?
                    .split('"')
                    .next()
                    .map(str::to_owned)
            })
            .collect()
    };
    faulty.app.get("/items/0");
    faulty.put(json!([{"kind": "cardinality", "max_series": 3, "routes": ["/items/{item_id}"]}]));
    for item in ["1", "2", "2", "3", "4", "%7Bitem_id%7D"] {
        faulty.app.get(&format!("/items/{item}"));
    }
    faulty.app.get("/");
    let page = faulty.app.openmetrics();
    let mut paths = series(&page);
    paths.sort();
    // The fourth path and further ones are counted by their route.
    let expected = [
        "/",
        "/items/1",
        "/items/2",
        "/items/3",
        "/items/{item_id}",
        "/metrics",
    ];
    assert_eq!(paths, expected);
    let count = |path: &str, metric: &str| {
        faulty.app.metric(&format!(
            "{metric}{{app_name=\"app\",method=\"GET\",path=\"{path}\"}}"
        ))
    };
    assert_eq!(count("/items/2", "salvo_requests_total"), 2.0);
    assert_eq!(
        count("/items/2", "salvo_requests_duration_seconds_count"),
        2.0
    );
    assert_eq!(count("/items/{item_id}", "salvo_requests_total"), 3.0);
    let responses = "salvo_responses_total{app_name=\"app\",method=\"GET\",path=\"/items/2\",status_code=\"200\"}";
    assert_eq!(faulty.app.metric(responses), 2.0);
    // Neither format has a series twice, or a family.
    for page in [page, faulty.app.get("/metrics").body] {
        let mut names: Vec<_> = page
            .lines()
            .filter(|line| line.starts_with("# TYPE ") || !line.starts_with('#'))
            .map(|line| line.split(" # ").next().unwrap_or_default())
            // The value of a label may have braces too.
            .filter_map(|line| line.rsplit_once('}'))
            .map(|(name, _value)| name)
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert_eq!(page.matches("# TYPE salvo_requests").count(), 3, "{page}");
    }
    faulty.clear();
    faulty.app.get("/items/5");
    let paths = series(&faulty.app.openmetrics());
    assert!(
        paths
            .iter()
            .all(|path| !path.starts_with("/items/") || path.contains('{')),
        "{paths:?}"
    );
}

#[test]
fn a_broken_log_format_takes_the_causes_out_of_their_entry() {
    let faulty = Faulty::start("app", &[]);
    let last = |count: usize| {
        eventually("the lines of an error", || {
            let log = faulty.app.log();
            let ends: Vec<_> = (0..log.len())
                .filter(|line| log[*line].contains("invalid digit"))
                .collect();
            let end = *ends.get(count - 1)?;
            Some(log[end - 2..=end].to_vec())
        })
    };
    let dated = |line: &str| line.as_bytes().iter().take(4).all(u8::is_ascii_digit);
    let dates = |lines: &[String]| lines.iter().map(|line| dated(line)).collect::<Vec<_>>();
    faulty.app.get("/error_test");
    assert_eq!(dates(&last(1)), [true, false, false]);
    faulty.put(json!([{"kind": "log-format"}]));
    faulty.app.get("/error_test");
    let broken = last(2);
    assert_eq!(dates(&broken), [true, true, true]);
    assert!(!broken[0].contains("trace_id=0 "), "{broken:?}");
    for cause in &broken[1..] {
        assert!(cause.contains("[trace_id=0 span_id=0 "), "{cause}");
        assert!(cause.contains("] - caused by: "), "{cause}");
    }
    faulty.put(json!([{"kind": "log-format", "form": "undated"}]));
    faulty.app.get("/error_test");
    let broken = last(3);
    assert_eq!(dates(&broken), [false, false, false]);
    assert!(broken[0].starts_with("ERROR ["), "{broken:?}");
    faulty.clear();
    faulty.app.get("/error_test");
    assert_eq!(dates(&last(4)), [true, false, false]);
}

#[test]
fn lines_of_json_have_no_form_to_break() {
    let faulty = Faulty::start("app", &[("LOG_FORMAT", "json")]);
    let set = json!({"faults": [{"kind": "log-format"}]}).to_string();
    let response = faulty.send("PUT", set.as_bytes());
    assert_eq!(response.status, 400);
    assert!(
        response.body.contains("LOG_FORMAT=text"),
        "{}",
        response.body
    );
}

#[test]
fn of_two_faults_of_one_kind_the_later_one_counts() {
    let faulty = Faulty::start("app", &[]);
    faulty.put(json!([
        {"kind": "log-level", "level": "off"},
        {"kind": "log-level", "level": "error", "after_s": 0.3},
    ]));
    faulty.app.get("/error_test");
    eventually("the second level", || {
        faulty.app.get("/error_test");
        let log = faulty.app.log();
        log.iter()
            .any(|line| line.contains("/error_test failed"))
            .then_some(())
    });
}
