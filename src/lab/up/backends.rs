//! The embedded servers: each pillar's store, its API, and what fills it.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use salvo::Router;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::UpArgs;
use super::grpc_door;
use super::instances::host_name;
use super::ports::{Addresses, ServerListeners};
use super::progress::Progress;
use super::serve::{Doors, PATIENCE, Running};
use super::stats::{self, Stores};
use crate::routing::Unmatched;
use lab_backends::generator::{self, Collection, Generator};
use lab_backends::logs::shipper::{RemoteConfig, RemoteLoki, Sink, StoreSink};
use lab_backends::metrics::rules::Evaluator;
use lab_backends::otlp::{self, Receivers};
use lab_backends::{logs, metrics, traces};

/// Scrape configuration of the real Prometheus; the embedded one reads the same file.
const SCRAPE_CONFIG: &str = include_str!("../../../etc/prometheus/prometheus.yml");

/// Its rules, which the embedded one evaluates as well.
const RULES: &str = include_str!("../../../etc/prometheus/rules.yml");

/// Labels that name the service of a log stream, as in `etc/loki/loki.yaml`: those of the lab, then Loki's own.
const SERVICE_NAMES: [&str; 14] = {
    let mut names = ["compose_service"; 14];
    let mut at = 0;
    while at < logs::SERVICE_NAMES.len() {
        names[at + 1] = logs::SERVICE_NAMES[at];
        at += 1;
    }
    names
};

/// Interval at which the stores drop old data, also when nothing comes in.
const SWEEP: Duration = Duration::from_secs(5);

/// Time for a real Loki to take the last lines at the end.
const LAST_LINES: Duration = Duration::from_secs(5);

/// Longest pause between two attempts to send lines to a real Loki.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The running servers.
pub(super) struct Backends {
    stores: Stores,
    servers: Vec<Running>,
    receiver: Option<Receiver>,
    /// What scraping takes, until it begins.
    scraping: Option<Scraping>,
    scraper: Option<metrics::Scraper>,
    evaluator: Option<Evaluator>,
    collection: Option<Collection>,
    remote_loki: Option<Arc<RemoteLoki>>,
    sweeper: JoinHandle<()>,
}

/// The gRPC receiver: a signal that ends it when dropped, and its task.
type Receiver = (oneshot::Sender<()>, JoinHandle<()>);

/// The sink of the instances' log lines, and the real Loki behind it, if there is one.
type Lines = (Arc<dyn Sink>, Option<Arc<RemoteLoki>>);

/// What is scraped and computed, and where it goes.
struct Scraping {
    store: Arc<metrics::Store>,
    targets: Arc<metrics::TargetSet>,
    rules: Arc<metrics::Rules>,
    limits: metrics::QueryLimits,
}

/// Starts the servers of one pillar after the other and gathers what they share.
struct Start<'a> {
    args: &'a UpArgs,
    doors: &'a Doors,
    addresses: &'a Addresses,
    progress: &'a Progress,
    stores: Stores,
    servers: Vec<Running>,
}

