//! The instances of the service: processes of the lab's own, wired to its servers, started again
//! when they crash.
//!
//! Each has a pipe as its standard input and ends when that is closed. So it ends with the lab,
//! however that ends.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use http::{Request, StatusCode};
use http_body_util::Full;
use parking_lot::Mutex;
use tokio::io::AsyncRead;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time;

use super::UpArgs;
use super::last_words::LastWords;
use super::ports::Addresses;
use super::progress::Progress;
use crate::client::{Bounds, Client, Size};
use crate::lab::own_program::own_program;
use lab_backends::logs::Clock;
use lab_backends::logs::shipper::{Output, Pipeline, Sink, Stages, contract_labels};
use lab_backends::logs::store::LabelSet;

/// Time for an instance to become ready.
const READY: Duration = Duration::from_secs(20);

/// Longest wait for one answer of the readiness probe.
const READY_ANSWER: Duration = Duration::from_secs(1);

/// Largest answer of the readiness probe, in bytes.
const READY_BYTES: usize = 4096;

/// Time for an instance to end: its own 10 s for requests and 5 s for spans, and some more.
const END: Duration = Duration::from_secs(17);

/// Pause before a crashed instance is started again; it doubles with each crash in a row.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// After an instance ran this long, its next crash counts as the first in a row.
const SOUND: Duration = Duration::from_secs(60);

/// Time that a log entry waits for further lines. The instances write an event at once, so
/// this is far below the 3 s that the contract allows.
const ENTRY_WAIT: Duration = Duration::from_millis(200);

/// Time that a finished span waits for its batch, in ms, so that a trace is seen soon.
const BATCH_DELAY: &str = "200";

/// Environment variables that can keep an instance from starting, or from sending spans or lines. They are
/// removed. A sampler, bounds and a time zone from the environment do reach the instance.
const HOSTILE: [&str; 13] = [
    // Of one instance: two cannot share a port.
    "FAULTS_ADDRESS",
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_PROPAGATORS",
    "OTEL_RESOURCE_ATTRIBUTES",
    "RUST_LOG",
    // Of one instance: two cannot share a folder.
    "SPAN_SPOOL_DIR",
];

/// What instances get from around them, beside the flags of `lab up`.
#[derive(Clone, Debug)]
pub(in crate::lab) struct Surroundings {
    /// True if the variables of the environment reach them, but for [`HOSTILE`].
    pub(in crate::lab) environment: bool,
    /// The folder in which each has a folder of its own for spans on disk.
    pub(in crate::lab) spools: Option<PathBuf>,
}

/// Status of one instance.
pub(in crate::lab) struct Status {
    pub(in crate::lab) name: String,
    pub(in crate::lab) address: String,
    /// URL at which its faults are set, if they can be.
    pub(in crate::lab) faults: Option<String>,
    pub(in crate::lab) restarts: AtomicU64,
    /// Its process; 0 while none runs.
    pid: AtomicU32,
    /// Exit status of its last run.
    end: Mutex<String>,
    running: watch::Sender<bool>,
}

impl Status {
    /// The id of its process, if one runs.
    pub(in crate::lab) fn process(&self) -> Option<u32> {
        Some(self.pid.load(Ordering::Relaxed)).filter(|id| *id != 0)
    }

    /// True if its process runs.
    pub(in crate::lab) fn is_running(&self) -> bool {
        *self.running.borrow()
    }
}

/// The instances, running.
pub(in crate::lab) struct Instances {
    statuses: Vec<Arc<Status>>,
    stop: watch::Sender<bool>,
    keepers: JoinSet<()>,
}

