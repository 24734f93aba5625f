//! The service that the lab observes.
//!
//! * [`start`]: from flags and environment to an exit code
//! * [`config`]: flags and environment
//! * [`router`]: routes and the middleware around them
//! * [`handlers`]: the routes that the lab traces
//! * [`probes`]: the routes for monitoring
//! * [`targets`]: calls to other instances
//! * [`limits`]: bounds on the cost of a request; [`gate`]: the requests that are being answered
//! * [`open_files`]: advice when the limit of open files is too low
//! * [`failure`]: errors of handlers; `upstream`: those of what the service depends on
//! * [`problem`]: the body of error responses; [`rejected`]: requests that reach no handler
//! * [`probe_paths`]: the paths that middleware exempts
//! * [`instance`]: state that the handlers share

pub mod config;
mod failure;
mod gate;
mod handlers;
mod instance;
mod limits;
mod open_files;
mod probe_paths;
mod probes;
mod problem;
mod rejected;
mod router;
mod targets;
#[cfg(feature = "faults")]
mod upstream;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::uri::Authority;
use salvo::Server;
use salvo::conn::tcp::TcpAcceptor;
use salvo::fuse::FuseConfig;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

#[cfg(feature = "faults")]
use crate::faults::{self, control::Known};
use crate::telemetry::Telemetry;
#[cfg(feature = "faults")]
use crate::telemetry::log_line::LogFormat;
use crate::telemetry::server_span::ServerSpan;
use config::{Config, ServiceArgs};
use gate::Gate;
use instance::Instance;
use targets::Targets;

/// Longest time that running requests have to finish once the service is asked to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Longest wait until the requests that were cut off have ended.
const CUT_OFF: Duration = Duration::from_millis(500);

/// Longest time for the last spans to be exported.
const FLUSH: Duration = Duration::from_secs(5);

/// Most connections, as a multiple of the requests that are answered at the same time. Most connections
/// are idle.
const CONNECTIONS_PER_REQUEST: usize = 4;

/// Exit code for a setting with a bad value.
const BAD_SETTING: u8 = 2;

/// Runs one instance with the settings of `args` and `environment` until SIGTERM, Ctrl-C or the end of
/// `stop`. Errors are written to standard error. A setting with a bad value gives exit code 2.
#[must_use]
pub fn start(
    args: &ServiceArgs,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    stop: impl Future<Output = ()>,
) -> ExitCode {
    let environment = environment
        .into_iter()
        .map(|(name, value)| {
            let [name, value] = [name, value].map(|text| text.to_string_lossy().into_owned());
            (name, value)
        })
        .collect();
    let config = match Config::resolve(args, &environment) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(BAD_SETTING);
        }
    };
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")
        .and_then(|runtime| {
            let served = runtime.block_on(run(config, stop));
            // A DNS lookup may still block a thread, and nothing needs its result any more.
            runtime.shutdown_background();
            served
        });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}{}", open_files::advice(&error));
            ExitCode::FAILURE
        }
    }
}

/// Runs the service until SIGTERM, Ctrl-C or `stop`, then lets running requests finish and flushes.
///
/// # Errors
/// When telemetry cannot start, the address cannot be bound, or the server fails.
pub async fn run(config: Config, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let wanted = SocketAddr::new(config.host, config.port);
    let listener = TcpListener::bind(wanted).await;
    let listener = listener.map_err(|error| {
        let advice = match open_files::is_limit(&error) {
            true => "",
            false => " (EXPOSE_HOST, EXPOSE_PORT; --expose-port takes another port)",
        };
        anyhow::Error::new(error).context(format!("cannot listen on {wanted}{advice}"))
    })?;
    let address = listener.local_addr()?;
    #[cfg(feature = "faults")]
    let control = config.faults.map(control_listener).transpose()?;
    let telemetry = Telemetry::start(&config.telemetry)?;

    let gate = Arc::new(Gate::new(config.limits.max_concurrent_requests));
    let instance = Arc::new(Instance {
        own: own_authority(address),
        others: config.targets,
        targets: Targets::new(config.target_timeout, config.telemetry.propagation),
        tasks: config.tasks,
        gate: Arc::clone(&gate),
        metrics: telemetry.metrics(),
    });
    #[cfg(feature = "faults")]
    if let Some(control) = control {
        let known = Known {
            guard: config.guard.without_origins(),
            routes: router::ROUTES,
            metrics: telemetry.metrics(),
            log_is_text: config.telemetry.log_format == LogFormat::Text,
        };
        faults::control::start(control, known).context("the control port cannot be served")?;
    }
    let span = ServerSpan::new(telemetry.tracer(), config.telemetry.propagation);
    let routes = router::observed(instance, config.guard, config.limits, span);
    let mut server = Server::new(TcpAcceptor::try_from(listener)?)
        .fuse_config(FuseConfig::default())
        .max_connections(config.limits.max_concurrent_requests * CONNECTIONS_PER_REQUEST);
    server
        .http1_mut()
        .max_buf_size(config.limits.max_header_bytes)
        // The buffer alone would take a larger head that comes in one piece.
        .max_header_size(config.limits.max_header_bytes);
    let handle = server.handle();
    info!(
        "{} ready on http://{address}",
        config.telemetry.service_name
    );

    let draining = Arc::clone(&gate);
    let drain = async move {
        let gate = draining;
        let name = tokio::select! {
            () = stop => "asked to stop",
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "Ctrl-C",
        };
        info!("{name}: finishing running requests");
        let deadline = Instant::now() + DRAIN;
        #[cfg(feature = "faults")]
        faults::clear();
        // The server still listens, so that probes see the status 503 of `/readyz`.
        gate.close();
        if tokio::time::timeout(DRAIN, gate.empty()).await.is_err() {
            warn!(
                "requests still running after {} s are cut off",
                DRAIN.as_secs()
            );
        }
        let left = deadline.saturating_duration_since(Instant::now());
        handle.stop_graceful(left.max(Duration::from_millis(100)));
    };
    let (served, ()) = tokio::join!(server.try_serve(routes), drain);
    // A request that was cut off ends its span when it is dropped, on another thread.
    let _ = tokio::time::timeout(CUT_OFF, gate.empty()).await;
    telemetry.shutdown(FLUSH).await;
    served.context("the server failed")
}

/// Listens for those who set faults.
///
/// # Errors
/// When the address cannot be bound.
#[cfg(feature = "faults")]
fn control_listener(address: SocketAddr) -> anyhow::Result<std::net::TcpListener> {
    std::net::TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address} (FAULTS_ADDRESS; --faults takes another address)")
    })
}

/// Host and port at which this instance calls itself. An instance that listens on all addresses calls
/// itself on loopback.
#[expect(clippy::expect_used, reason = "an IP address and a port")]
fn own_authority(address: SocketAddr) -> Authority {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => [127, 0, 0, 1].into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address.to_string().parse().expect("an authority")
}