impl Start<'_> {
    fn max_bytes(&self) -> usize {
        usize::try_from(self.args.store_mib << 20).unwrap_or(usize::MAX)
    }

    fn open(
        &mut self,
        listener: TcpListener,
        routes: Router,
        unmatched: Unmatched,
    ) -> anyhow::Result<()> {
        self.servers
            .push(self.doors.open(listener, routes, unmatched)?);
        Ok(())
    }

    /// Tempo, embedded or real.
    fn traces(&mut self, api: Option<TcpListener>) -> anyhow::Result<()> {
        let Some(api) = api else {
            self.progress.part("Tempo (real)", &self.addresses.tempo);
            return Ok(());
        };
        let store = Arc::new(traces::Store::new(traces::Limits {
            max_age: self.args.retention,
            ..traces::Limits::for_store_of(self.max_bytes())
        }));
        let routes = traces::api::router(Arc::clone(&store));
        self.open(api, routes, Unmatched::of_mux())?;
        self.progress.part("Tempo API", &self.addresses.tempo);
        self.stores.traces = Some(store);
        Ok(())
    }

    /// The receivers of OTLP, for every signal that has an embedded store. A real Tempo has its own.
    fn otlp(
        &mut self,
        grpc: Option<TcpListener>,
        http: Option<TcpListener>,
    ) -> anyhow::Result<Option<Receiver>> {
        let Some(traces) = &self.stores.traces else {
            return Ok(None);
        };
        let traces = Arc::clone(traces);
        let mut receivers = match &self.stores.generator {
            Some(it) => Receivers::of_traces_and_generator(traces, Arc::clone(it)),
            None => Receivers::of_traces(traces),
        };
        if let Some(logs) = &self.stores.logs {
            receivers = receivers.and_logs(Arc::clone(logs));
        }
        if let Some(metrics) = &self.stores.metrics {
            receivers = receivers.and_metrics(Arc::clone(metrics));
        }
        if let Some(listener) = http {
            self.open(listener, otlp::router(&receivers), Unmatched::of_mux())?;
            let address = self.addresses.otlp_http.as_deref().unwrap_or_default();
            self.progress.part("OTLP HTTP", address);
        }
        grpc.map(|listener| self.grpc(listener, receivers))
            .transpose()
    }

    fn grpc(&self, listener: TcpListener, receivers: Receivers) -> anyhow::Result<Receiver> {
        let listener = tokio::net::TcpListener::from_std(listener).context("listener")?;
        let (stop, stopped) = oneshot::channel();
        let incoming = grpc_door::incoming(listener, self.doors.connections());
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            let _ = otlp::serve_grpc_on(incoming, receivers, stopped).await;
        });
        self.progress.part("OTLP gRPC", &self.addresses.otlp_grpc);
        Ok((stop, task))
    }

    /// Loki, embedded or real.
    fn logs(&mut self, api: Option<TcpListener>) -> anyhow::Result<Lines> {
        let Some(api) = api else {
            let remote = RemoteLoki::start(&self.addresses.loki, shipping())?;
            let remote = Arc::new(remote);
            self.progress.part("Loki (real)", &self.addresses.loki);
            return Ok((Arc::clone(&remote) as Arc<dyn Sink>, Some(remote)));
        };
        let store = Arc::new(logs::Store::new(logs::Limits {
            max_age: self.args.retention,
            increment_duplicate_timestamp: true,
            discover_service_name: &SERVICE_NAMES,
            ..logs::Limits::for_store_of(self.max_bytes())
        }));
        let routes = logs::router(Arc::clone(&store));
        self.open(api, routes, Unmatched::of_mux())?;
        self.progress.part("Loki API", &self.addresses.loki);
        self.stores.logs = Some(Arc::clone(&store));
        Ok((Arc::new(StoreSink::new(store)), None))
    }

    /// Prometheus, unless a real one scrapes. Its `/metrics` has the numbers of all stores, so it starts
    /// last.
    fn metrics(&mut self, api: Option<TcpListener>) -> anyhow::Result<Option<Scraping>> {
        let Some(api) = api else {
            let address = &self.addresses.prometheus;
            self.progress.part("Prometheus (real)", address);
            return Ok(None);
        };
        let store = Arc::new(metrics::Store::new(metrics::Limits {
            max_age: self.args.retention,
            ..metrics::Limits::for_store_of(self.max_bytes())
        }));
        self.stores.metrics = Some(Arc::clone(&store));
        if self.stores.traces.is_some() && !self.args.no_generator {
            let generator = Generator::new(generator_config(), Arc::clone(&store));
            self.stores.generator = Some(Arc::new(generator));
        }
        let config = scrape_config(self.addresses)?;
        let targets = Arc::new(metrics::TargetSet::new(&config));
        let rules = metrics::Rules::parse(
            "etc/prometheus/rules.yml",
            RULES,
            config.evaluation_interval,
            &self.addresses.prometheus,
        );
        let rules = Arc::new(rules.context("the rules cannot be used")?);
        let limits = metrics::QueryLimits::for_store_of(self.max_bytes());
        let routes = metrics::router(
            Arc::clone(&store),
            Arc::clone(&targets),
            Arc::clone(&rules),
            limits.clone(),
        );
        let routes = routes.push(stats::router(self.stores.clone()));
        self.open(api, routes, Unmatched::of_httprouter())?;
        let address = &self.addresses.prometheus;
        self.progress.part("Prometheus API", address);
        Ok(Some(Scraping {
            store,
            targets,
            rules,
            limits,
        }))
    }
}

