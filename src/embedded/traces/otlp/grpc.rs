//! OTLP over gRPC.

use std::sync::Arc;

use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;

use super::counted::Counted;
use super::service::Traces;
use crate::embedded::traces::Store;

/// Requests that one connection may have open; each may take a whole message of memory.
const MAX_STREAMS: u32 = 32;

/// Takes spans in on a listener until `shutdown` is done and open requests are answered.
///
/// Messages may be compressed with gzip; larger ones than
/// [`Limits::max_grpc_message_bytes`](crate::embedded::traces::Limits::max_grpc_message_bytes)
/// are refused. Services other than traces are UNIMPLEMENTED.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve_grpc(
    listener: TcpListener,
    store: Arc<Store>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), tonic::transport::Error> {
    // The service answers paths of other services itself, so no router is needed.
    let service = Traces::new(Arc::clone(&store));
    tonic::transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .serve_with_incoming_shutdown(
            Counted::new(service, store),
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            shutdown,
        )
        .await
}
