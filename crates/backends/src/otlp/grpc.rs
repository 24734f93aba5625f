//! OTLP over gRPC.

use std::io;
use std::time::Duration;

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tonic::transport::server::{Connected, TcpIncoming};

use super::metered::Metered;
use super::receivers::Receivers;
use super::service::Exports;

/// Requests that one connection may have open; each may take a whole message of memory.
const MAX_STREAMS: u32 = 32;

/// Bytes that a client may send before they are read.
const WINDOW: u32 = 256 << 10;

/// Time for a request, its message included.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(20);

/// Interval of keepalive pings to a silent client, and the time for its reply.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Bytes of a request's headers.
const MAX_HEAD_BYTES: u32 = 64 << 10;

/// Takes the signals of `receivers` in on a listener until `shutdown` is done and open requests are answered.
///
/// Messages may be compressed with gzip; larger ones than
/// [`Limits::max_grpc_message_bytes`](crate::traces::Limits::max_grpc_message_bytes)
/// are refused. All other services are UNIMPLEMENTED.
///
/// # Errors
///
/// When the listener fails.
pub async fn serve_grpc(
    listener: TcpListener,
    receivers: Receivers,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), tonic::transport::Error> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    serve_grpc_on(incoming, receivers, shutdown).await
}

/// As [`serve_grpc`], on connections that the caller has accepted.
///
/// # Errors
///
/// When there can be no more of them.
pub async fn serve_grpc_on<C>(
    incoming: impl Stream<Item = io::Result<C>>,
    receivers: Receivers,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), tonic::transport::Error>
where
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    // The service answers paths of other services itself, so no router is needed.
    let intake = receivers.gate().intake().clone();
    let metered = Metered::new(Exports::new(receivers), intake);
    tonic::transport::Server::builder()
        .initial_connection_window_size(WINDOW)
        .initial_stream_window_size(WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .timeout(MAX_REQUEST_TIME)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .http2_max_header_list_size(MAX_HEAD_BYTES)
        .serve_with_incoming_shutdown(metered, incoming, shutdown)
        .await
}
