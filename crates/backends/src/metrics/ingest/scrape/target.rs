//! One target: what it is, how its last scrape went, and the scrape itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::config::{Job, TargetSpec};
use super::fetch::{Fetched, Fetcher};
use super::ingest::{Batch, Ingested, Seen};
use crate::metrics::labels::Labels;
use crate::metrics::sample::now_ms;
use crate::metrics::store::Store;

/// Characters of a scrape's error that are kept.
const MAX_ERROR_CHARS: usize = 500;

/// Metadata of a metric family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metadata {
    /// `counter`, `gauge`, `histogram`, …; `unknown` when the exposition does not tell.
    pub kind: String,
    /// The help text.
    pub help: String,
    /// The unit, in OpenMetrics only.
    pub unit: String,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            kind: "unknown".to_owned(),
            help: String::new(),
            unit: String::new(),
        }
    }
}

/// Health of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Health {
    /// Not scraped yet.
    #[default]
    Unknown,
    /// The last scrape succeeded.
    Up,
    /// The last scrape failed.
    Down,
}

impl Health {
    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// The last scrape of a target.
#[derive(Debug, Clone, Default)]
pub struct LastScrape {
    /// Up, down, or not scraped yet.
    pub health: Health,
    /// When it began, milliseconds since the Unix epoch.
    pub time: Option<i64>,
    /// Duration.
    pub duration: Duration,
    /// Error text; empty after a success.
    pub error: String,
}

/// One address that is scraped.
#[derive(Debug)]
pub struct Target {
    pub(crate) job: Arc<Job>,
    pub(crate) url: String,
    pub(crate) address: String,
    pub(crate) labels: Labels,
    last: Mutex<LastScrape>,
    metadata: Mutex<BTreeMap<String, Metadata>>,
    /// Held during a scrape: there is never more than one of a target.
    turn: tokio::sync::Mutex<Seen>,
}

impl Target {
    pub(super) fn new(job: Arc<Job>, spec: &TargetSpec) -> Self {
        let own = [
            ("instance", spec.address.as_str()),
            ("job", job.job_name.as_str()),
        ];
        let given = spec
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Self {
            labels: Labels::from_pairs(own.into_iter().chain(given)),
            url: format!("http://{}{}", spec.address, job.metrics_path),
            address: spec.address.clone(),
            job,
            last: Mutex::default(),
            metadata: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// Labels of every series of the target.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The URL that is scraped.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The job that the target belongs to.
    pub fn job_name(&self) -> &str {
        &self.job.job_name
    }

    /// Outcome of the last scrape.
    pub fn last_scrape(&self) -> LastScrape {
        self.last.lock().clone()
    }

    /// Metadata from the last successful scrape.
    pub(crate) fn with_metadata(&self, mut each: impl FnMut(&str, &Metadata)) {
        for (family, metadata) in self.metadata.lock().iter() {
            each(family, metadata);
        }
    }

    /// Scrapes once: fetches, stores, and records how it went.
    pub(super) async fn scrape(self: &Arc<Self>, store: &Arc<Store>, fetcher: &Fetcher) {
        let mut turn = self.turn.lock().await;
        let (time, started) = (now_ms(), Instant::now());
        let general = store.limits().max_body_bytes;
        let limit = self
            .job
            .body_size_limit
            .map_or(general, |own| own.min(general));
        let (timeout, native) = (self.job.scrape_timeout, self.job.scrape_native_histograms);
        let fetched = fetcher
            .fetch(&self.url, timeout, limit, native)
            .await
            .map_err(|error| error.to_string());
        let previous = std::mem::take(&mut *turn);
        let (target, store) = (self.clone(), store.clone());
        let stored = tokio::task::spawn_blocking(move || {
            target.record(&store, fetched, time, started, &previous)
        })
        .await;
        if let Ok(seen) = stored {
            *turn = seen;
        }
    }

    fn record(
        &self,
        store: &Store,
        fetched: Result<Fetched, String>,
        time: i64,
        started: Instant,
        previous: &Seen,
    ) -> Seen {
        let batch = Batch {
            store,
            job: &self.job,
            target_labels: &self.labels,
            time,
        };
        let outcome = fetched.and_then(|fetched| {
            batch
                .ingest(&fetched.body, fetched.content_type.as_deref(), previous)
                .map_err(|error| {
                    store.count_refused_scrape();
                    error.to_string()
                })
        });
        let (ingested, error) = match outcome {
            Ok(ingested) => (ingested, String::new()),
            // A broken body is quoted in its error, and may be long.
            Err(error) => (
                Ingested::default(),
                error.chars().take(MAX_ERROR_CHARS).collect(),
            ),
        };
        batch.end(
            previous
                .iter()
                .filter(|(id, _)| !ingested.seen.contains_key(id))
                .map(|(_, series)| series),
        );
        let up = error.is_empty();
        let duration = started.elapsed();
        batch.report("up", f64::from(u8::from(up)));
        batch.report("scrape_duration_seconds", duration.as_secs_f64());
        batch.report("scrape_samples_scraped", ingested.samples as f64);
        batch.report(
            "scrape_samples_post_metric_relabeling",
            ingested.samples as f64,
        );
        batch.report("scrape_series_added", ingested.series_added as f64);
        if up {
            *self.metadata.lock() = ingested.metadata;
        }
        *self.last.lock() = LastScrape {
            health: if up { Health::Up } else { Health::Down },
            time: Some(time),
            duration,
            error,
        };
        ingested.seen
    }
}
