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
    let body =
        "# hello\n\n#TYPE a gauge\n a {x = \"1\" , } \t 2.5e3  1000 \r\n# TYPE b untyped\nb NaN";
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
fn what_the_format_forbids_is_named_with_its_line() {
    for (body, format, line) in [
        ("a 1\n", Format::OpenMetrics, 1),
        ("a 1\n# EOF\nb 2\n", Format::OpenMetrics, 3),
        ("a 1\n\n# EOF\n", Format::OpenMetrics, 2),
        ("a  1\n# EOF\n", Format::OpenMetrics, 1),
        ("# FOO a b\n# EOF\n", Format::OpenMetrics, 1),
        ("# TYPE a wheel\n", Format::Text, 1),
        ("# UNIT a_seconds bytes\n# EOF\n", Format::OpenMetrics, 1),
        ("a{b=\"1\",b=\"2\"} 1\n", Format::Text, 1),
        ("a{b=\"1} 1\n", Format::Text, 1),
        ("a{b} 1\n", Format::Text, 1),
        ("a 1\n{} 1\n", Format::Text, 2),
        ("a one\n", Format::Text, 1),
        ("a 1 2 3\n", Format::Text, 1),
        ("\u{fffd}\n", Format::Text, 1),
        ("a 1 # {a=\"b\"\n# EOF\n", Format::OpenMetrics, 1),
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
