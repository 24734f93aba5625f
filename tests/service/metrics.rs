//! The metrics page: right numbers, formats that other programs read, and bounded size.

use std::collections::BTreeSet;

use crate::support::collector::Collector;
use crate::support::eventually;
use crate::support::http::{self, request};
use crate::support::service::{Service, trio};
use openmetrics_parser::openmetrics;
use regex::Regex;

#[test]
fn requests_responses_durations_and_exceptions_are_counted_by_route() {
    let app = Service::start("app", &[]);
    for target in [
        "/items/1",
        "/items/2",
        "/items/x",
        "/error_test",
        "/error_test",
    ] {
        app.get(target);
    }
    request(app.address, "POST", "/items/1", &[]);
    for (series, value) in [
        (
            "salvo_requests_total{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\"}",
            3.0,
        ),
        (
            "salvo_responses_total{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\",status_code=\"200\"}",
            2.0,
        ),
        (
            "salvo_responses_total{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\",status_code=\"422\"}",
            1.0,
        ),
        (
            "salvo_requests_duration_seconds_count{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\"}",
            3.0,
        ),
        (
            "salvo_requests_duration_seconds_bucket{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\",le=\"+Inf\"}",
            3.0,
        ),
        (
            "salvo_exceptions_total{app_name=\"app\",exception_type=\"salvo_observability::app::handlers::StockError\",method=\"GET\",path=\"/error_test\"}",
            2.0,
        ),
        (
            "salvo_responses_total{app_name=\"app\",method=\"GET\",path=\"/error_test\",status_code=\"500\"}",
            2.0,
        ),
        (
            "salvo_responses_total{app_name=\"app\",method=\"POST\",path=\"_unmatched\",status_code=\"405\"}",
            1.0,
        ),
        (
            "salvo_requests_in_progress{app_name=\"app\",method=\"GET\",path=\"/items/{item_id}\"}",
            0.0,
        ),
        ("salvo_app_info{app_name=\"app\",version=\"0.1.0\"}", 1.0),
    ] {
        assert_eq!(app.metric(series), value, "{series}");
    }
}

#[test]
fn a_request_is_in_progress_until_it_is_answered_or_its_client_goes_away() {
    let app = Service::start("app", &[]);
    let gauge = "salvo_requests_in_progress{app_name=\"app\",method=\"GET\",path=\"/io_task\"}";
    let mut stream = http::connect(app.address);
    std::io::Write::write_all(&mut stream, b"GET /io_task HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    eventually("one in progress", || {
        (app.metric(gauge) == 1.0).then_some(())
    });
    drop(stream);
    eventually("none in progress", || {
        (app.metric(gauge) == 0.0).then_some(())
    });
}

#[test]
fn the_format_is_the_one_the_scraper_prefers() {
    let app = Service::start("app", &[]);
    let typed = |accept: &[(&str, &str)]| {
        let response = request(app.address, "GET", "/metrics", accept);
        let content_type = response.header("content-type").unwrap().to_owned();
        (content_type, response.body.ends_with("# EOF\n"))
    };
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8".to_owned();
    let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    assert_eq!(typed(&[("Accept", prometheus)]), (openmetrics, true));
    let text = ("text/plain; version=0.0.4".to_owned(), false);
    assert_eq!(typed(&[("Accept", "*/*")]), text);
    assert_eq!(typed(&[]), text);
}

#[test]
fn an_independent_parser_reads_the_page_with_the_same_values() {
    let name = "quote \" backslash \\ é 🦀";
    let app = Service::start(name, &[]);
    app.get("/items/1");
    app.get("/error_test");
    let page = app.openmetrics();
    // That parser knows no units of histograms, which the specification's own examples have.
    let histogram_unit = "# UNIT salvo_requests_duration_seconds seconds\n";
    assert!(page.contains(histogram_unit));
    let page = page.replace(histogram_unit, "");
    let parsed = openmetrics::parse_openmetrics(&page).expect("OpenMetrics");
    let named = parsed.families["salvo_requests"]
        .iter_samples()
        .filter_map(|sample| sample.get_labelset().ok())
        .any(|labels| labels.iter().any(|(_, value)| value == name));
    assert!(named, "{page}");
    assert_eq!(
        parsed.families["process_resident_memory_bytes"].unit,
        "bytes"
    );
    assert!(
        parsed
            .families
            .values()
            .all(|family| !family.help.is_empty())
    );
}

