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
pub mod engine;
pub mod ingest;
mod labels;
pub(crate) mod lang;
mod number;
mod sample;
pub mod store;

pub use api::router;
pub use engine::QueryLimits;
pub use ingest::scrape::{ConfigError, FirstScrape, ScrapeConfig, Scraper, TargetSet};
pub use labels::{Labels, METRIC_NAME};
pub use sample::{STALE_NAN_BITS, is_stale, now_ms, stale_nan};
pub use store::{Limits, Stats, Store};
