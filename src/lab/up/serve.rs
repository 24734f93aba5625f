//! An HTTP server of the lab: a listener, routes, and a way to stop.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Context as _;
use salvo::conn::tcp::TcpAcceptor;
use salvo::server::ServerHandle;
use salvo::{Server, Service};
use tokio::task::JoinHandle;

/// Most connections of one server at a time; more of them wait.
const MAX_CONNECTIONS: usize = 1024;

/// How long open requests have to be answered when a server stops.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// A running server; dropping it ends it at once.
pub(super) struct Running {
    handle: ServerHandle,
    task: JoinHandle<()>,
}

impl Running {
    /// Serves `routes` on `listener`.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub(super) fn start(listener: TcpListener, routes: impl Into<Service>) -> anyhow::Result<Self> {
        let service = routes.into();
        let listener = tokio::net::TcpListener::from_std(listener).context("listener")?;
        let server = Server::new(TcpAcceptor::try_from(listener)?).max_connections(MAX_CONNECTIONS);
        let handle = server.handle();
        let task = tokio::spawn(async move {
            // It ends with an error only when its listener fails, which the next request shows.
            let _ = server.try_serve(service).await;
        });
        Ok(Self { handle, task })
    }

    /// Takes no new requests, answers the open ones and ends.
    pub(super) async fn stop(mut self) {
        self.handle.stop_graceful(PATIENCE);
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
