//! The embedded servers of the lab under test, as `lab up` starts them, with stores that can be counted.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use salvo::http::StatusCode;
use salvo::{Response, Router, handler};
use tokio::task::JoinHandle;

use super::args::SoakArgs;
use super::reading::{page, sum};
use super::scraping::Scraping;
use crate::client::Client;
use crate::lab::up::grpc_door;
use crate::lab::up::ports::ServerListeners;
use crate::lab::up::serve::{Doors, Running};
use crate::routing::Unmatched;
use lab_backends::metrics::TargetSet;
use lab_backends::{logs, metrics, traces};

/// Time that the stores keep their data: longer than any run.
const KEPT: Duration = Duration::from_secs(48 * 3600);

/// The servers, running. They end when this is dropped.
pub(super) struct Servers {
    traces: Spans,
    logs: Entries,
    pub(super) metrics: Arc<metrics::Store>,
    pub(super) targets: Arc<TargetSet>,
    pub(super) tempo: SocketAddr,
    pub(super) otlp: SocketAddr,
    pub(super) loki: SocketAddr,
    pub(super) prometheus: SocketAddr,
    /// A collector and a Loki without room for anything.
    pub(super) full: Full,
    /// Spans and entries that real servers had before.
    had: (u64, u64),
    /// Nanoseconds that Loki's clock is behind.
    loki_behind: Arc<AtomicI64>,
    _servers: Vec<Running>,
    receivers: Vec<JoinHandle<()>>,
}

/// Where spans are counted.
enum Spans {
    Embedded(Arc<traces::Store>),
    /// On the page of a real Tempo.
    Real(SocketAddr),
}

/// Where log entries are counted.
enum Entries {
    Embedded(Arc<logs::Store>),
    /// On the page of a real Loki.
    Real(SocketAddr),
}

/// Servers without room.
#[derive(Clone, Copy)]
pub(super) struct Full {
    pub(super) otlp: SocketAddr,
    pub(super) loki: SocketAddr,
}

/// Answers as Loki does when its disk is full.
#[handler]
fn no_space(response: &mut Response) {
    response.status_code(StatusCode::INTERNAL_SERVER_ERROR);
    response.render("write /loki/wal/00000001: no space left on device");
}

impl Servers {
    /// Starts them on the listeners of `lab up`, and uses the real ones that the flags name. Prometheus scrapes the instances at `scraped`.
    ///
    /// # Errors
    /// When a listener cannot be used.
    pub(super) fn start(
        args: &SoakArgs,
        doors: &Doors,
        listeners: ServerListeners,
        scraped: &[SocketAddr],
    ) -> anyhow::Result<Self> {
        let bound = |listener: Option<TcpListener>| listener.context("a port is missing");
        let [tempo, loki, prometheus, otlp] = [
            bound(listeners.tempo)?,
            bound(listeners.loki)?,
            bound(listeners.prometheus)?,
            bound(listeners.otlp_grpc)?,
        ];
        let (full_loki, full_otlp) = (free_port()?, free_port()?);
        let addresses = [&tempo, &otlp, &loki, &prometheus, &full_otlp, &full_loki];
        let addresses = addresses.map(TcpListener::local_addr);

        let traces = Arc::new(traces::Store::new(traces::Limits {
            max_age: KEPT,
            ..traces::Limits::default()
        }));
        let without_room = Arc::new(traces::Store::new(traces::Limits {
            ingest_bytes_per_second: 0,
            ingest_burst_bytes: 0,
            ..traces::Limits::default()
        }));
        let loki_behind = Arc::new(AtomicI64::new(0));
        let behind = Arc::clone(&loki_behind);
        let system = logs::Clock::system();
        let clock = logs::Clock::from_fn(move || system.now() - behind.load(Ordering::Relaxed));
        let limits = logs::Limits {
            max_age: KEPT,
            increment_duplicate_timestamp: true,
            ..logs::Limits::default()
        };
        let logs = Arc::new(logs::Store::with_clock(limits, clock));
        let metrics = Arc::new(metrics::Store::new(metrics::Limits {
            max_age: KEPT,
            ..metrics::Limits::default()
        }));
        let targets = Scraping::targets(scraped)?;

        let query_limits = metrics::QueryLimits::default();
        let metrics_api = metrics::router(
            metrics.clone(),
            targets.clone(),
            Arc::default(),
            query_limits,
        );
        let full_routes = Router::with_path("{**path}").post(no_space);
        let servers = vec![
            doors.open(
                tempo,
                traces::api::router(traces.clone()),
                Unmatched::of_mux(),
            )?,
            doors.open(loki, logs::router(logs.clone()), Unmatched::of_mux())?,
            doors.open(prometheus, metrics_api, Unmatched::of_httprouter())?,
            doors.open(full_loki, full_routes, Unmatched::of_mux())?,
        ];
        let receivers = vec![
            receive(doors, otlp, traces.clone())?,
            receive(doors, full_otlp, without_room)?,
        ];
        let [tempo, otlp, loki, prometheus, full_otlp, full_loki] = addresses;
        Ok(Self {
            traces: args.tempo.map_or(Spans::Embedded(traces), Spans::Real),
            logs: args.loki.map_or(Entries::Embedded(logs), Entries::Real),
            metrics,
            targets,
            tempo: args.tempo.unwrap_or(tempo?),
            otlp: args.tempo_otlp.unwrap_or(otlp?),
            loki: args.loki.unwrap_or(loki?),
            prometheus: prometheus?,
            full: Full {
                otlp: full_otlp?,
                loki: full_loki?,
            },
            had: (0, 0),
            loki_behind,
            _servers: servers,
            receivers,
        })
    }