impl Instances {
    /// Starts all instances and waits until each is ready.
    ///
    /// # Errors
    /// When one cannot be started, or is not ready in time.
    pub(in crate::lab) async fn start(
        args: &UpArgs,
        surroundings: &Surroundings,
        reserved: Vec<TcpListener>,
        addresses: &Addresses,
        sink: Arc<dyn Sink>,
        progress: &Progress,
    ) -> anyhow::Result<Self> {
        let host = host_name();
        let (stop, stopping) = watch::channel(false);
        let mut keepers = JoinSet::new();
        let mut statuses = Vec::new();
        // The instances bind the ports themselves.
        drop(reserved);
        for number in 0..addresses.apps.len() {
            let mut flags = flags(args, addresses, number);
            if let Some(folder) = &surroundings.spools {
                flags.push("--span-spool-dir".to_owned());
                let own = folder.join(&addresses.apps[number].0);
                flags.push(own.to_string_lossy().into_owned());
            }
            let keeper = Keeper {
                flags,
                environment: surroundings.environment,
                host: host.clone(),
                stages: stages(args),
                sink: Arc::clone(&sink),
                progress: progress.clone(),
                stopping: stopping.clone(),
            };
            let (name, address) = &addresses.apps[number];
            let status = Arc::new(Status {
                name: name.clone(),
                address: address.to_string(),
                faults: addresses.faults_url(number),
                restarts: AtomicU64::new(0),
                pid: AtomicU32::new(0),
                end: Mutex::default(),
                running: watch::Sender::new(false),
            });
            statuses.push(Arc::clone(&status));
            keepers.spawn(keeper.keep(status));
        }
        for status in &statuses {
            ready(status).await?;
            progress.part(&status.name, &format!("http://{}", status.address));
            if let Some(url) = &status.faults {
                progress.part(&format!("faults of {}", status.name), url);
            }
        }
        Ok(Self {
            statuses,
            stop,
            keepers,
        })
    }

    /// Status of each instance.
    pub(in crate::lab) fn statuses(&self) -> Vec<Arc<Status>> {
        self.statuses.clone()
    }

    /// Lets all instances finish what they do, and waits for that and for their last lines.
    pub(in crate::lab) async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.keepers.join_next().await.is_some() {}
    }
}

/// The flags of instance `number`: its targets are the two instances after it.
fn flags(args: &UpArgs, addresses: &Addresses, number: usize) -> Vec<String> {
    let apps = &addresses.apps;
    let (name, address) = &apps[number];
    let target = |ahead: usize| apps[(number + ahead) % apps.len()].1.to_string();
    let pairs = [
        ("--app-name", name.clone()),
        ("--expose-host", address.ip().to_string()),
        ("--expose-port", address.port().to_string()),
        ("--otlp-grpc-endpoint", addresses.otlp_grpc.clone()),
        ("--target-one-host", target(1)),
        ("--target-two-host", target(2)),
        ("--otel-bsp-schedule-delay", BATCH_DELAY.to_owned()),
        ("--log-format", args.log_format.clone()),
    ];
    let mut flags = vec!["app".to_owned(), "--stop-with-stdin".to_owned()];
    let listed = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(",");
    let guard = [
        (
            "--allowed-hosts",
            listed(&mut args.allow_host.iter().map(ToString::to_string)),
        ),
        (
            "--allowed-origins",
            listed(&mut args.allow_origin.iter().map(ToString::to_string)),
        ),
    ];
    if let Some(address) = addresses.faults.get(number) {
        flags.extend(["--faults".to_owned(), address.to_string()]);
    }
    let guard = guard.into_iter().filter(|(_, list)| !list.is_empty());
    for (flag, value) in pairs.into_iter().chain(guard) {
        flags.push(flag.to_owned());
        flags.push(value);
    }
    flags
}

/// The stages for the instances' log format.
fn stages(args: &UpArgs) -> Stages {
    if args.log_format == "json" {
        return Stages::lines();
    }
    let mut stages = Stages::text();
    if let Some(multiline) = &mut stages.multiline {
        multiline.max_wait = ENTRY_WAIT;
    }
    stages
}

/// This machine's name, for the label `host`.
pub(in crate::lab) fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

/// Waits until an instance answers that it is ready.
async fn ready(status: &Status) -> anyhow::Result<()> {
    let client = Client::new(1, None);
    let deadline = Instant::now() + READY;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if is_ready(&client, &status.address, left.min(READY_ANSWER)).await? {
            return Ok(());
        }
        if left.is_zero() {
            break;
        }
        time::sleep(Duration::from_millis(5)).await;
    }
    let (name, address, seconds) = (&status.name, &status.address, READY.as_secs());
    let end = status.end.lock();
    let crashes = match end.is_empty() {
        true => String::new(),
        false => format!("; it ends again and again ({end})"),
    };
    bail!("{name} on {address} is not ready after {seconds} s{crashes}")
}

