//! The functions that are fuzzed, one a target. Each takes whatever bytes came from outside and checks more than that
//! nothing panics: what is promised of an accepted input. `targets/` feeds them from libFuzzer, and
//! `tests/lab/fuzz.rs` from the files in `corpus/` and `regressions/`, with any toolchain.
//!
//! They use the doors that programs use: the routers of the embedded servers, the scraper, the shipper's pipeline.
//!
//! * [`server`]: a router that is asked without a socket
//! * `headers`: `traceparent`, `tracestate`, `baggage`
//! * `spans`, `log_records`, `data_points`: OTLP
//! * `push`: Loki's push API
//! * `samples`: remote write, and pages that are scraped
//! * `languages`: PromQL, LogQL, TraceQL, over the small stores of `worlds`
//! * `expression`: regular expressions, the same in all three languages
//! * `lines`: pipelines over a line, and the shipper
//! * `dashboard`, `incident`, `parameters`

mod dashboard;
mod data_points;
mod expression;
mod headers;
mod incident;
mod languages;
mod lines;
mod log_records;
mod parameters;
mod push;
mod samples;
mod server;
mod spans;
mod worlds;

pub use dashboard::dashboard;
pub use data_points::{otlp_metrics_json, otlp_metrics_protobuf};
pub use expression::regex;
pub use headers::{baggage, traceparent, tracestate};
pub use incident::incident;
pub use languages::{logql, promql, traceql};
pub use lines::{log_line, shipper};
pub use log_records::{otlp_logs_json, otlp_logs_protobuf};
pub use parameters::parameters;
pub use push::{push_json, push_protobuf};
pub use samples::{exposition, remote_write};
pub use spans::{otlp_json, otlp_protobuf};

/// A target.
pub type Target = fn(&[u8]);

/// All targets by name, which is also that of their folder in `corpus/` and `regressions/`.
pub const TARGETS: [(&str, Target); 22] = [
    ("baggage", baggage),
    ("dashboard", dashboard),
    ("exposition", exposition),
    ("incident", incident),
    ("log_line", log_line),
    ("logql", logql),
    ("otlp_json", otlp_json),
    ("otlp_logs_json", otlp_logs_json),
    ("otlp_logs_protobuf", otlp_logs_protobuf),
    ("otlp_metrics_json", otlp_metrics_json),
    ("otlp_metrics_protobuf", otlp_metrics_protobuf),
    ("otlp_protobuf", otlp_protobuf),
    ("parameters", parameters),
    ("promql", promql),
    ("push_json", push_json),
    ("push_protobuf", push_protobuf),
    ("regex", regex),
    ("remote_write", remote_write),
    ("shipper", shipper),
    ("traceparent", traceparent),
    ("traceql", traceql),
    ("tracestate", tracestate),
];