    /// Counts from now on.
    ///
    /// # Errors
    /// When a real server does not tell.
    pub(super) async fn begin(&mut self, client: &Client) -> anyhow::Result<()> {
        self.had = (0, 0);
        self.had = (self.spans(client).await?, self.entries(client).await?);
        Ok(())
    }

    /// Spans that Tempo took; each once if it is the embedded one, else each time that it arrived.
    ///
    /// # Errors
    /// When a real Tempo does not tell.
    pub(super) async fn spans(&self, client: &Client) -> anyhow::Result<u64> {
        match &self.traces {
            Spans::Embedded(store) => Ok(store.stats().spans_ingested),
            Spans::Real(tempo) => {
                let page = page(client, *tempo).await?;
                Ok(sum(&page, "tempo_distributor_spans_received_total", "")
                    .saturating_sub(self.had.0))
            }
        }
    }

    /// Log entries that Loki took; each once if it is the embedded one, else each time that it arrived.
    ///
    /// # Errors
    /// When a real Loki does not tell.
    pub(super) async fn entries(&self, client: &Client) -> anyhow::Result<u64> {
        match &self.logs {
            Entries::Embedded(store) => Ok(store.stats().ingested_entries),
            Entries::Real(loki) => {
                let page = page(client, *loki).await?;
                Ok(sum(&page, "loki_distributor_lines_received_total", "")
                    .saturating_sub(self.had.1))
            }
        }
    }

    /// Moves Loki's clock back.
    pub(super) fn set_loki_behind(&self, by: Duration) {
        let nanos = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.loki_behind.store(nanos, Ordering::Relaxed);
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.receivers.iter().for_each(JoinHandle::abort);
    }
}

fn free_port() -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port for a server")?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// An OTLP receiver for gRPC.
fn receive(
    doors: &Doors,
    listener: TcpListener,
    store: Arc<traces::Store>,
) -> anyhow::Result<JoinHandle<()>> {
    let listener = tokio::net::TcpListener::from_std(listener).context("listener")?;
    let incoming = grpc_door::incoming(listener, doors.connections());
    Ok(tokio::spawn(async move {
        let _ = traces::ingest::serve_grpc_on(incoming, store, std::future::pending()).await;
    }))
}
