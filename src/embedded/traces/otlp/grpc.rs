//! OTLP over gRPC.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::net::TcpListener;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, async_trait};

use super::counted::Counted;
use super::export;
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
    let longest = store.limits().max_grpc_message_bytes;
    // The generated service answers paths of other services itself, so no router is needed.
    let receiver = Receiver {
        store: Arc::clone(&store),
    };
    let service = TraceServiceServer::new(receiver)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(longest);
    tonic::transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .serve_with_incoming_shutdown(
            Counted::new(service, store),
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            shutdown,
        )
        .await
}

struct Receiver {
    store: Arc<Store>,
}

#[async_trait]
impl TraceService for Receiver {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let response = export(&self.store, request.into_inner()).await?;
        Ok(Response::new(response))
    }
}
