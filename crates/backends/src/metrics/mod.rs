//! Time series: a store, a scraper and the Prometheus API over them.
//!
//! The parts and the order in which a server puts them together:
//!
//! 1. [`ScrapeConfig::parse`] reads `prometheus.yml`; [`ScrapeConfig::rewrite_targets`] and
//!    [`ScrapeConfig::retain_jobs`] fit it to the ports at hand
//! 2. [`Store::new`] holds what is scraped, [`TargetSet::new`] what is to be scraped
//! 3. [`router`] answers queries over both; [`Scraper::start`] fills the one from the other
//! 4. [`Store::stats`] tells what was kept, thrown away and refused

mod api;
mod duration;
pub mod exposition;
mod labels;
mod number;
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
