//! Time series: a store, a scraper and the Prometheus API over them.

pub mod exposition;
mod labels;
pub mod promql;
mod sample;
pub mod store;

pub use labels::{Labels, METRIC_NAME};
pub use sample::{STALE_NAN_BITS, is_stale, now_ms, stale_nan};
pub use store::{Limits, Stats, Store};
