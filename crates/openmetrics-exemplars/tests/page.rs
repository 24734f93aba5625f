//! The public API as a program uses it: the page of a real registry, read by another parser.

use openmetrics_exemplars::{Exemplar, Exemplars, Exposition, OpenMetricsEncoder};
use openmetrics_parser::openmetrics::parse_openmetrics;
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";

fn page() -> String {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let requests = IntCounterVec::new(Opts::new("requests_total", "Requests."), &["path"]).unwrap();
    let options = HistogramOpts::new("duration_seconds", "Durations.").buckets(vec![0.1, 1.0]);
    let duration = HistogramVec::new(options, &["path"]).unwrap();
    registry.register(Box::new(requests.clone())).unwrap();
    registry.register(Box::new(duration.clone())).unwrap();
    let exemplar = Exemplar::now([("trace_id", TRACE_ID)]).unwrap();
    let requests = exemplars.counter_vec(requests);
    let duration = exemplars.histogram_vec(duration);
    requests
        .with_label_values(&["/\"a\\b\n"])
        .unwrap()
        .inc_with_exemplar(&exemplar);
    duration
        .with_label_values(&["/"])
        .unwrap()
        .observe_with_exemplar(0.25, &exemplar);
    let mut page = Vec::new();
    OpenMetricsEncoder::new(exemplars)
        .encode(&registry.gather(), &mut page)
        .unwrap();
    String::from_utf8(page).unwrap()
}

#[test]
fn another_parser_reads_the_page_and_its_families() {
    let page = page();
    // This parser refuses the unit of a histogram, which the specification's own examples have.
    let unit = "# UNIT duration_seconds seconds\n";
    assert!(page.contains(unit), "{page}");
    let exposition = parse_openmetrics(&page.replace(unit, "")).unwrap();
    let mut names: Vec<&String> = exposition.families.keys().collect();
    names.sort();
    assert_eq!(names, ["duration_seconds", "requests"], "{page}");
}

#[test]
fn a_counter_and_the_bucket_of_the_value_carry_the_exemplar_and_no_other_sample_does() {
    let page = page();
    let with: Vec<&str> = page
        .lines()
        .filter(|line| line.contains(TRACE_ID))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        with,
        [
            r#"duration_seconds_bucket{path="/",le="1.0"}"#,
            r#"requests_total{path="/\"a\\b\n"}"#
        ],
        "{page}"
    );
}

#[test]
fn the_encoder_names_the_content_type_that_negotiation_gives() {
    let encoder = OpenMetricsEncoder::new(Exemplars::default());
    assert_eq!(
        encoder.format_type(),
        Exposition::OpenMetrics.content_type()
    );
}
