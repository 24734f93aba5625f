//! The embedded servers: each pillar's store, its API, and what fills it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::UpArgs;
use super::grpc_door;
use super::ports::{Addresses, ServerListeners};
use super::progress::Progress;
use super::serve::{Doors, PATIENCE, Running};
use super::stats::{self, Stores};
use crate::routing::Unmatched;
use lab_backends::logs::shipper::{RemoteConfig, RemoteLoki, Sink, StoreSink};
use lab_backends::{logs, metrics, traces};

/// Scrape configuration of the real Prometheus; the embedded one reads the same file.
const SCRAPE_CONFIG: &str = include_str!("../../../etc/prometheus/prometheus.yml");

/// Interval at which the stores drop old data, also when nothing comes in.
const SWEEP: Duration = Duration::from_secs(5);

/// Time for a real Loki to take the last lines at the end.
const LAST_LINES: Duration = Duration::from_secs(5);

/// The running servers.
pub(super) struct Backends {
    stores: Stores,
    servers: Vec<Running>,
    receiver: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// Store and targets, until the scraper takes them.
    scraping: Option<(Arc<metrics::Store>, Arc<metrics::TargetSet>)>,
    scraper: Option<metrics::Scraper>,
    remote_loki: Option<Arc<RemoteLoki>>,
    sweeper: JoinHandle<()>,
}

impl Backends {
    /// Starts what is not replaced by a real server. The sink takes the instances' log lines.
    pub(super) async fn start(
        args: &UpArgs,
        doors: &Doors,
        listeners: ServerListeners,
        addresses: &Addresses,
        progress: &Progress,
    ) -> anyhow::Result<(Self, Arc<dyn Sink>)> {
        let max_bytes = usize::try_from(args.store_mib << 20).unwrap_or(usize::MAX);
        let max_age = args.retention;
        let mut servers = Vec::new();
        let mut stores = Stores::default();

        let mut receiver = None;
        if let Some(listener) = listeners.tempo {
            let store = Arc::new(traces::Store::new(traces::Limits {
                max_age,
                ..traces::Limits::for_store_of(max_bytes)
            }));
            let routes = traces::api::router(Arc::clone(&store));
            servers.push(doors.open(listener, routes, Unmatched::of_mux())?);
            progress.part("Tempo API", &addresses.tempo);
            if let Some(listener) = listeners.otlp_http {
                let routes = traces::ingest::router(Arc::clone(&store));
                servers.push(doors.open(listener, routes, Unmatched::of_mux())?);
                progress.part(
                    "OTLP HTTP",
                    addresses.otlp_http.as_deref().unwrap_or_default(),
                );
            }
            if let Some(listener) = listeners.otlp_grpc {
                let listener = tokio::net::TcpListener::from_std(listener).context("listener")?;
                let (stop, stopped) = oneshot::channel();
                let taking = Arc::clone(&store);
                let incoming = grpc_door::incoming(listener, doors.connections());
                let task = tokio::spawn(async move {
                    let stopped = async {
                        let _ = stopped.await;
                    };
                    let _ = traces::ingest::serve_grpc_on(incoming, taking, stopped).await;
                });
                receiver = Some((stop, task));
                progress.part("OTLP gRPC", &addresses.otlp_grpc);
            }
            stores.traces = Some(store);
        } else {
            progress.part("Tempo (real)", &addresses.tempo);
        }

        let mut remote_loki = None;
        let sink: Arc<dyn Sink> = if let Some(listener) = listeners.loki {
            let store = Arc::new(logs::Store::new(logs::Limits {
                max_age,
                increment_duplicate_timestamp: true,
                ..logs::Limits::for_store_of(max_bytes)
            }));
            let routes = logs::router(Arc::clone(&store));
            servers.push(doors.open(listener, routes, Unmatched::of_mux())?);
            progress.part("Loki API", &addresses.loki);
            stores.logs = Some(Arc::clone(&store));
            Arc::new(StoreSink::new(store))
        } else {
            let remote = RemoteLoki::start(&addresses.loki, RemoteConfig::default())?;
            let remote = Arc::new(remote);
            remote_loki = Some(Arc::clone(&remote));
            progress.part("Loki (real)", &addresses.loki);
            remote
        };

        stores.lines = Some(Arc::clone(&sink));

        let mut scraping = None;
        if let Some(listener) = listeners.prometheus {
            let store = Arc::new(metrics::Store::new(metrics::Limits {
                max_age,
                ..metrics::Limits::for_store_of(max_bytes)
            }));
            stores.metrics = Some(Arc::clone(&store));
            let targets = Arc::new(metrics::TargetSet::new(&scrape_config(addresses)?));
            let routes = metrics::router(
                Arc::clone(&store),
                Arc::clone(&targets),
                metrics::QueryLimits::for_store_of(max_bytes),
            );
            let routes = routes.push(stats::router(stores.clone()));
            servers.push(doors.open(listener, routes, Unmatched::of_httprouter())?);
            progress.part("Prometheus API", &addresses.prometheus);
            scraping = Some((store, targets));
        } else {
            progress.part("Prometheus (real)", &addresses.prometheus);
        }

        let sweeper = tokio::spawn(sweep(stores.clone()));
        let running = Self {
            stores,
            servers,
            receiver,
            scraping,
            scraper: None,
            remote_loki,
            sweeper,
        };
        Ok((running, sink))
    }

