//! Scraping: targets from `prometheus.yml`, each on its own clock.

mod config;
mod fetch;
mod ingest;
mod target;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

pub use config::{ConfigError, Job, ScrapeConfig, TargetSpec};
pub(crate) use fetch::Fetcher;
pub(crate) use target::Metadata;
pub use target::{Health, LastScrape, Target};

use crate::metrics::store::Store;

/// All targets of a configuration, shared by the scraper and the API.
#[derive(Debug, Default)]
pub struct TargetSet {
    targets: Vec<Arc<Target>>,
    fetcher: Fetcher,
}

impl TargetSet {
    /// The targets of a configuration, none scraped yet.
    pub fn new(config: &ScrapeConfig) -> Self {
        let targets = config
            .jobs
            .iter()
            .flat_map(|job| {
                let shared = Arc::new(job.clone());
                job.targets
                    .iter()
                    .map(move |spec| Arc::new(Target::new(shared.clone(), spec)))
            })
            .collect();
        Self {
            targets,
            fetcher: Fetcher::default(),
        }
    }

    /// Each target, in the order of the configuration.
    pub fn targets(&self) -> &[Arc<Target>] {
        &self.targets
    }

    /// Scrapes every target once, all at the same time, and waits for them.
    pub async fn scrape_once(&self, store: &Arc<Store>) {
        let mut scrapes = JoinSet::new();
        for target in &self.targets {
            let (target, store, fetcher) = (target.clone(), store.clone(), self.fetcher.clone());
            scrapes.spawn(async move { target.scrape(&store, &fetcher).await });
        }
        while scrapes.join_next().await.is_some() {}
    }
}

/// When each target is scraped for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstScrape {
    /// At once.
    Immediate,
    /// Spread over the first interval, so that targets are not all scraped together.
    Spread,
}

/// The running scrapes. They end when this is dropped.
#[derive(Debug)]
pub struct Scraper {
    tasks: JoinSet<()>,
}

impl Scraper {
    /// Starts scraping, one task a target. Must be called inside a Tokio runtime.
    pub fn start(store: &Arc<Store>, targets: &Arc<TargetSet>, first: FirstScrape) -> Self {
        let mut tasks = JoinSet::new();
        for target in &targets.targets {
            let (target, store, fetcher) = (target.clone(), store.clone(), targets.fetcher.clone());
            tasks.spawn(async move {
                let interval = target.job.scrape_interval;
                let wait = match first {
                    FirstScrape::Immediate => Duration::ZERO,
                    FirstScrape::Spread => offset(&target, interval),
                };
                let mut ticks = tokio::time::interval_at(Instant::now() + wait, interval);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                loop {
                    ticks.tick().await;
                    target.scrape(&store, &fetcher).await;
                }
            });
        }
        Self { tasks }
    }

    /// Ends all scrapes and waits until none runs.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// A place within the interval that depends on the target alone.
fn offset(target: &Target, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    target.url.hash(&mut hasher);
    target.job_name().hash(&mut hasher);
    let span = u64::try_from(interval.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    Duration::from_millis(hasher.finish() % span)
}
