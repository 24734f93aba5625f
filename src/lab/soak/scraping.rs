//! The scraper of the lab under test, with an exact count of the scrapes that were missed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::fault::NAMES;
use lab_backends::metrics::{Health, ScrapeConfig, Store, TargetSet};

/// Time between two scrapes.
const EVERY: Duration = Duration::from_millis(500);

/// Counts of scrapes, of one instance each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scrapes {
    /// Scrapes that were due.
    pub(super) due: u64,
    /// Those that succeeded.
    pub(super) good: u64,
    /// Samples of a whole scrape of one instance.
    pub(super) page: u64,
}

/// The scraper. It ends when it is dropped.
pub(super) struct Scraping {
    targets: Arc<TargetSet>,
    counts: Arc<Mutex<Scrapes>>,
    runs: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Scraping {
    /// The targets of the instances at `addresses`.
    ///
    /// # Errors
    /// An error of the configuration, which would be a bug.
    pub(super) fn targets(addresses: &[SocketAddr]) -> anyhow::Result<Arc<TargetSet>> {
        let mut yaml = "global: {scrape_interval: 500ms, scrape_timeout: 450ms}\n\
                        scrape_configs:\n"
            .to_owned();
        for (name, address) in NAMES.iter().zip(addresses) {
            yaml.push_str(&format!(
                "- {{job_name: {name}, static_configs: [{{targets: [\"{address}\"]}}]}}\n"
            ));
        }
        let config = ScrapeConfig::parse(&yaml)?;
        Ok(Arc::new(TargetSet::new(&config)))
    }

    /// Starts to scrape.
    pub(super) fn start(targets: Arc<TargetSet>, store: Arc<Store>) -> Self {
        let counts = Arc::new(Mutex::new(Scrapes::default()));
        let (runs, running) = watch::channel(true);
        let task = tokio::spawn(scrape(
            Arc::clone(&targets),
            store,
            Arc::clone(&counts),
            running,
        ));
        Self {
            targets,
            counts,
            runs,
            task,
        }
    }

    /// Kills the scraper, in the middle of a scrape if it is at one, or starts it again.
    pub(super) fn set_running(&self, runs: bool) {
        self.runs.send_replace(runs);
    }

    /// The counts.
    pub(super) fn counts(&self) -> Scrapes {
        *self.counts.lock()
    }

    /// True if the newest scrape of every instance succeeded and began after `since`, in milliseconds since the
    /// Unix epoch.
    pub(super) fn is_fresh(&self, since: i64) -> bool {
        self.targets.targets().iter().all(|target| {
            let last = target.last_scrape();
            last.health == Health::Up && last.time.is_some_and(|time| time > since)
        })
    }
}

impl Drop for Scraping {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn scrape(
    targets: Arc<TargetSet>,
    store: Arc<Store>,
    counts: Arc<Mutex<Scrapes>>,
    mut runs: watch::Receiver<bool>,
) {
    let number = targets.targets().len() as u64;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut before: Option<Instant> = None;
    loop {
        let tick = ticks.tick().await;
        // A turn that was skipped, because a scrape took too long, was due all the same.
        let turns = before.map_or(1.0, |before| {
            (tick - before).div_duration_f64(EVERY).round()
        });
        before = Some(tick);
        // Counted with the outcome, so that no reading is between the two.
        let due = turns as u64 * number;
        let samples = store.stats().samples_ingested;
        let is_done = tokio::select! {
            biased;
            _ = runs.wait_for(|runs| !runs) => false,
            () = targets.scrape_once(&store) => true,
        };
        let up = targets.targets().iter();
        let up = up.filter(|it| it.last_scrape().health == Health::Up);
        let good = if is_done { up.count() as u64 } else { 0 };
        let mut counts = counts.lock();
        counts.due += due;
        counts.good += good;
        if good == number {
            counts.page = (store.stats().samples_ingested - samples) / number;
        }
    }
}