impl Backends {
    /// Starts what is not replaced by a real server. The sink takes the instances' log lines.
    pub(super) fn start(
        args: &UpArgs,
        doors: &Doors,
        listeners: ServerListeners,
        addresses: &Addresses,
        progress: &Progress,
    ) -> anyhow::Result<(Self, Arc<dyn Sink>)> {
        let mut start = Start {
            args,
            doors,
            addresses,
            progress,
            stores: Stores::default(),
            servers: Vec::new(),
        };
        start.traces(listeners.tempo)?;
        let (sink, remote_loki) = start.logs(listeners.loki)?;
        start.stores.lines = Some(Arc::clone(&sink));
        let scraping = start.metrics(listeners.prometheus)?;
        let receiver = start.otlp(listeners.otlp_grpc, listeners.otlp_http)?;
        let Start {
            stores, servers, ..
        } = start;
        let generator = stores.generator.clone();
        let running = Self {
            collection: generator.map(Collection::start),
            sweeper: tokio::spawn(sweep(stores.clone())),
            stores,
            servers,
            receiver,
            scraping,
            scraper: None,
            evaluator: None,
            remote_loki,
        };
        Ok((running, sink))
    }

    /// Begins to scrape and to evaluate rules. Called once the instances are ready, so that the first scrape does not fail.
    pub(super) fn scrape(&mut self) {
        if let Some(it) = self.scraping.take() {
            let first = metrics::FirstScrape::Immediate;
            self.scraper = Some(metrics::Scraper::start(&it.store, &it.targets, first));
            self.evaluator = Some(Evaluator::start(&it.store, &it.rules, &it.limits));
        }
    }

    /// The stores.
    pub(super) fn stores(&self) -> &Stores {
        &self.stores
    }

    /// Ends scraping, sends the last lines to a real Loki, and stops the servers.
    pub(super) async fn stop(self) {
        self.sweeper.abort();
        drop(self.collection);
        if let Some(scraper) = self.scraper {
            scraper.stop().await;
        }
        if let Some(evaluator) = self.evaluator {
            evaluator.stop().await;
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

/// How lines are sent to a real Loki. As with `etc/promtail/`, nothing is given up while Loki is away, as far as
/// the memory for it goes, and an attempt is made every 5 s at least.
pub(in crate::lab) fn shipping() -> RemoteConfig {
    RemoteConfig {
        max_backoff: LONGEST_PAUSE,
        attempts: u32::MAX,
        ..RemoteConfig::default()
    }
}

/// The generator as `etc/tempo/tempo.yaml` sets the real one up: a trace is named by the label that the services use
/// in their own exemplars, and spans may come two minutes late. Tempo tells which of its processes wrote a series.
fn generator_config() -> generator::Config {
    generator::Config {
        trace_id_label: "TraceID".to_owned(),
        slack: Duration::from_secs(120),
        external_labels: vec![("__metrics_gen_instance".to_owned(), host_name())],
        ..generator::Config::default()
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
    let jobs: Vec<_> = instances
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
    Ok(metrics::ScrapeConfig { jobs, ..file })
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
