use std::ops::ControlFlow;

use super::{Entry, Format, ParseError, ParsedSample, parse};

fn samples(body: &str, format: Format) -> Result<Vec<ParsedSample<'_>>, ParseError> {
    let mut list = Vec::new();
    parse(body, format, |entry| {
        if let Entry::Sample(sample) = entry {
            list.push(sample);
        }
        ControlFlow::Continue(())
    })?;
    Ok(list)
}

#[test]
fn an_open_metrics_sample_brings_its_timestamp_and_its_exemplar() {
    let body = "# TYPE a histogram\n# HELP a says \\\"x\\\"\\n\n\
        a_bucket{le=\"1.0\",p=\"q\\\"\\\\\\n\"} 3 17.5 # {TraceID=\"abc\"} 0.67 12.25\n\
        a_bucket{le=\"+Inf\"} 3 # {} 9\n\
        a_created 12.5\n# EOF\n";
    let list = samples(body, Format::OpenMetrics).unwrap();
    assert_eq!(list.len(), 3);
    assert_eq!(list[0].timestamp, Some(17_500));
    assert_eq!(list[0].labels[2].1, "q\"\\\n");
    let exemplar = list[0].exemplar.as_ref().unwrap();
    assert_eq!((exemplar.value, exemplar.timestamp), (0.67, Some(12_250)));
    assert_eq!(exemplar.labels, [("TraceID".into(), "abc".into())]);
    assert_eq!(list[1].exemplar.as_ref().unwrap().value, 9.0);
    assert_eq!(list[1].timestamp, None);
}

#[test]
fn the_text_format_is_lax_about_blanks_and_comments() {
    let body = "# hello\n\n#TYPE a gauge\n a {x = \"1\" , } \t 2.5e3  1000 \n# TYPE\n# TYPE b untyped\nb NaN";
    let list = samples(body, Format::Text).unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!((list[0].value, list[0].timestamp), (2500.0, Some(1000)));
    assert!(list[1].value.is_nan());
}

#[test]
fn a_quoted_name_in_the_braces_is_the_metric() {
    let list = samples("{\"my.metric\",a=\"b\"} 1\n# EOF\n", Format::OpenMetrics).unwrap();
    assert_eq!(list[0].labels[0], ("__name__".into(), "my.metric".into()));
}

#[test]
fn bounds_of_histograms_and_summaries_are_written_as_numbers() {
    let bounds = |body: &str, format| -> Vec<String> {
        let list = samples(body, format).unwrap();
        list.iter()
            .map(|sample| sample.labels[1].1.to_string())
            .collect()
    };
    let histogram = "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"0.50\"} 1\n\
        a_bucket{le=\"1e6\"} 1\na_bucket{le=\"+Inf\"} 1\na_bucket{le=\"x\"} 1\na_bucket{quantile=\"1\"} 1\n";
    let histogram = format!("{histogram}a_bucket{{le=\"-0\"}} 1\na_bucket{{le=\"1e400\"}} 1\n");
    let histogram = histogram.as_str();
    let wanted = ["1.0", "0.5", "1e+06", "+Inf", "x", "1", "0.0", "1e400"];
    assert_eq!(bounds(histogram, Format::Text), wanted);
    assert_eq!(
        bounds(&format!("{histogram}# EOF\n"), Format::OpenMetrics),
        wanted
    );
    let summary = "# TYPE b summary\nb{quantile=\"1\"} 2\nb{le=\"1\"} 2\n";
    assert_eq!(bounds(summary, Format::Text), ["1.0", "1"]);
    let gauge = "# TYPE b gauge\nb{quantile=\"1\"} 2\nb{le=\"1\"} 2\n";
    assert_eq!(bounds(gauge, Format::Text), ["1", "1"]);
}

#[test]
fn a_page_without_anything_has_no_samples() {
    for format in [Format::OpenMetrics, Format::Text] {
        assert_eq!(samples("", format).unwrap(), []);
    }
}

#[test]
fn a_timestamp_out_of_range_is_a_time_of_long_ago() {
    let body = "# TYPE a counter\na_total{foo=\"4\"} 1 12345678901234567890.1234567890\n# HELP a \n# EOF\n";
    let list = samples(body, Format::OpenMetrics).unwrap();
    assert!(list[0].timestamp.unwrap() < -1_000_000_000_000_000);
}

#[test]
fn what_the_format_forbids_is_named_with_its_line() {
    for (body, format, line) in [
        ("a 1\n", Format::OpenMetrics, 1),
        ("a 1\n# EOF\nb 2\n", Format::OpenMetrics, 3),
        ("a 1\n\n# EOF\n", Format::OpenMetrics, 2),
        ("a  1\n# EOF\n", Format::OpenMetrics, 1),
        ("# FOO a b\n# EOF\n", Format::OpenMetrics, 1),
        ("# TYPE a wheel\n", Format::Text, 1),
        ("# UNIT a_seconds bytes\n# EOF\n", Format::OpenMetrics, 1),
        ("# HELP a\n# EOF\n", Format::OpenMetrics, 1),
        ("# UNIT a\n# EOF\n", Format::OpenMetrics, 1),
        ("# TYPE a\n# EOF\n", Format::OpenMetrics, 1),
        ("a 1 NaN\n# EOF\n", Format::OpenMetrics, 1),
        ("a{b=\"1\",b=\"2\"} 1\n", Format::Text, 1),
        ("a{b=\"1} 1\n", Format::Text, 1),
        ("a{b} 1\n", Format::Text, 1),
        ("a 1\n{} 1\n", Format::Text, 2),
        ("a one\n", Format::Text, 1),
        ("a 1 2 3\n", Format::Text, 1),
        ("\u{fffd}\n", Format::Text, 1),
        ("a 1 # {a=\"b\"\n# EOF\n", Format::OpenMetrics, 1),
        ("a 1 # {\"b\"} 1\n# EOF\n", Format::OpenMetrics, 1),
        ("a 1 # {b=\"c\" } 1\n# EOF\n", Format::OpenMetrics, 1),
        ("a{b=\"c\", d=\"e\"} 1\n# EOF\n", Format::OpenMetrics, 1),
        ("a {b=\"c\"} 1\n# EOF\n", Format::OpenMetrics, 1),
        ("a{b =\"c\"} 1\n# EOF\n", Format::OpenMetrics, 1),
        ("# HELP a\tb\n# EOF\n", Format::OpenMetrics, 1),
        ("a 1 1000 \n# EOF\n", Format::OpenMetrics, 1),
        ("a{\"\"=\"b\"} 1\n", Format::Text, 1),
        ("a 1e400\n", Format::Text, 1),
        ("a +NaN\n", Format::Text, 1),
        ("a -NaN\n# EOF\n", Format::OpenMetrics, 1),
        ("a 1 -1\n", Format::Text, 1),
        ("a 1 +1000\n", Format::Text, 1),
        ("a 1\r\n", Format::Text, 1),
        ("# TYPE a gauge \n", Format::Text, 1),
        ("# TYPE a  gauge\n", Format::Text, 1),
    ] {
        let error = samples(body, format).expect_err(body);
        assert_eq!(error.line, line, "{body:?} → {error}");
    }
}

proptest::proptest! {
    #[test]
    fn no_body_makes_the_parser_panic(body in "[a{}=\",\\\\# \n1é.+eNITYPEHLO]{0,80}") {
        let _ = samples(&body, Format::OpenMetrics);
        let _ = samples(&body, Format::Text);
    }
}
