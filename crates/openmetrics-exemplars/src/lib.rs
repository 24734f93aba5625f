//! [OpenMetrics 1.0] text exposition with exemplars, for registries of the [`prometheus`] crate.
//!
//! The `prometheus` crate writes the older text format, which has no place for exemplars. This crate
//! adds them to that crate's own types:
//!
//! * [`Exemplars`] remembers the newest exemplar of every counter and of every histogram bucket;
//!   it hands out counters and histograms that record one along with their value.
//! * [`OpenMetricsEncoder`] implements [`prometheus::Encoder`] and writes them out.
//! * [`Exposition`] chooses the format by a scraper's `Accept` header.
//!
//! ```
//! use prometheus::{Encoder, HistogramOpts, HistogramVec, Registry};
//! use openmetrics_exemplars::{Exemplar, Exemplars, OpenMetricsEncoder};
//!
//! let registry = Registry::new();
//! let exemplars = Exemplars::default();
//! let duration = HistogramVec::new(
//!     HistogramOpts::new("request_duration_seconds", "Time to answer.").buckets(vec![0.1, 1.0]),
//!     &["path"],
//! )?;
//! registry.register(Box::new(duration.clone()))?;
//! let duration = exemplars.histogram_vec(duration);
//!
//! let exemplar = Exemplar::now([("TraceID", "0af7651916cd43dd8448eb211c80319c")])?;
//! duration.with_label_values(&["/"])?.observe_with_exemplar(0.25, &exemplar);
//!
//! let mut body = Vec::new();
//! OpenMetricsEncoder::new(exemplars).encode(&registry.gather(), &mut body)?;
//! let body = String::from_utf8(body)?;
//! assert!(body.contains("# UNIT request_duration_seconds seconds\n"));
//! assert!(body.contains(
//!     r#"bucket{path="/",le="1.0"} 1 # {TraceID="0af7651916cd43dd8448eb211c80319c"} 0.25 "#
//! ));
//! assert!(body.ends_with("# EOF\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [OpenMetrics 1.0]: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md

// A metrics page is written by running services: what can be handled must not end them.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]
#![warn(missing_docs)]

mod encoder;
mod exemplar;
mod negotiation;
mod text;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use encoder::{CONTENT_TYPE, OpenMetricsEncoder};
pub use exemplar::{
    Exemplar, ExemplarCounter, ExemplarCounterVec, ExemplarHistogram, ExemplarHistogramVec,
    ExemplarTooLong, Exemplars, MAX_EXEMPLAR_CHARS,
};
pub use negotiation::Exposition;

#[cfg(test)]
mod tests;