async fn is_ready(client: &Client, address: &str, time: Duration) -> Result<bool, http::Error> {
    let request = Request::get(format!("http://{address}/readyz")).body(Full::default())?;
    let size = Size::Whole(READY_BYTES);
    let answer = client.exchange(request, Bounds { time, size }).await;
    Ok(answer.is_ok_and(|answer| answer.status() == StatusCode::OK))
}

/// Keeps one instance running.
struct Keeper {
    flags: Vec<String>,
    environment: bool,
    host: String,
    stages: Stages,
    sink: Arc<dyn Sink>,
    progress: Progress,
    stopping: watch::Receiver<bool>,
}

impl Keeper {
    async fn keep(mut self, status: Arc<Status>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let started = Instant::now();
            let why = match self.run(&status).await {
                Ok(None) => return,
                Ok(Some(why)) => why,
                Err(error) => format!("{error:#}"),
            };
            if started.elapsed() >= SOUND {
                pause = FIRST_PAUSE;
            }
            status.restarts.fetch_add(1, Ordering::Relaxed);
            why.clone_into(&mut status.end.lock());
            self.progress.warn(&format!(
                "{} ended ({why}); starting it again in {} ms",
                status.name,
                pause.as_millis()
            ));
            tokio::select! {
                () = time::sleep(pause) => {}
                _ = self.stopping.wait_for(|stop| *stop) => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Runs the process once. `None` when it was asked to end, else the way in which it ended.
    async fn run(&mut self, status: &Status) -> anyhow::Result<Option<String>> {
        let program = own_program().context("cannot find this program's own file")?;
        let mut command = Command::new(program);
        // Variables that a shell sets for other programs must not switch a pillar off here.
        for variable in HOSTILE {
            command.env_remove(variable);
        }
        if !self.environment {
            command.env_clear();
        }
        let mut child = command
            .args(&self.flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal goes to a whole group: the lab alone is to get it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot be started")?;
        let alive = child.stdin.take();
        let mut pipelines = JoinSet::new();
        let last_words = Arc::new(LastWords::new(Arc::clone(&self.sink)));
        if let Some(stdout) = child.stdout.take() {
            let sink = Arc::clone(&self.sink);
            pipelines.spawn(self.pipeline(&status.name, Output::Stdout, stdout, sink));
        }
        if let Some(stderr) = child.stderr.take() {
            let sink = Arc::clone(&last_words);
            pipelines.spawn(self.pipeline(&status.name, Output::Stderr, stderr, sink));
        }
        status.pid.store(child.id().unwrap_or(0), Ordering::Relaxed);
        status.running.send_replace(true);
        let ended = tokio::select! {
            ended = child.wait() => Some(ended),
            _ = self.stopping.wait_for(|stop| *stop) => None,
        };
        let why = match ended {
            Some(ended) => Some(ended.context("cannot be waited for")?.to_string()),
            None => {
                end(&mut child, alive).await;
                None
            }
        };
        status.pid.store(0, Ordering::Relaxed);
        status.running.send_replace(false);
        while pipelines.join_next().await.is_some() {}
        let last_words = last_words.line();
        Ok(why.map(|why| match last_words.is_empty() {
            true => why,
            false => format!("{why}: {last_words}"),
        }))
    }

    fn pipeline(
        &self,
        name: &str,
        output: Output,
        source: impl AsyncRead + Unpin + Send + 'static,
        sink: Arc<dyn Sink>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let stages = match output {
            Output::Stdout => self.stages.clone(),
            // A panic before the log is set up, or an error at the start: plain lines.
            Output::Stderr => Stages::lines(),
        };
        // The lines come through a pipe, so their file is the process's own output.
        let filename = format!("/dev/{}", output.as_str());
        let labels = contract_labels(name, output, &self.host, &filename);
        async move {
            if let Ok(labels) = LabelSet::new(labels) {
                let pipeline = Pipeline::new(labels, stages, sink, Clock::system());
                let _ = pipeline.run(source).await;
            }
        }
    }
}

/// Closes the pipe that keeps the process alive, and kills it when it takes too long to end.
async fn end(child: &mut Child, alive: Option<ChildStdin>) {
    drop(alive);
    if time::timeout(END, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
