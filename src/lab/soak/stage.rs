//! The lab under test: instances as processes, their servers in this process, and a proxy before everything
//! that can break.

use std::fs::OpenOptions;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::args::SoakArgs;
use super::fault::{APPS, Fault, Kind, Part};
use super::proxy::{Mode, Proxy};
use super::reading::{App, Reading};
use super::scraping::Scraping;
use super::servers::Servers;
use super::shipper::{self, Shipper};
use crate::client::Client;
use crate::lab::own_program::own_program;
use crate::lab::up::instances::{Instances, Surroundings};
use crate::lab::up::ports::Ports;
use crate::lab::up::progress::Progress;
use crate::lab::up::serve::Doors;
use crate::lab::up::{UpArgs, connections, files};
use lab_backends::logs::shipper::Sink;

/// Pause of a slow server before each part of a request or response.
const SLOW: Duration = Duration::from_millis(200);

/// Pause of a slow shipper before each batch of lines.
const SLOW_LINES: Duration = Duration::from_millis(20);

/// A slow instance runs and stands for this long in turn.
const SLOW_APP: Duration = Duration::from_millis(25);

/// How wrong a clock is.
const WRONG: Duration = Duration::from_secs(3600);

/// Time for a further instance to become ready.
const READY: Duration = Duration::from_secs(20);

/// Servers that share the files which this process may open: three APIs, two receivers, and those without room.
const SERVERS: u64 = 6;

/// The flags of `lab up`.
#[derive(Parser)]
struct Up {
    #[command(flatten)]
    args: UpArgs,
}

/// The lab under test.
pub(super) struct Stage {
    pub(super) servers: Servers,
    pub(super) shipper: Arc<Shipper>,
    pub(super) scraping: Scraping,
    pub(super) client: Client,
    otlp: Proxy,
    loki: Proxy,
    /// Before each instance, for requests and for scrapes.
    fronts: Vec<Proxy>,
    scraped: Vec<Proxy>,
    addresses: Vec<SocketAddr>,
    /// Processes of real servers, which freeze by a signal.
    tempo: Option<Pid>,
    real_loki: Option<Pid>,
    /// Until they are stopped.
    instances: Option<Instances>,
    /// Removed after them.
    _spools: Option<Spools>,
    further: Option<Further>,
    /// Lets an instance run and stand in turn.
    slowing: Option<JoinHandle<()>>,
}

/// The folder of the spans on disk. It is removed when it is dropped.
struct Spools(PathBuf);

