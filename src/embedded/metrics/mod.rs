//! Time series: a store, a scraper and the Prometheus API over them.

mod api;
mod duration;
pub mod exposition;
mod labels;
pub mod promql;
mod sample;
pub mod scrape;
pub mod store;

pub use api::router;
pub use labels::{Labels, METRIC_NAME};
pub use promql::QueryLimits;
pub use sample::{STALE_NAN_BITS, is_stale, now_ms, stale_nan};
pub use scrape::{ConfigError, FirstScrape, ScrapeConfig, Scraper, TargetSet};
pub use store::{Limits, Stats, Store};
