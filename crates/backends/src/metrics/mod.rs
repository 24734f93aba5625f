//! Time series: a store, a scraper and the Prometheus API over them.
//!
//! The parts and the order in which a server puts them together:
//!
//! 1. [`ScrapeConfig::parse`] reads `prometheus.yml`; whoever starts the server fits its jobs to the ports at hand
//! 2. [`Store::new`] holds what is scraped, [`TargetSet::new`] what is to be scraped
//! 3. [`router`] answers queries over both; [`Scraper::start`] fills the one from the other
//! 4. [`Rules::parse`] reads a rule file, [`rules::Evaluator::start`] computes its series and alerts
//! 5. [`Store::stats`] tells what was kept, thrown away and refused

mod api;
pub mod engine;
mod histogram;
pub(crate) mod ingest;
mod kahan;
mod labels;
pub(crate) mod lang;
mod number;
pub mod rules;
mod sample;
pub mod store;

pub use api::router;
pub use engine::QueryLimits;
pub use histogram::Histogram;
pub use ingest::scrape::{
    ConfigError, FirstScrape, Health, Job, LastScrape, ScrapeConfig, Scraper, Target, TargetSet,
    TargetSpec,
};
pub use labels::{Labels, METRIC_NAME};
pub use rules::{RuleError, Rules};
pub use sample::now_ms;
pub use store::{Limits, Stats, Store};