impl Spools {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("lab-soak-{:016x}", rand::random::<u64>()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Spools {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A further instance, whose standard output is a full disk.
struct Further {
    address: SocketAddr,
    _process: Child,
}

impl Stage {
    /// Starts everything and waits until the instances are ready.
    ///
    /// # Errors
    /// When a part cannot be started.
    pub(super) async fn start(soak: &SoakArgs) -> anyhow::Result<Self> {
        let free_ports = [
            "--quiet",
            "--app-port=0",
            "--console-port=0",
            "--prometheus-port=0",
            "--loki-port=0",
            "--tempo-port=0",
            "--otlp-grpc-port=0",
            "--otlp-http-port=0",
        ];
        let Up { args } = Up::try_parse_from(["lab"].into_iter().chain(free_ports))?;
        let doors = Doors::new(&args, connections::most(files::raise()?, SERVERS));
        let ports = Ports::bind(&args)?;
        let addresses: Vec<_> = ports.addresses.apps.iter().map(|(_, it)| *it).collect();
        let (mut fronts, mut scraped) = (Vec::new(), Vec::new());
        for address in &addresses {
            fronts.push(Proxy::before(*address).await?);
            scraped.push(Proxy::before(*address).await?);
        }
        let targets: Vec<_> = scraped.iter().map(Proxy::address).collect();
        let client = Client::new(4, None);
        let mut servers = Servers::start(soak, &doors, ports.servers, &targets)?;
        servers.begin(&client).await?;
        let otlp = Proxy::before(servers.otlp).await?;
        let loki = Proxy::before(servers.loki).await?;
        let shipper = Arc::new(Shipper::start(format!("http://{}", loki.address()))?);

        let mut shown = ports.addresses.clone();
        shown.otlp_grpc = format!("http://{}", otlp.address());
        let sink: Arc<dyn Sink> = shipper.clone();
        let progress = Progress::new(&args);
        let spools = soak.spool.then(Spools::new).transpose()?;
        // Bounds and samplers of the shell would change what is counted.
        let surroundings = Surroundings {
            environment: false,
            spools: spools.as_ref().map(|spools| spools.0.clone()),
        };
        let instances = Instances::start(
            &args,
            &surroundings,
            ports.instances,
            &shown,
            sink,
            &progress,
        )
        .await?;
        let scraping = Scraping::start(servers.targets.clone(), servers.metrics.clone());
        Ok(Self {
            servers,
            shipper,
            scraping,
            client,
            otlp,
            loki,
            fronts,
            scraped,
            addresses,
            tempo: soak.tempo_pid.and_then(Pid::from_raw),
            real_loki: soak.loki_pid.and_then(Pid::from_raw),
            instances: Some(instances),
            _spools: spools,
            further: None,
            slowing: None,
        })
    }

    /// Where requests go.
    pub(super) fn targets(&self) -> Vec<SocketAddr> {
        let fronts = self.fronts.iter().map(Proxy::address);
        fronts
            .chain(self.further.iter().map(|it| it.address))
            .collect()
    }

    /// The instances themselves.
    pub(super) fn apps(&self) -> impl Iterator<Item = SocketAddr> {
        let further = self.further.iter().map(|it| it.address);
        self.addresses.iter().copied().chain(further)
    }

    /// All counters now.
    ///
    /// # Errors
    /// When an instance does not tell its own.
    pub(super) async fn read(&self) -> anyhow::Result<Reading> {
        Reading::of(self).await
    }

    /// Breaks a part.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(super) async fn inject(&mut self, fault: Fault) -> anyhow::Result<()> {
        if let Some(process) = self.real(fault) {
            return kill_process(process, Signal::STOP).context("cannot stop the server");
        }
        match (fault.part, fault.kind) {
            (Part::Collector, Kind::DiskFull) => {
                self.otlp.set(Mode::Elsewhere(self.servers.full.otlp));
            }
            (Part::Collector, kind) => self.otlp.set(broken(kind)),
            (Part::Loki, Kind::DiskFull) => {
                self.loki.set(Mode::Elsewhere(self.servers.full.loki));
            }
            (Part::Loki, Kind::Clock) => self.servers.set_loki_behind(WRONG),
            (Part::Loki, kind) => self.loki.set(broken(kind)),
            (Part::Prometheus, Kind::Killed) => self.scraping.set_running(false),
            (Part::Prometheus, kind) => {
                self.scraped.iter().for_each(|it| it.set(broken(kind)));
            }
            (Part::Shipper, Kind::Killed) => self.shipper.kill(),
            (Part::Shipper, Kind::Slow) => self.shipper.set(shipper::Mode::Slow(SLOW_LINES)),
            (Part::Shipper, Kind::Clock) => self.shipper.set_clock_ahead(WRONG),
            (Part::Shipper, _) => self.shipper.set(shipper::Mode::Stands),
            (Part::App(app), Kind::Killed) => self.signal(app, Signal::KILL)?,
            (Part::App(app), Kind::Frozen) => self.signal(app, Signal::STOP)?,
            (Part::App(app), Kind::Slow) => {
                let process = self.process(app)?;
                self.slowing = Some(tokio::spawn(async move {
                    while kill_process(process, Signal::STOP).is_ok() {
                        sleep(SLOW_APP).await;
                        let _ = kill_process(process, Signal::CONT);
                        sleep(SLOW_APP).await;
                    }
                }));
            }
            (Part::App(app), kind) => {
                self.fronts[app].set(broken(kind));
                self.scraped[app].set(broken(kind));
            }
            (Part::FurtherApp, _) => self.further = Some(self.on_full_disk().await?),
        }
        Ok(())
    }

    /// Ends a fault.
    ///
    /// # Errors
    /// When a part cannot be started again.
    pub(super) fn heal(&mut self, fault: Fault) -> anyhow::Result<()> {
        if let Some(process) = self.real(fault) {
            return kill_process(process, Signal::CONT).context("cannot continue the server");
        }
        match (fault.part, fault.kind) {
            (Part::Collector, _) => self.otlp.set(Mode::Forward),
            (Part::Loki, Kind::Clock) => self.servers.set_loki_behind(Duration::ZERO),
            (Part::Loki, _) => self.loki.set(Mode::Forward),
            (Part::Prometheus, Kind::Killed) => self.scraping.set_running(true),
            (Part::Prometheus, _) => self.scraped.iter().for_each(|it| it.set(Mode::Forward)),
            (Part::Shipper, Kind::Killed) => self.shipper.restart()?,
            (Part::Shipper, Kind::Clock) => self.shipper.set_clock_ahead(Duration::ZERO),
            (Part::Shipper, _) => self.shipper.set(shipper::Mode::Runs),
            // The lab starts it again by itself.
            (Part::App(_), Kind::Killed) => {}
            (Part::App(app), Kind::Frozen | Kind::Slow) => {
                self.slowing.take().iter().for_each(JoinHandle::abort);
                self.signal(app, Signal::CONT)?;
            }
            (Part::App(app), _) => {
                self.fronts[app].set(Mode::Forward);
                self.scraped[app].set(Mode::Forward);
            }
            // It is needed until its counters were read.
            (Part::FurtherApp, _) => {}
        }
        Ok(())
    }

    /// The process of a real server that freezes in this fault.
    fn real(&self, fault: Fault) -> Option<Pid> {
        match (fault.part, fault.kind) {
            (Part::Collector, Kind::Frozen) => self.tempo,
            (Part::Loki, Kind::Frozen) => self.real_loki,
            _ => None,
        }
    }

    /// Ends the further instance, if there is one.
    pub(super) fn clear(&mut self) {
        self.further = None;
    }

    fn process(&self, app: usize) -> anyhow::Result<Pid> {
        let statuses = self.instances.as_ref().map(Instances::statuses);
        let id = statuses.and_then(|all| all.get(app)?.process());
        let id = id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        id.context("the instance does not run")
    }

    fn signal(&self, app: usize, signal: Signal) -> anyhow::Result<()> {
        kill_process(self.process(app)?, signal).context("cannot signal the instance")
    }

    /// A further instance that writes its log to a disk without room.
    async fn on_full_disk(&self) -> anyhow::Result<Further> {
        let full = OpenOptions::new().write(true).open("/dev/full");
        let full = full.context("no /dev/full, which is a full disk on Linux")?;
        let address = {
            let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port")?;
            listener.local_addr()?
        };
        let process = Command::new(own_program()?)
            .env_clear()
            .args(["app", "--stop-with-stdin", "--app-name", "app-disk"])
            .args(["--expose-host", "127.0.0.1", "--expose-port"])
            .arg(address.port().to_string())
            .args(["--otel-bsp-schedule-delay", "200", "--otlp-grpc-endpoint"])
            .arg(format!("http://{}", self.otlp.address()))
            .stdin(Stdio::piped())
            .stdout(full)
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("a further instance cannot be started")?;
        let deadline = Instant::now() + READY;
        // The line that says where it listens is lost when it is ready.
        while !App::of(&self.client, address)
            .await
            .is_ok_and(|app| app.lines_dropped > 0)
        {
            if Instant::now() >= deadline {
                bail!("the instance on a full disk is not ready after 20 s");
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(Further {
            address,
            _process: process,
        })
    }

    /// Ends everything, and waits for it.
    pub(super) async fn stop(mut self) {
        if let Some(instances) = self.instances.take() {
            instances.stop().await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A fault may be under way. The real servers are not the lab's to leave standing.
        for process in self.tempo.iter().chain(&self.real_loki) {
            let _ = kill_process(*process, Signal::CONT);
        }
        self.slowing.take().iter().for_each(JoinHandle::abort);
    }
}

/// The way in which a proxy breaks the server behind it.
fn broken(kind: Kind) -> Mode {
    match kind {
        Kind::Frozen => Mode::Freeze,
        Kind::Slow => Mode::Slow(SLOW),
        Kind::Refuses => Mode::Refuse,
        Kind::Garbage => Mode::Garbage,
        Kind::Killed | Kind::DiskFull | Kind::Clock => Mode::Gone,
    }
}

/// Instances of `lab up` by default.
const _: () = assert!(APPS == 3);
