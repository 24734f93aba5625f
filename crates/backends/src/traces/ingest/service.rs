//! The gRPC service for traces. Unlike the generated one it leaves a message as it came, so that it
//! can be measured before it is decoded.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures_util::future::BoxFuture;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tonic::codec::{
    Codec, CompressionEncoding, DecodeBuf, Decoder, EnabledCompressionEncodings, EncodeBuf, Encoder,
};
use tonic::codegen::{Body as HttpBody, Service, StdError, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

use super::body::{Encoding, Unreadable};
use super::intake::{Body, Rejected, take_in};
use crate::traces::Store;
use crate::wire::intake::{Intake, Meter};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Takes spans in; all other methods are UNIMPLEMENTED.
#[derive(Clone)]
pub(super) struct Traces {
    store: Arc<Store>,
}

impl Traces {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

impl NamedService for Traces {
    const NAME: &'static str = "opentelemetry.proto.collector.trace.v1.TraceService";
}

impl<B> Service<http::Request<B>> for Traces
where
    B: HttpBody + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() != EXPORT {
            let status = Status::unimplemented("only traces are taken");
            return Box::pin(async move { Ok(status.into_http()) });
        }
        let export = Export(Arc::clone(&self.store));
        let longest = self.store.limits().max_grpc_message_bytes;
        Box::pin(async move {
            let mut gzip = EnabledCompressionEncodings::default();
            gzip.enable(CompressionEncoding::Gzip);
            let raw = Raw(export.0.intake().clone());
            let mut grpc = Grpc::new(raw)
                .apply_compression_config(gzip, gzip)
                .apply_max_message_size_config(Some(longest), None);
            Ok(grpc.unary(export, request).await)
        })
    }
}

/// The one method of the service.
struct Export(Arc<Store>);

impl UnaryService<Unpacked> for Export {
    type Response = ExportTraceServiceResponse;
    type Future = BoxFuture<'static, Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<Unpacked>) -> Self::Future {
        let store = Arc::clone(&self.0);
        Box::pin(async move {
            let message = request.into_inner();
            let body = Body {
                bytes: message.bytes,
                encoding: Encoding::Protobuf,
                gzip: None,
            };
            let taken = take_in(&store, body).await;
            drop(message.room);
            match taken {
                Ok(answer) => Ok(Response::new(answer)),
                Err(Rejected::Refused(failure)) => Err(failure.into()),
                Err(Rejected::Unreadable(Unreadable::Malformed(reason))) => {
                    Err(Status::internal(reason))
                }
                Err(Rejected::Unreadable(Unreadable::TooLarge(message))) => {
                    store.count_too_large();
                    Err(Status::resource_exhausted(message))
                }
            }
        })
    }
}

/// Messages come in as bytes, and responses go out as protobuf.
struct Raw(Intake);

/// A message, unpacked, and its room in memory. A client decides how long it keeps a request open,
/// so the room is taken when the message is there.
struct Unpacked {
    bytes: Bytes,
    room: Meter,
}

impl Codec for Raw {
    type Encode = ExportTraceServiceResponse;
    type Decode = Unpacked;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0.clone())
    }

    fn decoder(&mut self) -> Self {
        Self(self.0.clone())
    }
}

impl Encoder for Raw {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(to)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

impl Decoder for Raw {
    type Item = Unpacked;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Unpacked>, Status> {
        let mut room = self.0.unpacked_meter();
        room.count(from.remaining())
            .map_err(|busy| Status::unavailable(busy.to_string()))?;
        let bytes = from.copy_to_bytes(from.remaining());
        Ok(Some(Unpacked { bytes, room }))
    }
}
