//! Counts a few requests, some of them with a trace id, and prints the metrics page.
//!
//! `cargo run --package openmetrics-exemplars --example page`

use std::error::Error;
use std::io;

use openmetrics_exemplars::{Exemplar, Exemplars, OpenMetricsEncoder};
use prometheus::{Encoder, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new();
    let exemplars = Exemplars::default();

    let requests = IntCounterVec::new(
        Opts::new("http_requests_total", "Requests that came in."),
        &["path"],
    )?;
    let duration = HistogramVec::new(
        HistogramOpts::new("http_request_duration_seconds", "Time to answer a request.")
            .buckets(vec![0.01, 0.1, 1.0]),
        &["path"],
    )?;
    // The registry collects the vectors themselves; the program records on their wrappers.
    registry.register(Box::new(requests.clone()))?;
    registry.register(Box::new(duration.clone()))?;
    let requests = exemplars.counter_vec(requests).with_label_values(&["/"])?;
    let duration = exemplars
        .histogram_vec(duration)
        .with_label_values(&["/"])?;

    for (seconds, trace_id) in [
        (0.004, Some("0af7651916cd43dd8448eb211c80319c")),
        (0.03, None),
        (0.4, Some("4bf92f3577b34da6a3ce929d0e0e4736")),
    ] {
        if let Some(trace_id) = trace_id {
            let exemplar = Exemplar::now([("trace_id", trace_id)])?;
            requests.inc_with_exemplar(&exemplar);
            duration.observe_with_exemplar(seconds, &exemplar);
        } else {
            requests.inc();
            duration.observe(seconds);
        }
    }

    OpenMetricsEncoder::new(exemplars).encode(&registry.gather(), &mut io::stdout())?;
    Ok(())
}
