//! `lab up`: three instances of the service and everything that observes them, in one command.
//!
//! * [`args`]: its flags
//! * [`ports`]: every address, bound before anything is started
//! * [`backends`]: the embedded servers
//! * [`serve`]: starts a server with its guard and bounds; [`connections`], [`grpc_door`]: bounds on
//!   connections; [`forms`]: bounds on request bodies; [`refusal`]: their error responses
//! * [`stats`]: `/metrics` of the lab itself; [`generator_stats`]: the part about metrics made of spans
//! * [`files`]: the limit of open files
//! * [`instances`]: the service's processes, kept running; [`last_words`]: their last lines on standard error
//! * [`console`]: the console on port 3000; [`status`], [`traffic`], [`incidents`]: the lab's own routes of it;
//!   [`body`]: what they read and write
//! * [`progress`]: terminal output

mod args;
mod backends;
mod body;
pub(super) mod connections;
mod console;
pub(super) mod files;
mod forms;
mod generator_stats;
pub(super) mod grpc_door;
mod incidents;
pub(super) mod instances;
mod last_words;
pub(super) mod ports;
pub(super) mod progress;
mod refusal;
pub(super) mod serve;
mod stats;
mod status;
mod traffic;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

pub use args::UpArgs;
use backends::Backends;
pub(super) use backends::shipping;
use incidents::Incidents;
use instances::{Instances, Surroundings};
use ports::Ports;
use progress::Progress;
use serve::Doors;
use status::Lab;
use traffic::Traffic;

use crate::lab::incident::Catalogue;

/// Servers that share the files which the process may open: the console, three APIs, two receivers.
const SERVERS: u64 = 6;

/// Exit code after a second Ctrl-C: as a shell gives it for the signal.
const KILLED: u8 = 130;

/// Runs the lab until Ctrl-C or SIGTERM. `environment` names the folder of the state of incidents.
///
/// # Errors
/// When an address is taken (all of them are named), a server cannot be started or an instance does
/// not become ready.
pub async fn run(
    args: UpArgs,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let started = Instant::now();
    let files = files::raise()?;
    let doors = Doors::new(&args, connections::most(files, SERVERS));
    let ports = Ports::bind(&args)?;
    let console = console::console(&args, &ports.addresses)?;
    // A mistake in a file of one's own is told before anything starts; later it takes no other incident away.
    if args.incidents.is_some() {
        Catalogue::new(args.incidents.clone()).all()?;
    }
    let progress = Progress::new(&args);
    let addresses = ports.addresses.clone();

    let (mut backends, sink) =
        Backends::start(&args, &doors, ports.servers, &addresses, &progress)?;
    let surroundings = Surroundings {
        environment: true,
        spools: None,
    };
    let instances = tokio::select! {
        started = Instances::start(&args, &surroundings, ports.instances, &addresses, sink, &progress) => started?,
        // Nobody has used them yet, so they are killed as they are dropped.
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
        _ = terminate.recv() => return Ok(ExitCode::SUCCESS),
    };
    backends.scrape();
    let lab = Lab::new(&backends, &instances, &addresses);
    let traffic = Traffic::new(&addresses);
    let incidents = Incidents::new(args.incidents.clone(), &addresses, environment);
    let routes = status::routes(lab)
        .into_iter()
        .chain(traffic.routes())
        .chain(incidents.routes());
    let service = console.service_behind(Arc::clone(&doors.guard), routes)?;
    let console = match ports.console {
        Some(listener) => Some(doors.open_guarded(listener, service)?),
        None => None,
    };
    progress.ready(&addresses, started.elapsed());

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    progress.say("stopping; Ctrl-C again kills");
    let stop = async {
        traffic.stop();
        instances.stop().await;
        backends.stop().await;
        if let Some(console) = console {
            console.stop().await;
        }
    };
    tokio::select! {
        () = stop => Ok(ExitCode::SUCCESS),
        // Processes that still run are killed when they are dropped.
        _ = interrupt.recv() => Ok(ExitCode::from(KILLED)),
    }
}