    /// Begins to scrape: once the instances are ready, or the first scrape would find nobody.
    pub(super) fn scrape(&mut self) {
        if let Some((store, targets)) = self.scraping.take() {
            let first = metrics::FirstScrape::Immediate;
            self.scraper = Some(metrics::Scraper::start(&store, &targets, first));
        }
    }

    /// The stores.
    pub(super) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Ends scraping, sends the last lines to a real Loki, and stops the servers.
    pub(super) async fn stop(self) {
        self.sweeper.abort();
        if let Some(scraper) = self.scraper {
            scraper.stop().await;
        }
        if let Some(remote) = self.remote_loki {
            remote.close(LAST_LINES).await;
        }
        if let Some((stop, mut task)) = self.receiver {
            drop(stop);
            // A client may hold a stream open without ever sending its spans.
            if tokio::time::timeout(PATIENCE, &mut task).await.is_err() {
                task.abort();
            }
        }
        for server in self.servers {
            server.stop().await;
        }
    }
}

/// The jobs of the scrape configuration that exist in this run, at their addresses: the
/// instances, and the lab itself in the place of Prometheus.
fn scrape_config(addresses: &Addresses) -> anyhow::Result<metrics::ScrapeConfig> {
    let file = metrics::ScrapeConfig::parse(SCRAPE_CONFIG)
        .context("etc/prometheus/prometheus.yml cannot be used")?;
    let own = addresses
        .prometheus
        .trim_start_matches("http://")
        .to_owned();
    let instances = addresses
        .apps
        .iter()
        .map(|(name, address)| (name.as_str(), address.to_string()));
    let jobs = instances
        .chain([("prometheus", own)])
        .filter_map(|(name, address)| {
            // More instances than the file names are scraped like the first.
            let named = |wanted: &str| file.jobs.iter().find(|job| job.job_name == wanted);
            let mut job = named(name).or_else(|| named("app-a"))?.clone();
            job.job_name = name.to_owned();
            job.targets.truncate(1);
            job.targets.first_mut()?.address = address;
            Some(job)
        })
        .collect();
    Ok(metrics::ScrapeConfig { jobs })
}

/// Drops what is too old, again and again.
async fn sweep(stores: Stores) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let stores = stores.clone();
        let swept = tokio::task::spawn_blocking(move || {
            if let Some(traces) = &stores.traces {
                traces.evict_expired(SystemTime::now());
            }
            if let Some(logs) = &stores.logs {
                logs.evict_expired();
            }
            if let Some(store) = &stores.metrics {
                store.evict_expired(metrics::now_ms());
            }
        });
        let _ = swept.await;
    }
}
