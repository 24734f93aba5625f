//! An HTTP server of the lab: a listener, routes behind the guard, and a way to stop.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use salvo::conn::tcp::TcpAcceptor;
use salvo::server::ServerHandle;
use salvo::{Router, Server, Service};
use tokio::task::JoinHandle;

use super::UpArgs;
use super::connections::{Connections, Keep};
use super::forms::Forms;
use super::instances::host_name;
use super::refusal::refuse;
use crate::guard::{Before, Guard, Hosts};
use crate::routing::{Head, Unmatched};

/// Time for open requests when a server stops.
pub(in crate::lab) const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of a request's head; more get status 431.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Guard and connection bounds in front of every server of the lab.
pub(in crate::lab) struct Doors {
    pub(in crate::lab) guard: Arc<Guard>,
    most_connections: usize,
}

impl Doors {
    /// The doors that the flags ask for. Each server takes `most_connections`.
    pub(in crate::lab) fn new(args: &UpArgs, most_connections: usize) -> Self {
        let hosts = Hosts::new(args.allow_host.clone()).and_own_name(&host_name());
        let guard = Guard::new(hosts, args.allow_origin.clone(), "--allow-host");
        Self {
            guard: Arc::new(guard),
            most_connections,
        }
    }

    /// Places for the connections of one server.
    pub(in crate::lab) fn connections(&self) -> Connections {
        Connections::new(self.most_connections)
    }

    /// Serves the routes of an API on `listener`.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub(in crate::lab) fn open(
        &self,
        listener: TcpListener,
        routes: Router,
        unmatched: Unmatched,
    ) -> anyhow::Result<Running> {
        let routes = Arc::new(routes);
        let connections = self.connections();
        let service = Service::new(Arc::clone(&routes))
            .hoop(Keep(connections.clone()))
            .hoop(Before::new(Arc::clone(&self.guard), refuse))
            .hoop(unmatched)
            .hoop(Forms::new())
            .hoop(Head::new(routes));
        start(listener, service, connections)
    }

    /// Serves a service that has the guard already and takes no large bodies.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub(in crate::lab) fn open_guarded(
        &self,
        listener: TcpListener,
        service: Service,
    ) -> anyhow::Result<Running> {
        let connections = self.connections();
        let service = service
            .hoop(Keep(connections.clone()))
            .hoop(Forms::and_all_bodies());
        start(listener, service, connections)
    }
}

fn start(
    listener: TcpListener,
    service: Service,
    connections: Connections,
) -> anyhow::Result<Running> {
    let listener = tokio::net::TcpListener::from_std(listener).context("listener")?;
    let acceptor = TcpAcceptor::try_from(listener)?;
    let mut server = Server::new(acceptor).fuse_policy(connections);
    // The buffer alone would take a larger head that comes in one piece.
    server
        .http1_mut()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_header_size(MAX_HEAD_BYTES);
    let handle = server.handle();
    let task = tokio::spawn(async move {
        // It ends with an error only when its listener fails, which the next request shows.
        let _ = server.try_serve(service).await;
    });
    Ok(Running { handle, task })
}

/// A running server; dropping it ends it at once.
pub(in crate::lab) struct Running {
    handle: ServerHandle,
    task: JoinHandle<()>,
}

impl Running {
    /// Takes no new requests, answers the open ones and ends.
    pub(in crate::lab) async fn stop(mut self) {
        self.handle.stop_graceful(PATIENCE);
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
