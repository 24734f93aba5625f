use std::time::{Duration, UNIX_EPOCH};

use prometheus::{
    Encoder, Gauge, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry,
};

use super::{Exemplar, Exemplars, MAX_EXEMPLAR_CHARS, OpenMetricsEncoder};

fn encoded(registry: &Registry, exemplars: &Exemplars) -> String {
    let mut body = Vec::new();
    OpenMetricsEncoder::new(exemplars.clone())
        .encode(&registry.gather(), &mut body)
        .unwrap();
    String::from_utf8(body).unwrap()
}

#[test]
fn an_empty_registry_is_an_end_marker() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    assert_eq!(encoded(&registry, &exemplars), "# EOF\n");
}

#[test]
fn a_counter_has_the_suffix_on_its_samples_only_whether_its_name_has_it_or_not() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    for name in ["bytes_read_bytes_total", "jobs"] {
        let counter = IntCounterVec::new(Opts::new(name, "Help."), &["kind"]).unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        counter.with_label_values(&["a"]).inc_by(3);
    }
    assert_eq!(
        encoded(&registry, &exemplars),
        "# TYPE bytes_read_bytes counter\n\
         # UNIT bytes_read_bytes bytes\n\
         # HELP bytes_read_bytes Help.\n\
         bytes_read_bytes_total{kind=\"a\"} 3\n\
         # TYPE jobs counter\n\
         # HELP jobs Help.\n\
         jobs_total{kind=\"a\"} 3\n\
         # EOF\n"
    );
}

#[test]
fn help_and_label_values_are_escaped() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let gauge = IntGaugeVec::new(Opts::new("g", "A \\ \"b\"\nc"), &["l"]).unwrap();
    registry.register(Box::new(gauge.clone())).unwrap();
    gauge.with_label_values(&["\\ \" \n é"]).set(-1);
    assert_eq!(
        encoded(&registry, &exemplars),
        "# TYPE g gauge\n# HELP g A \\\\ \\\"b\\\"\\nc\ng{l=\"\\\\ \\\" \\n é\"} -1\n# EOF\n"
    );
}

#[test]
fn numbers_have_the_forms_of_the_specification() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let gauge = Gauge::new("g", "Help.").unwrap();
    registry.register(Box::new(gauge.clone())).unwrap();
    for (value, text) in [
        (0.0, "0"),
        (0.1, "0.1"),
        (1e-5, "1e-05"),
        (2.5e-10, "2.5e-10"),
        (123_456.75, "123456.75"),
        (1e6, "1000000"),
        (1_234_567.5, "1.2345675e+06"),
        (1e300, "1e+300"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
    ] {
        gauge.set(value);
        let expected = format!("# TYPE g gauge\n# HELP g Help.\ng {text}\n# EOF\n");
        assert_eq!(encoded(&registry, &exemplars), expected);
    }
}

#[test]
fn each_bucket_has_the_newest_exemplar_that_fell_into_it() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let options = HistogramOpts::new("h_seconds", "Help.").buckets(vec![0.5, 1.0, 1e6]);
    let histogram = HistogramVec::new(options, &["path"]).unwrap();
    registry.register(Box::new(histogram.clone())).unwrap();
    let histogram = exemplars.histogram_vec(histogram);
    let child = histogram.with_label_values(&["/\""]).unwrap();
    for (second, value) in [(1, 0.25), (2, 0.5), (3, 0.75), (4, 2e6)] {
        let at = UNIX_EPOCH + Duration::from_millis(second * 1000 + 7);
        let id = second.to_string();
        let exemplar = Exemplar::at([("TraceID", id.as_str())], at).unwrap();
        child.observe_with_exemplar(value, &exemplar);
    }
    child.observe(0.1);
    assert_eq!(
        encoded(&registry, &exemplars),
        "# TYPE h_seconds histogram\n\
         # UNIT h_seconds seconds\n\
         # HELP h_seconds Help.\n\
         h_seconds_bucket{path=\"/\\\"\",le=\"0.5\"} 3 # {TraceID=\"2\"} 0.5 2.007\n\
         h_seconds_bucket{path=\"/\\\"\",le=\"1.0\"} 4 # {TraceID=\"3\"} 0.75 3.007\n\
         h_seconds_bucket{path=\"/\\\"\",le=\"1e+06\"} 4\n\
         h_seconds_bucket{path=\"/\\\"\",le=\"+Inf\"} 5 # {TraceID=\"4\"} 2000000 4.007\n\
         h_seconds_count{path=\"/\\\"\"} 5\n\
         h_seconds_sum{path=\"/\\\"\"} 2.0000016e+06\n\
         # EOF\n"
    );
}