#[test]
fn ten_thousand_random_paths_and_methods_add_no_series_beyond_a_fixed_number() {
    let app = Service::start("app", &[]);
    let series = || -> BTreeSet<String> {
        let page = app.openmetrics();
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| Some(line.split_once("} ")?.0.to_owned()))
            .collect()
    };
    let mut stream = http::connect(app.address);
    for number in 0..10_000_u64 {
        let random = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let method = match number % 4 {
            0 => "GET".to_owned(),
            1 => ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"][random as usize % 5].to_owned(),
            _ => format!("M{random:X}"),
        };
        let path = match number % 3 {
            0 => format!("/{random:x}"),
            1 => format!("/items/{random:x}?{random}={random}"),
            _ => format!("/items/{random}/{random:x}"),
        };
        let text = format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        std::io::Write::write_all(&mut stream, text.as_bytes()).unwrap();
        http::read(&mut stream).expect("a response");
    }
    let known: BTreeSet<_> = series();
    let methods = Regex::new("method=\"([^\"]*)\"").unwrap();
    let paths = Regex::new("path=\"([^\"]*)\"").unwrap();
    let values = |regex: &Regex| -> BTreeSet<String> {
        let found = known.iter().filter_map(|line| regex.captures(line));
        found.map(|captures| captures[1].to_owned()).collect()
    };
    let expected = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        values(&methods),
        expected(&["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT", "_OTHER"])
    );
    assert_eq!(
        values(&paths),
        expected(&["/items/{item_id}", "/metrics", "_unmatched"])
    );
    // Nine label sets (seven methods without a route, items, metrics), each with a counter, a gauge
    // and a histogram of 59 lines (56 buckets, +Inf, sum, count); 16 of method, route and status; five that have neither.
    assert!(known.len() <= 9 * 61 + 16 + 5, "{} series", known.len());
}

#[test]
fn the_trace_of_every_exemplar_is_one_that_was_exported() {
    let collector = Collector::start();
    let [a, b, c] = trio(&collector.endpoint());
    for target in ["/chain", "/items/1", "/error_test", "/nope"] {
        a.get(target);
    }
    let spans = collector.wait_for(10, |_| true);
    let exported: BTreeSet<_> = spans.iter().map(|span| span.trace_id()).collect();
    let exemplar = Regex::new(r#" # \{TraceID="([0-9a-f]{32})"\} \S+ \d+\.\d{3}$"#).unwrap();
    let mut seen = BTreeSet::new();
    for app in [&a, &b, &c] {
        let page = app.openmetrics();
        for line in page.lines().filter(|line| line.contains(" # ")) {
            let id = exemplar.captures(line).expect(line)[1].to_owned();
            assert!(exported.contains(&id), "{line}");
            seen.insert(id);
        }
        for family in [
            "salvo_requests_total",
            "salvo_responses_total",
            "salvo_requests_duration_seconds_bucket",
        ] {
            let with = |line: &&str| line.starts_with(family) && line.contains("TraceID");
            assert!(page.lines().any(|line| with(&line)), "{family}");
        }
    }
    assert_eq!(seen, exported);
    assert!(
        a.openmetrics()
            .lines()
            .any(|line| line.starts_with("salvo_exceptions_total{") && line.contains("TraceID"))
    );
}

#[test]
fn the_older_text_format_has_no_exemplars() {
    let collector = Collector::start();
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &collector.endpoint())]);
    app.get("/");
    assert!(!app.get("/metrics").body.contains("TraceID"));
    assert!(app.openmetrics().contains("TraceID"));
}

#[test]
fn the_time_of_an_exemplar_never_goes_back_though_slow_requests_began_before_quick_ones() {
    let app = Service::start("app", &[]);
    let address = app.address;
    let slow: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(move || http::get(address, "/random_sleep").status))
        .collect();
    let line = Regex::new(r"(?m)^(\S+) \S+ # \{\S+\} \S+ (\d+\.\d{3})$").unwrap();
    let mut newest = std::collections::BTreeMap::new();
    while slow.iter().any(|thread| !thread.is_finished()) {
        app.get("/random_status");
        for found in line.captures_iter(&app.openmetrics()) {
            let at: f64 = found[2].parse().unwrap();
            let before = newest.insert(found[1].to_owned(), at).unwrap_or(0.0);
            assert!(at >= before, "{}: {at} after {before}", &found[1]);
        }
    }
    for thread in slow {
        assert_eq!(thread.join().unwrap(), 200);
    }
    assert!(!newest.is_empty());
}