#[test]
fn a_histogram_with_negative_bounds_has_no_sum() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let options = HistogramOpts::new("h", "Help.").buckets(vec![-1.0, 1.0]);
    let histogram = prometheus::Histogram::with_opts(options).unwrap();
    registry.register(Box::new(histogram.clone())).unwrap();
    histogram.observe(-2.0);
    let text = encoded(&registry, &exemplars);
    assert!(text.contains("h_bucket{le=\"-1.0\"} 1\n"), "{text}");
    assert!(
        text.contains("h_count 1\n") && !text.contains("h_sum"),
        "{text}"
    );
}

#[test]
fn a_counter_remembers_its_newest_exemplar_and_children_do_not_share_it() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let counter = IntCounterVec::new(Opts::new("c_total", "Help."), &["b", "a"]).unwrap();
    registry.register(Box::new(counter.clone())).unwrap();
    let counter = exemplars.counter_vec(counter);
    let at = UNIX_EPOCH + Duration::from_secs(1);
    for id in ["old", "new"] {
        let exemplar = Exemplar::at([("id", id)], at).unwrap();
        counter
            .with_label_values(&["1", "2"])
            .unwrap()
            .inc_with_exemplar(&exemplar);
    }
    counter.with_label_values(&["2", "1"]).unwrap().inc();
    let text = encoded(&registry, &exemplars);
    assert!(
        text.contains("c_total{a=\"2\",b=\"1\"} 2 # {id=\"new\"} 1 1.000\n"),
        "{text}"
    );
    assert!(text.contains("c_total{a=\"1\",b=\"2\"} 1\n"), "{text}");
}

#[test]
fn an_exemplar_of_the_same_millisecond_as_the_newest_is_not_made() {
    let (registry, exemplars) = (Registry::new(), Exemplars::default());
    let counter = IntCounterVec::new(Opts::new("c_total", "Help."), &[]).unwrap();
    let options = HistogramOpts::new("h", "Help.").buckets(vec![1.0]);
    let histogram = HistogramVec::new(options, &[]).unwrap();
    registry.register(Box::new(counter.clone())).unwrap();
    registry.register(Box::new(histogram.clone())).unwrap();
    let counter = exemplars.counter_vec(counter);
    let counter = counter.with_label_values(&[]).unwrap();
    let histogram = exemplars.histogram_vec(histogram);
    let histogram = histogram.with_label_values(&[]).unwrap();
    let mut made = Vec::new();
    // Microseconds after 1970; the last one is read late from the clock.
    for (id, at) in [("a", 5000), ("b", 5999), ("c", 6000), ("d", 5500)] {
        let at = UNIX_EPOCH + Duration::from_micros(at);
        let exemplar = || Exemplar::at([("id", id)], at).unwrap();
        counter.inc_with_exemplar_at(at, || {
            made.push(format!("{id} of the counter"));
            exemplar()
        });
        for value in [0.5, 0.25, 2.0] {
            histogram.observe_with_exemplar_at(value, at, || {
                made.push(format!("{id} of {value}"));
                exemplar()
            });
        }
    }
    assert_eq!(
        made,
        [
            "a of the counter",
            "a of 0.5",
            "a of 2",
            "c of the counter",
            "c of 0.5",
            "c of 2"
        ]
    );
    let text = encoded(&registry, &exemplars);
    for line in [
        "c_total 4 # {id=\"c\"} 1 0.006\n",
        "h_bucket{le=\"1.0\"} 8 # {id=\"c\"} 0.5 0.006\n",
        "h_bucket{le=\"+Inf\"} 12 # {id=\"c\"} 2 0.006\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn an_exemplar_may_have_128_characters_and_no_more() {
    let of = |length: usize| Exemplar::now([("é", "é".repeat(length).as_str())]);
    assert!(of(MAX_EXEMPLAR_CHARS - 1).is_ok());
    let error = of(MAX_EXEMPLAR_CHARS).unwrap_err();
    assert_eq!(
        error.to_string(),
        "exemplar labels have 129 characters; the most is 128"
    );
}
